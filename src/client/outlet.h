/* SPDX-License-Identifier: MIT
 *
 * Where a run's record goes beyond the audit trail: into the service or, embedded, the database; into
 * the buffer when those cannot take it in time. Each process has its own.
 */
#ifndef CLIENT_OUTLET_H
#define CLIENT_OUTLET_H

#include <pthread.h>

#include "client/reporter.h"
#include "deliver/buffer.h"
#include "deliver/config.h"
#include "deliver/http.h"
#include "store/store.h"

struct outlet {
    const struct tel_config *config; /* the client's */
    struct reporter *reporter;
    struct buffer *buffer; /* NULL: could not be made */
    struct http *http;     /* NULL: embedded, or nothing may or can leave by network */

    /* Embedded: the database, opened when first needed. */
    bool store_is_barred; /* see outlet_init() */
    struct store *store;  /* belongs to whoever set `store_is_busy` */
    bool store_is_busy;
    pthread_mutex_t mutex; /* guards store_is_busy */
    pthread_cond_t store_is_free;
};

/*
 * Set up an outlet. `inherited` is the one of the process that forked us (NULL: none). If one of its
 * threads was at the database then, what SQLite knows of its locks in this process is wrong for ever:
 * the database is barred, and runs go to the buffer.
 */
tel_error outlet_init(struct outlet *outlet, const struct tel_config *config,
                      struct reporter *reporter, const struct outlet *inherited);

/* Let go of everything: the buffer becomes ready for whoever empties it. */
void outlet_clear(struct outlet *outlet);

/* The same for what a fork copied from the parent, whose files and connections stay untouched. */
void outlet_abandon(struct outlet *outlet);

enum outcome {
    DELIVERED,
    BUFFERED,
    REJECTED, /* for good: only the audit trail has it */
    LOST,     /* neither delivered nor buffered */
};

/* Create the run of a record. */
enum outcome outlet_create(struct outlet *outlet, const struct tel_record *record,
                           struct deadline deadline);

/* Change the fields of `set` that are given in a run that was DELIVERED, or BUFFERED: what follows
 * must then go to the buffer too. */
enum outcome outlet_update(struct outlet *outlet, const struct tel_record *record, field_set set,
                           enum outcome created, struct deadline deadline);

#endif
