/* SPDX-License-Identifier: MIT
 *
 * The time between the command's start and its end: output moves on, signals are passed on.
 */
#ifndef CLI_RUN_SUPERVISE_H
#define CLI_RUN_SUPERVISE_H

#include "cli/run_child.h"

/* What became of the command. */
struct outcome {
    int exec_error;      /* errno of an exec that failed: it never ran; 0: it did */
    int wait_status;     /* as of waitpid() */
    struct rusage usage; /* its own and that of processes it waited for */
    int cancelled_by;    /* the first SIGINT, SIGTERM or SIGHUP that came from outside; 0: none */
    bool by_terminal;    /* that one came from the terminal */
    bool is_partial;     /* the command said so of its run */
};

/* Let the command of this name run to its end, and its output to where it goes. */
void supervise(struct outcome *outcome, struct child *child, const char *name,
               struct capture *capture, const struct run_signals *signals);

#endif
