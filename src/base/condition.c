/* SPDX-License-Identifier: MIT */
#include "base/condition.h"

#include <time.h>

int condition_init(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;
    int error = pthread_condattr_init(&attributes);

    if (error)
        return error;
    error = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    if (!error)
        error = pthread_cond_init(condition, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    return error;
}

int condition_wait(pthread_cond_t *condition, pthread_mutex_t *mutex, struct deadline deadline)
{
    return condition_wait_until(condition, mutex, deadline.at_ms * 1000);
}

int condition_wait_until(pthread_cond_t *condition, pthread_mutex_t *mutex, int64_t at_us)
{
    struct timespec at = {at_us / US_PER_SECOND, at_us % US_PER_SECOND * 1000};

    return pthread_cond_timedwait(condition, mutex, &at);
}
