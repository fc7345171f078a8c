/* SPDX-License-Identifier: MIT */
#include "http/visits.h"

#include <time.h>

void visits_init(struct visits *visits, const struct server_options *options)
{
    *visits = (struct visits){.options = options};
    (void)pthread_mutex_init(&visits->lock, NULL);
    (void)pthread_cond_init(&visits->idle, NULL);
}

void visits_clear(struct visits *visits)
{
    (void)pthread_cond_destroy(&visits->idle);
    (void)pthread_mutex_destroy(&visits->lock);
}

void visits_quiesce(struct visits *visits)
{
    atomic_store(&visits->quiescing, true);
}

void visits_begin(struct visits *visits)
{
    pthread_mutex_lock(&visits->lock);
    visits->active++;
    pthread_mutex_unlock(&visits->lock);
}

void visits_end(struct visits *visits)
{
    pthread_mutex_lock(&visits->lock);
    if (--visits->active == 0)
        pthread_cond_broadcast(&visits->idle);
    pthread_mutex_unlock(&visits->lock);
}

bool visits_wait_idle(struct visits *visits, struct deadline deadline)
{
    bool idle;

    pthread_mutex_lock(&visits->lock);
    while (visits->active && deadline_left_ms(deadline) > 0) {
        struct timespec until;
        int64_t left_ms = deadline_left_ms(deadline);

        (void)clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += (time_t)(left_ms / 1000) + 1;
        (void)pthread_cond_timedwait(&visits->idle, &visits->lock, &until);
    }
    idle = visits->active == 0;
    pthread_mutex_unlock(&visits->lock);
    return idle;
}
