/* SPDX-License-Identifier: MIT */
#include "http/visits.h"

#include "base/condition.h"

void visits_init(struct visits *visits, const struct server_options *options)
{
    *visits = (struct visits){.options = options};
    (void)pthread_mutex_init(&visits->lock, NULL);
    (void)condition_init(&visits->idle);
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
    int error = 0;

    pthread_mutex_lock(&visits->lock);
    while (atomic_load(&visits->active) && !error)
        error = condition_wait(&visits->idle, &visits->lock, deadline);
    idle = atomic_load(&visits->active) == 0;
    pthread_mutex_unlock(&visits->lock);
    return idle;
}
