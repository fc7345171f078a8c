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
    struct timespec at = {deadline.at_ms / 1000, deadline.at_ms % 1000 * 1000000L};

    return pthread_cond_timedwait(condition, mutex, &at);
}
