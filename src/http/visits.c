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
    (void)atomic_fetch_add(&visits->active, 1);
}

/* Whoever waits for the last one to end has seen to it before that the server is quiescing. */
void visits_end(struct visits *visits)
{
    if (atomic_fetch_sub(&visits->active, 1) != 1 || !atomic_load(&visits->quiescing))
        return;
    pthread_mutex_lock(&visits->lock);
    pthread_cond_broadcast(&visits->idle);
    pthread_mutex_unlock(&visits->lock);
}

bool visits_wait_idle(struct visits *visits, struct deadline deadline)
{
    bool idle;

    pthread_mutex_lock(&visits->lock);
    while (atomic_load(&visits->active) && deadline_left_ms(deadline) > 0) {
        struct timespec until;
        int64_t left_ms = deadline_left_ms(deadline);

        (void)clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += (time_t)(left_ms / 1000) + 1;
        (void)pthread_cond_timedwait(&visits->idle, &visits->lock, &until);
    }
    idle = atomic_load(&visits->active) == 0;
    pthread_mutex_unlock(&visits->lock);
    return idle;
}
