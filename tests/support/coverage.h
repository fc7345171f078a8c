/* SPDX-License-Identifier: MIT
 *
 * Included before every source when coverage is measured: counts are written at exit(), so that a process
 * which ends otherwise, or becomes another program, has them written first.
 */
#ifndef SUPPORT_COVERAGE_H
#define SUPPORT_COVERAGE_H

#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

void __gcov_dump(void);
void __gcov_reset(void);

#define WRITE_COUNTS (__gcov_dump(), __gcov_reset())

/* What the argument does counts too, unless it has left no room for what is written. */
static inline __attribute__((noreturn)) void coverage_exit(int status)
{
    struct rlimit limit;

    if (!getrlimit(RLIMIT_FSIZE, &limit) && limit.rlim_cur == RLIM_INFINITY)
        WRITE_COUNTS;
    _exit(status);
}

#define _exit(status) coverage_exit(status)
#define execvp(file, argv) (WRITE_COUNTS, execvp(file, argv))
#define raise(signal_number) (WRITE_COUNTS, raise(signal_number))

#endif
