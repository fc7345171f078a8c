/* SPDX-License-Identifier: MIT
 *
 * After an unclean stop, what the audit trail has and the database has not is brought in. The trail is
 * synced line by line and the buffer is not, so a power cut may take a record that was buffered and
 * leave its line.
 *
 * A small file beside the database, {database}.trail, says from which day on that may be so, whether
 * whoever wrote to the database stopped in order, and since which boot of the machine: within one boot
 * the buffer is whole.
 */
#ifndef DELIVER_RECOVERY_H
#define DELIVER_RECOVERY_H

#include "config/config.h"
#include "deliver/trail_replay.h"

struct recovery {
    const struct tel_config *config;
    const struct log *log;
    char *path;    /* NULL: there is no database that could be named */
    char since[9]; /* the first day of the trail that is not accounted for; "": all of it */
    bool is_due;   /* and there is a trail of these days */
    bool is_begun; /* a clean stop is to be noted */
};

/* Find out what is due, before the database is opened. Nothing is written. */
tel_error recovery_look(struct recovery *recovery, const struct tel_config *config,
                        const struct log *log, tel_fault *fault);

/* Note that the database is being written to: from now on a stop is unclean. */
tel_error recovery_begin(struct recovery *recovery, tel_fault *fault);

/* Bring in what is due, under the single-writer lock. Bad lines are logged, and the outcome. Failure:
 * it stays due. */
tel_error recovery_run(struct recovery *recovery, sync_deliver_fn *deliver, void *arg,
                       struct trail_report *report, tel_fault *fault);

/* Note that at `us` everything the trail has was in the store, or in a buffer that is now empty. */
void recovery_note_settled(struct recovery *recovery, int64_t us);

/* Note, all writes being durable, that this stop is clean, unless something is still due. */
void recovery_end(struct recovery *recovery);

void recovery_clear(struct recovery *recovery);

#endif
