/* SPDX-License-Identifier: MIT
 *
 * A library to be preloaded (tests/e2e/faults.py): system calls and allocations of a program fail, or
 * kill it, where its tester says so, who may change his mind while it runs. The file FAULTS_FILE,
 * mapped by both, is what they share. Programs that the program starts are left alone. The address
 * sanitizer's library has to be preloaded before this one: it then takes these calls for the system's,
 * and tells of leaks, but allocations are its own.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/signalfd.h>

#include "support/calls.h"
#include "support/nomem.h"

struct faults {
    struct call_faults calls;
    struct memory_faults memory;
};

__attribute__((constructor)) static void share_faults(void)
{
    const char *path = getenv("FAULTS_FILE");
    int fd = path ? (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC) : -1;
    struct faults *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    if (shared == MAP_FAILED) {
        (void)fprintf(stderr, "FAULTS_FILE: %s\n", strerror(errno));
        _exit(70);
    }
    (void)close(fd);
    (void)unsetenv("LD_PRELOAD");
    (void)unsetenv("FAULTS_FILE");
    calls = &shared->calls;
    nomem = &shared->memory;
}

/* ---- Calls that change nothing outside, but without which a program is not started ------------- */

TEL_API int pipe2(int ends[2], int flags)
{
    return (int)CALL_OR_FAIL(pipe2, ends, flags);
}

TEL_API int signalfd(int fd, const sigset_t *mask, int flags)
{
    return (int)CALL_OR_FAIL(signalfd4, fd, mask, (size_t)(_NSIG / 8), flags);
}

/* POSIX lets an object's address be a function's, ISO C does not. */
TEL_API pid_t fork(void)
{
    union {
        void *object;
        pid_t (*function)(void);
    } own = {.object = dlsym(RTLD_NEXT, "fork")};

    return call_fails("fork") ? -1 : own.function();
}
