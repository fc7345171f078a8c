/* SPDX-License-Identifier: MIT
 *
 * Where a run's record goes beyond the audit trail: into the service (deliver/remote.h) or, embedded,
 * the database (store_way.h); into the buffer when those cannot take it in time, and from there to
 * them later. Each process has its own.
 */
#ifndef CLIENT_OUTLET_H
#define CLIENT_OUTLET_H

#include "client/breaker.h"
#include "client/courier.h"
#include "client/reporter.h"
#include "client/store_way.h"
#include "client/tally.h"
#include "config/config.h"
#include "deliver/buffer.h"
#include "deliver/http.h"

struct outlet {
    const struct tel_config *config; /* the client's */
    struct reporter *reporter;
    struct tally *tally;
    struct courier *courier;   /* delivers in the background; NULL: each call does so itself */
    struct buffer *buffer;     /* NULL: could not be made */
    struct http *http;         /* NULL: embedded, or nothing may or can leave by network */
    struct store_way store;    /* for the embedded client */
    struct breaker breaker;    /* before the service */
    struct breaker drainage;   /* before the buffer's emptying: when not to try that again */
    atomic_bool has_buffered;  /* something that was not drained yet */
    atomic_bool is_behind;     /* there may be files that are ready to be delivered */
    atomic_bool has_delivered; /* the service, or the database, took something */
    atomic_bool is_draining;
};

/* `inherited` is the one of the process that forked us (NULL: none). */
tel_error outlet_init(struct outlet *outlet, const struct tel_config *config,
                      struct reporter *reporter, struct tally *tally,
                      const struct outlet *inherited);

/* Drain what can be drained until the deadline and let go of everything: the rest of the buffer becomes
 * ready for whoever empties it. */
void outlet_clear(struct outlet *outlet, struct deadline deadline);

/* Let go of what a fork copied from the parent, whose files and connections stay untouched. */
void outlet_abandon(struct outlet *outlet);

enum outcome {
    DELIVERED,
    BUFFERED,
    REJECTED, /* for good: the audit trail and a .rejected file have it */
    LOST,     /* neither delivered nor buffered */
};

/* Create the run of a record. `durably`: when it is buffered it is on the disk, since the audit trail
 * cannot make up for it. */
enum outcome outlet_create(struct outlet *outlet, const struct tel_record *record, bool durably,
                           struct deadline deadline);

/* Change the fields of `set` that are given in a run that was DELIVERED, or BUFFERED: what follows
 * must then go to the buffer too. */
enum outcome outlet_update(struct outlet *outlet, const struct tel_record *record, field_set set,
                           enum outcome created, bool durably, struct deadline deadline);

/* Replace the commit of a run that this client, or the store, knows: the git_commit_* fields. It is
 * buffered too when the run itself is not there yet, and durably: the audit trail's word for it counts
 * only for a run that has none. */
enum outcome outlet_commit(struct outlet *outlet, const struct tel_record *commit,
                           struct deadline deadline);

/* Is there any use in asking? If so, the caller must ask, and note the outcome. Why there is none was
 * said when that began. */
bool outlet_may_ask(struct outlet *outlet);
void outlet_note(struct outlet *outlet, tel_error error);

/*
 * Make the own buffer file ready and deliver all ready files of the buffer's directory, until the
 * deadline. TEL_OK: none is left that somebody else is not at. TEL_E_BUSY: another thread is at it.
 */
tel_error outlet_drain(struct outlet *outlet, struct deadline deadline, tel_fault *fault);

/* One round in the background: deliver what there is. Returns as a courier_work_fn. */
int64_t outlet_work(struct outlet *outlet);

/* Apply writes by the outlet's way. */
tel_error outlet_apply(struct outlet *outlet, struct write **writes, size_t count,
                       struct deadline deadline, tel_fault *fault);

#endif
