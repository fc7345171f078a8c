/* SPDX-License-Identifier: MIT */
#include "daemon/signals.h"

#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <time.h>

static sigset_t ending(void)
{
    sigset_t signals;

    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGTERM);
    (void)sigaddset(&signals, SIGINT);
    return signals;
}

static sigset_t wishes(void)
{
    sigset_t signals = ending();

    (void)sigaddset(&signals, SIGHUP);
    return signals;
}

void signals_block(void)
{
    sigset_t signals = wishes();

    (void)signal(SIGPIPE, SIG_IGN);
    /* A write beyond the limit on files fails instead, and is answered 503. */
    (void)signal(SIGXFSZ, SIG_IGN);
    (void)pthread_sigmask(SIG_BLOCK, &signals, NULL);
}

enum signal_wish signals_wait(int64_t ms)
{
    const struct timespec time = {(time_t)(ms / 1000), ms % 1000 * 1000000L};
    sigset_t signals = wishes();
    int number;

    do {
        number = ms ? sigtimedwait(&signals, NULL, &time) : sigwaitinfo(&signals, NULL);
    } while (number < 0 && !ms);
    if (number == SIGHUP)
        return WISH_RELOAD;
    return number > 0 ? WISH_END : WISH_NONE;
}

void signals_unblock(void)
{
    sigset_t signals = ending();

    (void)pthread_sigmask(SIG_UNBLOCK, &signals, NULL);
}
