/* SPDX-License-Identifier: MIT
 *
 * The one thread that writes. It takes all that is queued, applies it in one transaction and then
 * completes each job: durability as asked, its cost shared by everyone who waits. What comes while it is
 * being applied goes along; what comes during the commit is the next transaction. How long to take more
 * follows from what commits take, so there is no timer to tune. Where nobody else waits, who submits may
 * write in its stead.
 */
#ifndef SERVICE_WRITER_H
#define SERVICE_WRITER_H

#include "service/histogram.h"
#include "http/logger.h"
#include "store/store.h"

/* Beyond this many waiting writes a job is refused; one that is larger is taken when none waits. */
#define WRITER_QUEUE_MAX 10000

struct writer;
struct write_job;

/*
 * Told when a job is over, on the thread that wrote: do little. `fault` NULL: it was applied and is on
 * the disk; the writes have their results. Else nothing of it was. The job is not touched again.
 */
typedef void write_done_fn(struct write_job *job, const tel_fault *fault);

struct write_job {
    struct write **writes;
    size_t count;
    write_done_fn *done;
    struct write_job *next;
};

/* Take over `store`, also when this fails, and start the thread. */
tel_error writer_start(struct writer **out, struct store *store, const struct logger *logger,
                       tel_fault *fault);

/* Complete all that is queued, refuse what comes later, end the thread and close the store. The
 * writer may still be asked, until writer_free(). */
void writer_stop(struct writer *writer);
void writer_free(struct writer *writer);

/* Queue a job, which must live until it is done. TEL_E_UNAVAILABLE: too much is waiting, or the
 * writer is stopping; `done` is not called then. */
tel_error writer_submit(struct writer *writer, struct write_job *job, tel_fault *fault);

/*
 * Apply a job of one write on this thread, when nothing is being written or waited for, and complete it:
 * that spares handing it to another thread and back, which takes as long as a part of the commit. For a
 * thread for which nobody waits. false: the job was not touched, and is to be submitted.
 */
bool writer_apply_here(struct writer *writer, struct write_job *job);

/* Submit and wait for the end. A sync_deliver_fn. */
tel_error writer_apply(void *writer, struct write **writes, size_t count, tel_fault *fault);

/* Is something being written, or waiting for it? */
bool writer_is_busy(struct writer *writer);

/* What was done since the start, for /metrics. */
struct writer_figures {
    uint64_t results[WRITE_RESULT_COUNT]; /* writes by what became of them */
    uint64_t failures;                    /* transactions that were not committed */
    struct histogram commits;             /* those that were, syncs included */
    struct histogram runs;                /* that ended, by what they took */
    size_t queued;                        /* writes that wait now */
};
struct writer_figures writer_figures(struct writer *writer);

/* How the last write went. TEL_OK, or what went wrong. While nothing else is written after a failure,
 * it is tried once a second whether writing works again. */
tel_error writer_health(struct writer *writer, tel_fault *fault);

#endif
