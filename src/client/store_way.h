/* SPDX-License-Identifier: MIT
 *
 * The embedded client's way: straight into the database, which is opened when first needed. One
 * thread at a time is at it, the others wait no longer than their deadline.
 */
#ifndef CLIENT_STORE_WAY_H
#define CLIENT_STORE_WAY_H

#include <pthread.h>

#include "config/config.h"
#include "store/store.h"

struct store_way {
    const struct tel_config *config;
    bool is_barred;      /* see store_way_init() */
    struct store *store; /* belongs to whoever set `is_busy` */
    bool is_busy;
    pthread_mutex_t mutex; /* guards is_busy */
    pthread_cond_t is_free;
};

/*
 * `inherited` is the one of the process that forked us (NULL: none). If one of its threads was at the
 * database then, what SQLite knows of its locks in this process is wrong for ever: the database is
 * barred.
 */
tel_error store_way_init(struct store_way *way, const struct tel_config *config,
                         const struct store_way *inherited);
void store_way_clear(struct store_way *way);

/* As store_apply(), but nothing is waited for beyond the deadline. */
tel_error store_way_apply(struct store_way *way, struct write **writes, size_t count,
                          struct deadline deadline, tel_fault *fault);

/* As store_stats(), and the event_id of the run that store_get_by_run_id() finds, which the caller
 * frees. */
tel_error store_way_stats(struct store_way *way, tel_run_stats *out, struct deadline deadline,
                          tel_fault *fault);
tel_error store_way_find(char **event_id, struct store_way *way, const char *run_id,
                         struct deadline deadline, tel_fault *fault);

#endif
