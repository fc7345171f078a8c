/* SPDX-License-Identifier: MIT
 *
 * SQLite lets its system calls be replaced, for just this.
 */
#include "support/sqlite_faults.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <unistd.h>

static struct {
    size_t calls;
    size_t fail_at;
    int error;
} faults;

/* Count a call. false: it has to fail, and errno is set. */
static bool may_go_on(void)
{
    if (!faults.fail_at || ++faults.calls < faults.fail_at)
        return true;
    if (!faults.error)
        (void)raise(SIGKILL);
    errno = faults.error;
    return false;
}

static int open_file(const char *path, int flags, int mode)
{
    if ((flags & O_CREAT) && !may_go_on())
        return -1;
    return open(path, flags, mode);
}

static ssize_t write_at(int fd, const void *bytes, size_t count, off_t offset)
{
    return may_go_on() ? pwrite(fd, bytes, count, offset) : -1;
}

static ssize_t write_bytes(int fd, const void *bytes, size_t count)
{
    return may_go_on() ? write(fd, bytes, count) : -1;
}

static int cut(int fd, off_t size)
{
    return may_go_on() ? ftruncate(fd, size) : -1;
}

static int remove_file(const char *path)
{
    return may_go_on() ? unlink(path) : -1;
}

void sqlite_fail_at(size_t n, int error)
{
    sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
    const struct {
        const char *name;
        sqlite3_syscall_ptr call;
    } calls[] = {
        {"open", (sqlite3_syscall_ptr)open_file},  {"pwrite64", (sqlite3_syscall_ptr)write_at},
        {"pwrite", (sqlite3_syscall_ptr)write_at}, {"write", (sqlite3_syscall_ptr)write_bytes},
        {"ftruncate", (sqlite3_syscall_ptr)cut},   {"unlink", (sqlite3_syscall_ptr)remove_file},
    };

    faults.calls = 0;
    faults.fail_at = n;
    faults.error = error;
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        if (vfs->xSetSystemCall(vfs, calls[i].name, n ? calls[i].call : NULL) &&
            calls[i].call != (sqlite3_syscall_ptr)write_at)
            abort();
    }
}

bool sqlite_has_failed(void)
{
    return faults.fail_at && faults.calls >= faults.fail_at;
}
