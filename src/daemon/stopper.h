/* SPDX-License-Identifier: MIT
 *
 * How a thread that works and pauses by turns is told to end, also in the middle of a pause.
 */
#ifndef DAEMON_STOPPER_H
#define DAEMON_STOPPER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct stopper {
    atomic_bool stopping; /* set under the lock, so that nobody is just about to wait */
    pthread_mutex_t lock;
    pthread_cond_t stop;
};

void stopper_init(struct stopper *stopper);
void stopper_clear(struct stopper *stopper);

/* Tell it to end. */
void stopper_stop(struct stopper *stopper);

/* Is it time to end? */
bool stopper_is_stopping(const struct stopper *stopper);

/* Wait so long. false: it is time to end. */
bool stopper_pause(struct stopper *stopper, int64_t ms);

#endif
