/* SPDX-License-Identifier: MIT
 *
 * One loop over the signals' descriptor and the pipes.
 *
 * With a terminal, the command is in our own process group, so that Ctrl-C, Ctrl-Z and fg work as
 * without us: what the terminal sends goes to both, and is not passed on. Without one it has a group
 * of its own, and everything is passed on.
 */
#include "cli/run_supervise.h"

#include <errno.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"

#define GRANDCHILD_WAIT_MS 200 /* for those that hold the pipe when the command has ended */

struct supervision {
    struct outcome *outcome;
    struct child *child;
    struct capture *capture;
    int signal_fd;
    bool is_starting;         /* the command is still held back */
    bool is_hurried;          /* a signal came after the command's end */
    struct deadline deadline; /* once it ended */
};

static bool asks_to_end(int signal_number)
{
    return signal_number == SIGINT || signal_number == SIGTERM || signal_number == SIGHUP;
}

/* Has the command got this signal by itself? Before it started it cannot have. */
static bool has_it_already(const struct supervision *s, const struct signalfd_siginfo *info)
{
    if (s->child->own_group || s->is_starting)
        return false;
    return info->ssi_code == SI_KERNEL || (pid_t)info->ssi_pid == s->child->pid;
}

static void note_cancel(struct supervision *s, const struct signalfd_siginfo *info)
{
    int number = (int)info->ssi_signo;

    if (!asks_to_end(number) || (pid_t)info->ssi_pid == s->child->pid ||
        run_signals_was_ignored(number))
        return;
    if (s->outcome->cancelled_by && !s->outcome->by_terminal)
        return;
    s->outcome->cancelled_by = number;
    s->outcome->by_terminal = info->ssi_code == SI_KERNEL;
}

/* Notice what became of the command; if it was stopped from the terminal, stop with it, so that the
 * shell notices too. */
static void check_child(struct supervision *s)
{
    int stopped_by = child_check(s->child);

    if (stopped_by && !s->child->own_group)
        run_signals_stop_self(stopped_by);
}

static void take_signal(struct supervision *s, const struct signalfd_siginfo *info)
{
    int number = (int)info->ssi_signo;

    check_child(s);
    if (number == SIGCHLD)
        return;
    if (s->child->has_ended) {
        s->is_hurried = s->is_hurried || asks_to_end(number) || number == SIGQUIT;
        return;
    }
    note_cancel(s, info);
    /* fg continues the whole group: only a command that is still stopped needs it from us. */
    if (number == SIGCONT && !s->child->own_group && !s->child->is_stopped)
        return;
    if (!has_it_already(s, info))
        child_signal(s->child, number);
}

static void take_signals(struct supervision *s)
{
    struct signalfd_siginfo info;

    while (read(s->signal_fd, &info, sizeof info) == (ssize_t)sizeof info)
        take_signal(s, &info);
}

/* Return how long poll() may wait. -1: for ever. */
static int wait_ms(const struct supervision *s)
{
    if (!s->child->has_ended || !capture_is_settled(s->capture))
        return -1;
    return (int)deadline_left_ms(s->deadline);
}

static bool is_over(const struct supervision *s)
{
    if (!s->child->has_ended)
        return false;
    if (s->is_hurried)
        return true;
    if (!capture_is_settled(s->capture))
        return false;
    return capture_is_closed(s->capture) || deadline_left_ms(s->deadline) == 0;
}

static void turn(struct supervision *s)
{
    struct pollfd entries[1 + CAPTURE_POLL_MAX] = {{.fd = s->signal_fd, .events = POLLIN}};
    size_t count = 1 + capture_poll(s->capture, entries + 1);
    bool had_ended = s->child->has_ended;

    if (poll(entries, count, wait_ms(s)) < 0)
        return; /* EINTR: nothing else can happen, and then there is nothing to take */
    if (entries[0].revents)
        take_signals(s);
    capture_move(s->capture, entries + 1);
    if (s->child->has_ended && !had_ended) {
        capture_note_end(s->capture);
        s->deadline = deadline_in(GRANDCHILD_WAIT_MS);
    }
}

void supervise(struct outcome *outcome, struct child *child, struct capture *capture,
               const struct run_signals *signals)
{
    struct supervision s = {
        .outcome = outcome,
        .child = child,
        .capture = capture,
        .signal_fd = signals->fd,
        .is_starting = true,
    };

    *outcome = (struct outcome){0};
    take_signals(&s);
    s.is_starting = false;
    child_release(child);
    while (!is_over(&s))
        turn(&s);
    outcome->exec_error = child_exec_error(child);
    outcome->wait_status = child->wait_status;
    outcome->usage = child->usage;
}
