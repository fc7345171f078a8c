/* SPDX-License-Identifier: MIT */
#include "cli/run_signals.h"

#include <stddef.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* Those that go to the command, and that of its end. */
static const int taken[] = {
    SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH, SIGCONT, SIGTSTP, SIGCHLD,
};

/* Where the output goes may refuse it: that is for errno to tell. And an ignored SIGCHLD would take
 * the command's exit status away. */
static const struct {
    int number;
    void (*handler)(int);
} changed[CHANGED_MAX] = {{SIGPIPE, SIG_IGN}, {SIGXFSZ, SIG_IGN}, {SIGCHLD, SIG_DFL}};

static sigset_t taken_set(void)
{
    sigset_t set;

    (void)sigemptyset(&set);
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
        (void)sigaddset(&set, taken[i]);
    return set;
}

void run_signals_take(struct run_signals *signals)
{
    sigset_t set = taken_set();

    (void)sigprocmask(SIG_BLOCK, &set, &signals->mask);
    for (size_t i = 0; i < CHANGED_MAX; i++) {
        struct sigaction action = {.sa_handler = changed[i].handler};

        (void)sigaction(changed[i].number, &action, &signals->actions[i]);
    }
    signals->fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

void run_signals_restore(const struct run_signals *signals)
{
    for (size_t i = 0; i < CHANGED_MAX; i++)
        (void)sigaction(changed[i].number, &signals->actions[i], NULL);
    (void)sigprocmask(SIG_SETMASK, &signals->mask, NULL);
}

void run_signals_close(struct run_signals *signals)
{
    if (signals->fd >= 0)
        (void)close(signals->fd);
    signals->fd = -1;
}

bool run_signals_was_ignored(int signal_number)
{
    struct sigaction action;

    return sigaction(signal_number, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

static void unblock(int signal_number, sigset_t *before)
{
    sigset_t set;

    (void)sigemptyset(&set);
    (void)sigaddset(&set, signal_number);
    (void)sigprocmask(SIG_UNBLOCK, &set, before);
}

void run_signals_stop_self(int signal_number)
{
    sigset_t before;

    /* Raised while it is blocked, it is one with the terminal's own, if that is still pending:
     * otherwise each would stop us once. */
    (void)raise(signal_number);
    unblock(signal_number, &before);
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
}

void run_signals_die_of(int signal_number)
{
    struct sigaction action = {.sa_handler = SIG_DFL};
    sigset_t before;

    (void)prctl(PR_SET_DUMPABLE, 0);
    (void)sigaction(signal_number, &action, NULL);
    unblock(signal_number, &before);
    (void)raise(signal_number);
}
