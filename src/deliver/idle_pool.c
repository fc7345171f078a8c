/* SPDX-License-Identifier: MIT */
#include "deliver/idle_pool.h"

#include <unistd.h>

void idle_pool_init(struct idle_pool *pool)
{
    *pool = (struct idle_pool){.owner = getpid()};
    (void)pthread_mutex_init(&pool->mutex, NULL);
}

bool idle_pool_is_own(const struct idle_pool *pool)
{
    return pool->owner == getpid();
}

void *idle_pool_take(struct idle_pool *pool)
{
    void *item = NULL;

    if (!idle_pool_is_own(pool))
        return NULL;
    (void)pthread_mutex_lock(&pool->mutex);
    if (pool->count > 0)
        item = pool->items[--pool->count];
    (void)pthread_mutex_unlock(&pool->mutex);
    return item;
}

bool idle_pool_put(struct idle_pool *pool, void *item)
{
    bool has_room;

    if (!idle_pool_is_own(pool))
        return false;
    (void)pthread_mutex_lock(&pool->mutex);
    has_room = pool->count < IDLE_POOL_MAX;
    if (has_room)
        pool->items[pool->count++] = item;
    (void)pthread_mutex_unlock(&pool->mutex);
    return has_room;
}

void idle_pool_clear(struct idle_pool *pool, void (*release)(void *item))
{
    if (pthread_mutex_trylock(&pool->mutex))
        return;
    while (pool->count > 0)
        release(pool->items[--pool->count]);
    (void)pthread_mutex_unlock(&pool->mutex);
}
