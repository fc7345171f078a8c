/* SPDX-License-Identifier: MIT
 *
 * Exports runs one after the other on a thread of its own, so that nobody waits for the network. The
 * thread blocks all signals, starts with the first run, and ends with the queue, or the program. It
 * does not come along into a forked child, and neither does what waits for it.
 */
#ifndef SHEETS_SHEETS_QUEUE_H
#define SHEETS_SHEETS_QUEUE_H

#include "base/clock.h"
#include "sheets/sheets.h"

#define SHEETS_QUEUE_MAX 256

struct sheets_queue;

struct sheets_queue_options {
    const struct tel_config *config; /* must outlive the queue */
    struct log log;
    int64_t patience_ms; /* a run that waited for longer is skipped; 0: never */
};

/* Told once for each run taken, on the queue's thread with no lock held: how its export went, or
 * TEL_E_SKIPPED when it was not tried. The fault is that of an error. */
typedef void sheets_done_fn(void *arg, tel_error error, const tel_fault *fault);

tel_error sheets_queue_new(struct sheets_queue **out, const struct sheets_queue_options *options);

/* false in a forked child: leave it alone, it is the parent's. */
bool sheets_queue_is_ours(const struct sheets_queue *queue);

/* Take over `payload` and queue it. On failure it stays the caller's, and `done` is not called. */
tel_error sheets_queue_take(struct sheets_queue *queue, tel_api_payload *payload,
                            sheets_done_fn *done, void *arg, tel_fault *fault);

/*
 * Take no more, give what is queued until the deadline to go out, and break the rest off. All are told
 * before this returns, except when it is called from within a `done`: then the others are told after
 * that one. Thread-safe.
 */
void sheets_queue_stop(struct sheets_queue *queue, struct deadline deadline);

/* Stop at once if that was not done yet, and release the queue. Also from within a `done`. */
void sheets_queue_free(struct sheets_queue *queue);

#endif
