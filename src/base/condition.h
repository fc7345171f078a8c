/* SPDX-License-Identifier: MIT
 *
 * Condition variables whose waits end at a deadline, on the monotonic clock: the wall clock may jump.
 */
#ifndef BASE_CONDITION_H
#define BASE_CONDITION_H

#include <pthread.h>

#include "base/clock.h"

/* Make one for condition_wait(); destroyed as any other. 0, or an errno value. */
int condition_init(pthread_cond_t *condition);

/* As pthread_cond_timedwait(): 0 when woken, perhaps for nothing; ETIMEDOUT. */
int condition_wait(pthread_cond_t *condition, pthread_mutex_t *mutex, struct deadline deadline);

/* The same until a time of clock_monotonic_us(). */
int condition_wait_until(pthread_cond_t *condition, pthread_mutex_t *mutex, int64_t at_us);

#endif
