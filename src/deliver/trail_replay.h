/* SPDX-License-Identifier: MIT
 *
 * Puts the audit trail into a store: all of it into a new one (a lost database is rebuilt), or what
 * the store lacks of the last days (after an unclean stop). Both may be done twice.
 *
 * A run that is not there is created, one that is running is ended by its end, as by any writer. What
 * the store learnt later stays: where a run has a commit, one from the trail takes its place only when
 * the run was not changed since it was noted, or the other is the one that the trail told before it; a
 * run that has ended keeps its commit. A new store has learnt nothing, so there it counts whole.
 *
 * Nothing is kept from one time to the next: whoever is killed between two batches starts anew, and ends
 * with the same runs.
 */
#ifndef DELIVER_TRAIL_REPLAY_H
#define DELIVER_TRAIL_REPLAY_H

#include "deliver/sync.h"
#include "deliver/trail_reader.h"

struct trail_replay {
    const char *directory;
    enum file_access access;
    char since[9]; /* as of struct trail_reading */
    size_t batch_size;
    struct store *store; /* that the writes end in; the runs of commits are looked up here */
    bool is_new;         /* the store holds nothing but what comes from here */
    trail_bad_fn *bad;   /* also told of what the store refuses */
    void *arg;
};

struct trail_report {
    struct trail_counts counts;
    size_t created;
    size_t updated;
    size_t duplicates; /* lines that said nothing new */
    size_t refused;    /* by the store */
    size_t lost;       /* commits whose run is nowhere */
};

/* Failure: deliver() failed, or a file could not be read; what was delivered before stays. */
tel_error trail_replay(const struct trail_replay *replay, sync_deliver_fn *deliver, void *arg,
                       struct trail_report *report, tel_fault *fault);

#endif
