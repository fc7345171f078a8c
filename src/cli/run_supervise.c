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

/* Once the command has ended: how long those are waited for that still hold its pipe, or, when it was
 * to end by a signal, a reader that takes nothing. */
#define LAST_WAIT_MS 200

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

    if (s->child->has_ended) {
        s->is_hurried = s->is_hurried || asks_to_end(number) || number == SIGQUIT;
        return;
    }
    /* Before we look at the command, which may have died of it: Ctrl-C reached it when it did us. */
    note_cancel(s, info);
    check_child(s);
    if (number == SIGCHLD)
        return;
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

/* Is there a limit to the wait? What the command wrote before it ended belongs to its reader, be
 * that one as slow as it likes; unless somebody wants an end. */
static bool is_limited(const struct supervision *s)
{
    return s->child->has_ended && (s->outcome->cancelled_by || capture_is_settled(s->capture));
}

static bool is_over(const struct supervision *s)
{
    if (!s->child->has_ended)
        return false;
    if (s->is_hurried || (capture_is_settled(s->capture) && capture_is_closed(s->capture)))
        return true;
    return is_limited(s) && deadline_left_ms(s->deadline) == 0;
}

static void turn(struct supervision *s)
{
    struct pollfd entries[1 + CAPTURE_POLL_MAX] = {{.fd = s->signal_fd, .events = POLLIN}};
    size_t count = 1 + capture_poll(s->capture, entries + 1);
    bool had_ended = s->child->has_ended;
    bool was_settled = capture_is_settled(s->capture);
    int wait_ms = is_limited(s) ? (int)deadline_left_ms(s->deadline) : -1;

    if (poll(entries, count, wait_ms) < 0)
        return; /* EINTR: nothing else can happen, and then there is nothing to take */
    if (entries[0].revents)
        take_signals(s);
    if (capture_move(s->capture, entries + 1) && !was_settled)
        s->deadline = deadline_in(LAST_WAIT_MS);
    if (s->child->has_ended && !had_ended) {
        capture_note_end(s->capture);
        s->deadline = deadline_in(LAST_WAIT_MS);
    }
}

void supervise(struct outcome *outcome, struct child *child, const char *name,
               struct capture *capture, const struct run_signals *signals)
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
    outcome->exec_error = child_exec_error(child, name);
    outcome->wait_status = child->wait_status;
    outcome->usage = child->usage;
}
