/* SPDX-License-Identifier: MIT
 *
 * The flock decides who has it; what is in the file only tells people. It is not removed when the
 * lock is given back: two processes could then each hold a lock on a file of that name.
 */
#include "store/lock.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "store/database_file.h"

#define HOLDER_BYTES_MAX 128
#define HOST_BYTES_MAX 65

/* Read who the file says has the lock; "another process" when it does not say. */
static void read_holder(char out[HOLDER_BYTES_MAX], int fd)
{
    ssize_t count = pread(fd, out, HOLDER_BYTES_MAX - 1, 0);

    out[count > 0 ? count : 0] = '\0';
    for (char *c = out; *c; c++) {
        if (*c < ' ' || *c > '~')
            *c = '\0';
    }
    if (!*out)
        (void)snprintf(out, HOLDER_BYTES_MAX, "another process");
}

/* A full disk keeps nobody from holding the lock, so a failure only leaves the file empty. */
static void write_holder(int fd, const char *path)
{
    char host[HOST_BYTES_MAX] = "";
    char holder[HOLDER_BYTES_MAX];
    int length;

    (void)gethostname(host, sizeof host); /* no name of a host is longer */
    length = snprintf(holder, sizeof holder, "pid %ld on host %s\n", (long)getpid(), host);
    if (!ftruncate(fd, 0))
        (void)file_write(fd, path, holder, (size_t)length, NULL);
}

tel_error writer_lock_take(struct writer_lock *lock, const char *path, enum file_access access,
                           struct deadline deadline, tel_fault *fault)
{
    CLEANUP(freep) char *directory = path_directory(path);
    CLEANUP(closep) int fd = -1;
    char holder[HOLDER_BYTES_MAX];
    tel_error error;

    if (!directory)
        return fault_nomem(fault);
    error = directory_make(directory, access, fault);
    if (!error)
        error = file_open(&fd, path, O_RDWR | O_CREAT, access, NULL, fault);
    if (error == TEL_E_IO)
        return fault_advise(fault, error, ADVICE_PLACE);
    if (error)
        return error;
    error = file_lock(fd, path, deadline, fault);
    if (error == TEL_E_BUSY) {
        read_holder(holder, fd);
        return fault_set(fault, TEL_E_BUSY,
                         "the database is in use: %s is locked by %s; stop that process, or set "
                         "TELEMETRY_BASE_DIR to another directory",
                         path, holder);
    }
    if (error)
        return error;
    write_holder(fd, path);
    lock->fd = fd;
    fd = -1;
    return TEL_OK;
}

void writer_lock_release(struct writer_lock *lock)
{
    closep(&lock->fd);
    lock->fd = -1;
}
