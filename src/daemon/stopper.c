/* SPDX-License-Identifier: MIT */
#include "daemon/stopper.h"

#include "base/condition.h"

void stopper_init(struct stopper *stopper)
{
    atomic_init(&stopper->stopping, false);
    (void)pthread_mutex_init(&stopper->lock, NULL);
    (void)condition_init(&stopper->stop);
}

void stopper_clear(struct stopper *stopper)
{
    (void)pthread_cond_destroy(&stopper->stop);
    (void)pthread_mutex_destroy(&stopper->lock);
}

void stopper_stop(struct stopper *stopper)
{
    pthread_mutex_lock(&stopper->lock);
    atomic_store(&stopper->stopping, true);
    pthread_cond_signal(&stopper->stop);
    pthread_mutex_unlock(&stopper->lock);
}

bool stopper_is_stopping(const struct stopper *stopper)
{
    return atomic_load(&stopper->stopping);
}

bool stopper_pause(struct stopper *stopper, int64_t ms)
{
    struct deadline until = deadline_in(ms);
    int error = 0;

    pthread_mutex_lock(&stopper->lock);
    while (!stopper_is_stopping(stopper) && !error)
        error = condition_wait(&stopper->stop, &stopper->lock, until);
    pthread_mutex_unlock(&stopper->lock);
    return !stopper_is_stopping(stopper);
}
