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

/* The n-th alone. */
static bool may_read(void)
{
    errno = faults.error;
    return ++faults.calls != faults.fail_at;
}

static ssize_t read_at(int fd, void *bytes, size_t count, off_t offset)
{
    return may_read() ? pread(fd, bytes, count, offset) : -1;
}

static ssize_t read_bytes(int fd, void *bytes, size_t count)
{
    return may_read() ? read(fd, bytes, count) : -1;
}

struct call {
    const char *name;
    sqlite3_syscall_ptr call;
};

/* SQLite has one of two names for some calls, and only knows that. */
static void begin(const struct call *calls, size_t count, size_t n, int error)
{
    sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
    size_t known = 0;

    faults.calls = 0;
    faults.fail_at = n;
    faults.error = error;
    for (size_t i = 0; i < count; i++)
        known += !vfs->xSetSystemCall(vfs, calls[i].name, n ? calls[i].call : NULL);
    if (known + 1 < count)
        abort();
}

void sqlite_fail_at(size_t n, int error)
{
    static const struct call calls[] = {
        {"open", (sqlite3_syscall_ptr)open_file},  {"pwrite64", (sqlite3_syscall_ptr)write_at},
        {"pwrite", (sqlite3_syscall_ptr)write_at}, {"write", (sqlite3_syscall_ptr)write_bytes},
        {"ftruncate", (sqlite3_syscall_ptr)cut},   {"unlink", (sqlite3_syscall_ptr)remove_file},
    };

    begin(calls, sizeof calls / sizeof *calls, n, error);
}

void sqlite_fail_read_at(size_t n)
{
    static const struct call calls[] = {
        {"pread64", (sqlite3_syscall_ptr)read_at},
        {"pread", (sqlite3_syscall_ptr)read_at},
        {"read", (sqlite3_syscall_ptr)read_bytes},
    };

    begin(calls, sizeof calls / sizeof *calls, n, EIO);
}

size_t sqlite_calls(void)
{
    return faults.calls;
}

bool sqlite_has_failed(void)
{
    return faults.fail_at && faults.calls >= faults.fail_at;
}
