/* SPDX-License-Identifier: MIT
 *
 * Exports the runs of a database that ended and are not in the sheet: what clients left pending.
 */
#ifndef SHEETS_EXPORT_H
#define SHEETS_EXPORT_H

#include "deliver/sync.h"
#include "sheets/sheets.h"
#include "store/store.h"

/* Clients try by themselves first, and have that long for it. */
#define EXPORT_SETTLE_MS (INT64_C(5) * 60 * 1000)

/* So often an attempt may have failed before a run is left to whoever asks for all of them. */
#define EXPORT_RETRIES_MAX 50

/* Run a query: store_query() on a store of the callee's choice. */
typedef tel_error export_read_fn(void *arg, const struct run_query *query, tel_record_fn *each,
                                 void *each_arg, tel_fault *fault);

struct export_options {
    struct sheets *sheets;
    const char *since;     /* only runs that ended after it; NULL: all, however often they failed */
    export_read_fn *read;  /* where the runs are */
    sync_deliver_fn *mark; /* who writes down how it went */
    void *arg;             /* for both */
};

struct export_report {
    size_t exported;
    size_t refused; /* by the other side, for what is in them */
};

/*
 * Set what became of a run's export in its record: api_posted and api_posted_at, or one more
 * api_retry_count. `set` is what was set.
 */
tel_error export_set_outcome(struct tel_record *record, tel_error outcome, field_set *set);

/*
 * Export one run after the other and mark each. `unmarked` is the caller's, empty at first: a run that
 * is in the sheet but could not be marked, which is what the next call begins with. A run that is
 * refused for what is in it does not hold the others up; the 20th does, and so does any other failure,
 * which is returned.
 */
tel_error export_pending(const struct export_options *options, struct tel_record *unmarked,
                         struct export_report *report, tel_fault *fault);

#endif
