/* SPDX-License-Identifier: MIT
 *
 * Empties buffer files into whatever takes writes: a store, the service's writer, the service by
 * HTTP. At least once; the event_id makes it exactly once in the store.
 */
#ifndef DELIVER_SYNC_H
#define DELIVER_SYNC_H

#include "base/file.h"
#include "base/log.h"
#include "deliver/buffer.h"
#include "store/store.h"

/* Deliver writes in order and fill in their results, as store_apply() does. Failure: nothing was
 * taken; the file stays as it is and comes again. */
typedef tel_error sync_deliver_fn(void *arg, struct write **writes, size_t count, tel_fault *fault);

/* Learn of each line that is rejected. */
typedef void sync_reject_fn(void *arg, const char *reason);

struct sync_options {
    const char *directory; /* a missing one is empty */
    enum file_access access;
    size_t batch_size;
    int64_t stale_ms; /* an active file of an older writer (no lock): taken over when nothing
                               was written to it for this long; 60 s */
    int64_t update_age_max_ms; /* an update whose run never came is rejected after this: 7 days */
    const struct log *log;
    const char *carry_directory; /* where updates are carried on; NULL: in `directory` */
    bool takes_outboxes;         /* files named *.jsonl, by the rules for older writers, as well */
    sync_reject_fn *on_reject;   /* NULL: nobody is told */
    void *on_reject_arg;
};

struct sync_report {
    size_t files;
    size_t busy; /* files that are still being written to, or that somebody else is at */
    size_t created;
    size_t updated;
    size_t duplicates;
    size_t carried;  /* updates whose run is not there yet, moved on to a newer file */
    size_t rejected; /* set aside in a .rejected file with the reason */
};

/*
 * Take over active files whose writer is gone, deliver all ready files, oldest first, in batches,
 * and rename each to .synced once every line in it was answered. Files that come to be ready
 * meanwhile are for the next call. Several processes may do this at once: each file is locked while
 * it is worked on, and skipped by the others.
 */
tel_error buffer_sync(const struct sync_options *options, sync_deliver_fn *deliver, void *arg,
                      struct sync_report *report, tel_fault *fault);

/* Is there something that buffer_sync() would look at? `directory` may be NULL. */
bool buffer_is_waiting(const char *directory);

/*
 * As buffer_sync(), for one file of any name, whoever wrote it and however lately, unless it is locked. Its
 * directory is in the place of the options'. TEL_E_INVALID: its name says that it was delivered.
 */
tel_error buffer_sync_file(const struct sync_options *options, const char *path,
                           sync_deliver_fn *deliver, void *arg, struct sync_report *report,
                           tel_fault *fault);

/*
 * Deliver what was appended to the active file of our own buffer and was not answered yet; it stays
 * the active file. One thread at a time. *was_rotated: since the last time, a file was made ready that
 * this has not delivered.
 */
tel_error buffer_sync_active(struct buffer *buffer, const struct sync_options *options,
                             sync_deliver_fn *deliver, void *arg, struct sync_report *report,
                             bool *was_rotated, tel_fault *fault);

#endif
