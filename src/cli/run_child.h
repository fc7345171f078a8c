/* SPDX-License-Identifier: MIT
 *
 * The command as a process.
 */
#ifndef CLI_RUN_CHILD_H
#define CLI_RUN_CHILD_H

#include <stdbool.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "base/error.h"
#include "cli/run_capture.h"
#include "cli/run_signals.h"

struct child {
    pid_t pid;
    bool own_group; /* there is no terminal: signals go to its group */
    int go;         /* held open while it must wait; -1: it was released */
    int failure;    /* errno of an exec that failed arrives here */
    bool is_stopped;
    bool has_ended;
    int wait_status; /* as of waitpid() */
    struct rusage usage;
};

/*
 * Make the process. It waits, with all signals held back, until child_release(): what came for us
 * before it was there can then be handed to it, and nothing is lost or seen twice.
 */
tel_error child_start(struct child *child, char *const *command, char *const *environment,
                      const struct capture *capture, const struct run_signals *signals,
                      tel_fault *fault);

/* Let it run. */
void child_release(struct child *child);

/* Once it has ended: return 0, or why a command of this name could not be executed (an errno). */
int child_exec_error(struct child *child, const char *name);

/* Send a signal to it, or to its group. */
void child_signal(const struct child *child, int signal_number);

/* Take notice of what happened to it (stopped, continued, ended), without waiting. Return the signal
 * that stopped it just now, or 0. */
int child_check(struct child *child);

#endif
