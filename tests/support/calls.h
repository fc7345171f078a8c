/* SPDX-License-Identifier: MIT
 *
 * The system calls that change something, on disk or elsewhere: the n-th one fails, or kills the
 * process before it is made. They become the program's by this being included, in one file; the
 * libraries that we use make them too.
 */
#ifndef SUPPORT_CALLS_H
#define SUPPORT_CALLS_H

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "telemetry.h"

#define KILLED (-1) /* in place of an error */

struct call_faults {
    atomic_long made; /* since calls_arm() */
    atomic_long from; /* the first that fails; 0: none */
    atomic_long to;   /* the last */
    atomic_int error; /* how, or KILLED */
    char only[12];    /* the calls of this name alone; "": all */
};

static struct call_faults own_calls;
static struct call_faults *calls = &own_calls;

/* Count anew, and let the calls from..to fail with `error`. Those named `only`, or all (NULL). */
static inline void calls_arm(long from, long to, int error, const char *only)
{
    atomic_store(&calls->from, 0);
    atomic_store(&calls->made, 0);
    atomic_store(&calls->to, to);
    atomic_store(&calls->error, error);
    (void)snprintf(calls->only, sizeof calls->only, "%s", only ? only : "");
    atomic_store(&calls->from, from);
}

/* Let nothing fail any more; return how many there were. */
static inline long calls_disarm(void)
{
    atomic_store(&calls->from, 0);
    return atomic_load(&calls->made);
}

static bool call_fails(const char *name)
{
    long from = atomic_load(&calls->from);
    long n;

    if (from == 0 || (*calls->only && strcmp(calls->only, name) != 0))
        return false;
    n = atomic_fetch_add(&calls->made, 1) + 1;
    if (n < from || n > atomic_load(&calls->to))
        return false;
    if (atomic_load(&calls->error) == KILLED)
        (void)kill(getpid(), SIGKILL);
    errno = atomic_load(&calls->error);
    return true;
}

#define CALL_OR_FAIL(name, ...) (call_fails(#name) ? -1 : syscall(SYS_##name, __VA_ARGS__))

static int open_or_fail(const char *path, int flags, va_list *more)
{
    int mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(*more, int) : 0;

    if (call_fails("open"))
        return -1;
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

TEL_API int open(const char *path, int flags, ...)
{
    va_list more;
    int fd;

    va_start(more, flags);
    fd = open_or_fail(path, flags, &more);
    va_end(more);
    return fd;
}

TEL_API int open64(const char *path, int flags, ...)
{
    va_list more;
    int fd;

    va_start(more, flags);
    fd = open_or_fail(path, flags, &more);
    va_end(more);
    return fd;
}

/* An eventfd lives in memory: nothing is in the way of what is written there. */
static bool is_eventfd(int fd)
{
    struct stat status;

    return fstat(fd, &status) == 0 && (status.st_mode & S_IFMT) == 0;
}

TEL_API ssize_t write(int fd, const void *bytes, size_t count)
{
    if (is_eventfd(fd))
        return syscall(SYS_write, fd, bytes, count);
    return CALL_OR_FAIL(write, fd, bytes, count);
}

/* What open() becomes with _FORTIFY_SOURCE. */
TEL_API int __open_2(const char *path, int flags);
TEL_API int __open64_2(const char *path, int flags);

TEL_API int __open_2(const char *path, int flags)
{
    return open(path, flags);
}

TEL_API int __open64_2(const char *path, int flags)
{
    return open(path, flags);
}

TEL_API ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t offset)
{
    return CALL_OR_FAIL(pwrite64, fd, bytes, count, offset);
}

TEL_API ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset)
{
    return CALL_OR_FAIL(pwrite64, fd, bytes, count, offset);
}

TEL_API int fsync(int fd)
{
    return (int)CALL_OR_FAIL(fsync, fd);
}

TEL_API int fdatasync(int fd)
{
    return (int)CALL_OR_FAIL(fdatasync, fd);
}

TEL_API int ftruncate(int fd, off_t length)
{
    return (int)CALL_OR_FAIL(ftruncate, fd, length);
}

TEL_API int ftruncate64(int fd, off64_t length)
{
    return (int)CALL_OR_FAIL(ftruncate, fd, length);
}

TEL_API int renameat2(int from_directory, const char *from, int to_directory, const char *to,
                      unsigned flags)
{
    return (int)CALL_OR_FAIL(renameat2, from_directory, from, to_directory, to, flags);
}

TEL_API int rename(const char *from, const char *to)
{
    return (int)CALL_OR_FAIL(rename, from, to);
}

TEL_API int link(const char *from, const char *to)
{
    return (int)CALL_OR_FAIL(link, from, to);
}

TEL_API int unlink(const char *path)
{
    return (int)CALL_OR_FAIL(unlink, path);
}

TEL_API int mkdir(const char *path, mode_t mode)
{
    return (int)CALL_OR_FAIL(mkdir, path, mode);
}

TEL_API ssize_t send(int fd, const void *bytes, size_t count, int flags)
{
    return CALL_OR_FAIL(sendto, fd, bytes, count, flags, NULL, 0);
}

TEL_API ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    return CALL_OR_FAIL(sendmsg, fd, message, flags);
}

#endif
