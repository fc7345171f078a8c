/* SPDX-License-Identifier: MIT
 *
 * The thread of a client that delivers in the background. It is started when there is something to do,
 * takes no signal of the host's, and belongs to one process: a forked child has one of its own.
 */
#ifndef CLIENT_COURIER_H
#define CLIENT_COURIER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/clock.h"

/* Do what there is to do. Return the milliseconds until it should be looked again, negative: not before
 * somebody wakes the thread. */
typedef int64_t courier_work_fn(void *arg);

/* Clean up after a thread that ended later than it was waited for. */
typedef void courier_close_fn(void *arg);

struct courier {
    courier_work_fn *work;
    courier_close_fn *close;
    void *arg;
    pthread_t thread;
    pthread_mutex_t mutex; /* guards the rest */
    pthread_cond_t changed;
    bool is_started; /* there is, or was, a thread */
    bool is_running;
    bool has_work;
    bool is_left; /* nobody waits any more: the thread closes */
    atomic_bool is_stopping;
};

void courier_init(struct courier *courier, courier_work_fn *work, courier_close_fn *close,
                  void *arg);

/* See to it that there is a thread. false: none can be had now. */
bool courier_start(struct courier *courier);

/* Tell the thread that there is something to do. */
void courier_wake(struct courier *courier);

/* Is there no time for more? */
bool courier_is_stopping(struct courier *courier);

/*
 * Stop the thread, and wait for that until the deadline. false: it is still at work, or it is the
 * calling one; it will clean up itself, and the courier must not be touched any more.
 */
bool courier_stop(struct courier *courier, struct deadline deadline);

#endif
