/* SPDX-License-Identifier: MIT
 *
 * A small stack of things that wait to be used again. Thread-safe; a forked child finds it empty and
 * leaves its parent's things alone.
 */
#ifndef DELIVER_IDLE_POOL_H
#define DELIVER_IDLE_POOL_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define IDLE_POOL_MAX 8

struct idle_pool {
    pid_t owner;
    pthread_mutex_t mutex; /* guards the two below */
    size_t count;
    void *items[IDLE_POOL_MAX];
};

void idle_pool_init(struct idle_pool *pool);

/* Was it made by this process? */
bool idle_pool_is_own(const struct idle_pool *pool);

/* Take the one that was put in last; NULL: none. */
void *idle_pool_take(struct idle_pool *pool);

/* Put one in. false: there is no room, or it is another process's. */
bool idle_pool_put(struct idle_pool *pool, void *item);

/* Release all. In a forked child whose parent was at the pool, which is then not whole: nothing. */
void idle_pool_clear(struct idle_pool *pool, void (*release)(void *item));

#endif
