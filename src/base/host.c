/* SPDX-License-Identifier: MIT */
#include "base/host.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>

static sigset_t write_signals(void)
{
    sigset_t set;

    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGPIPE);
    (void)sigaddset(&set, SIGXFSZ);
    return set;
}

struct host_state host_protect(void)
{
    struct host_state state = {.error = errno};
    sigset_t ours = write_signals();

    (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state.cancel);
    (void)sigpending(&state.pending);
    state.blocked = pthread_sigmask(SIG_BLOCK, &ours, &state.mask) == 0;
    return state;
}

/* Take a signal that our own write raised, so that it does not fire when the mask is restored. One
 * that was pending before is the host's and stays. */
static void consume(const struct host_state *state, int signal_number)
{
    static const struct timespec now = {0};
    sigset_t pending;
    sigset_t one;

    if (sigismember(&state->pending, signal_number) || sigismember(&state->mask, signal_number))
        return;
    if (sigpending(&pending) || !sigismember(&pending, signal_number))
        return;
    (void)sigemptyset(&one);
    (void)sigaddset(&one, signal_number);
    (void)sigtimedwait(&one, NULL, &now); /* does not wait, so nothing interrupts it */
}

void host_restore(struct host_state *state)
{
    if (state->blocked) {
        consume(state, SIGPIPE);
        consume(state, SIGXFSZ);
        (void)pthread_sigmask(SIG_SETMASK, &state->mask, NULL);
    }
    (void)pthread_setcancelstate(state->cancel, NULL);
    errno = state->error;
}
