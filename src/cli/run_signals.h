/* SPDX-License-Identifier: MIT
 *
 * Signals as `telemetry run` needs them: those for the command wait in a descriptor to be passed on,
 * and the command starts with the mask and the dispositions that we were started with.
 */
#ifndef CLI_RUN_SIGNALS_H
#define CLI_RUN_SIGNALS_H

#include <signal.h>
#include <stdbool.h>

#define CHANGED_MAX 3

struct run_signals {
    int fd;                                /* a signalfd; -1: none could be made */
    sigset_t mask;                         /* as it was */
    struct sigaction actions[CHANGED_MAX]; /* as they were */
};

/* Take over. Done first of all, so that any thread that a library starts inherits the mask. */
void run_signals_take(struct run_signals *signals);

/* Put back what was there before. Async-signal-safe. */
void run_signals_restore(const struct run_signals *signals);

void run_signals_close(struct run_signals *signals);

/* Was it ignored when we were started, as nohup does with SIGHUP? */
bool run_signals_was_ignored(int signal_number);

/* Stop this process as the command was stopped, until SIGCONT comes. */
void run_signals_stop_self(int signal_number);

/* Die of a signal, without a core file of our own. Returns only when that is impossible. */
void run_signals_die_of(int signal_number);

#endif
