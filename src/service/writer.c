/* SPDX-License-Identifier: MIT */
#include "service/writer.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/condition.h"

#define PROBE_INTERVAL_SECONDS 1

/* One part in so many of what a commit takes is waited for each of those who are expected. */
#define PATIENCE_PARTS 16

/* A commit that took longer was held up by somebody, and says nothing of the next; but the thread that
 * writes the next shall be one for which nobody waits. */
#define COMMIT_US_MAX 20000

struct writer {
    struct store *store; /* of whoever writes, as the next two */
    size_t last_count;   /* the writes of the last transaction... */
    int64_t last_commit; /* ...and the microseconds that its commit took */
    const struct logger *logger;
    pthread_t thread;

    pthread_mutex_t lock; /* over all below */
    pthread_cond_t work;
    struct write_job *first;
    struct write_job **end; /* where the next job is hung in */
    size_t queued;          /* writes in all jobs that wait */
    bool is_writing;        /* somebody is: the thread, or one that submits */
    bool stopping;
    tel_error outcome; /* of the last write */
    tel_fault outcome_fault;
    struct writer_figures figures;
};

/* What goes into one transaction, and how far it has got. */
struct batch {
    struct writer *writer;
    struct write_job *first;
    struct write_job **end; /* where the next job is hung in */
    size_t count;           /* writes in all of them */
    struct write_job *job;  /* which of them the next write comes from; NULL: there was none */
    size_t next;            /* and which of its writes that is */
    int64_t begun;          /* when the transaction was, in microseconds... */
    int64_t filled;         /* ...and when there was no write any more */
};

/* Wait for work, or, when writing failed last, until it is time to see whether it works again; and, in
 * any case, until nobody else writes. */
static void wait_for_work(struct writer *writer)
{
    const int64_t pause_ms = PROBE_INTERVAL_SECONDS * INT64_C(1000);
    bool is_due = false;

    while (writer->is_writing || (!writer->first && !writer->stopping && !is_due)) {
        if (writer->outcome && !writer->is_writing)
            is_due = condition_wait(&writer->work, &writer->lock, deadline_in(pause_ms)) != 0;
        else
            pthread_cond_wait(&writer->work, &writer->lock);
    }
}

/* Take all that is queued. */
static void take(struct batch *batch)
{
    struct writer *writer = batch->writer;

    if (!writer->first)
        return;
    *batch->end = writer->first;
    batch->end = writer->end;
    batch->count += writer->queued;
    writer->first = NULL;
    writer->end = &writer->first;
    writer->queued = 0;
}

/* Wait for work, claim the store and take it. false: there will be none. */
static bool take_first(struct batch *batch)
{
    struct writer *writer = batch->writer;
    bool goes_on;

    pthread_mutex_lock(&writer->lock);
    wait_for_work(writer);
    goes_on = writer->first || !writer->stopping;
    take(batch);
    writer->is_writing = goes_on;
    pthread_mutex_unlock(&writer->lock);
    return goes_on;
}

/* Leave the store to the thread, for which there may be something to do by now. */
static void release(struct writer *writer)
{
    pthread_mutex_lock(&writer->lock);
    writer->is_writing = false;
    if (writer->first || writer->stopping || writer->outcome)
        pthread_cond_signal(&writer->work);
    pthread_mutex_unlock(&writer->lock);
}

/* Begin with the first, and take what came while the database was waited for. */
static void start(struct batch *batch)
{
    struct writer *writer = batch->writer;

    pthread_mutex_lock(&writer->lock);
    take(batch);
    pthread_mutex_unlock(&writer->lock);
    batch->job = batch->first;
    batch->next = 0;
    batch->begun = clock_monotonic_us();
}

/*
 * Take what came meanwhile. A transaction costs so much that it is filled for as long as the last commit
 * took: beyond that, those who are in it would wait for more than they save. Those who were in the last
 * one are likely to come again, and soon.
 */
static void take_more(struct batch *batch)
{
    struct writer *writer = batch->writer;
    int64_t now = clock_monotonic_us();
    int64_t patience = writer->last_commit / PATIENCE_PARTS;

    if (now - batch->begun > writer->last_commit)
        return;
    pthread_mutex_lock(&writer->lock);
    if (!writer->first && !writer->stopping && batch->count < writer->last_count)
        (void)condition_wait_until(&writer->work, &writer->lock, now + patience);
    take(batch);
    pthread_mutex_unlock(&writer->lock);
}

/* A write_source_fn. */
static struct write *next_write(void *arg, size_t place)
{
    struct batch *batch = arg;

    if (place == 0)
        start(batch);
    while (batch->job && batch->next == batch->job->count) {
        if (!batch->job->next)
            take_more(batch);
        batch->job = batch->job->next;
        batch->next = 0;
    }
    if (!batch->job)
        batch->filled = clock_monotonic_us();
    return batch->job ? batch->job->writes[batch->next++] : NULL;
}

static void count_job(struct writer_figures *figures, const struct write_job *job)
{
    for (size_t i = 0; i < job->count; i++) {
        const struct write *write = job->writes[i];

        figures->results[write->result]++;
        if (write->ended)
            histogram_observe(&figures->runs, (double)write->duration_ms / 1000);
    }
}

/* Count what was done in one transaction, which took so long. */
static void count_all(struct writer *writer, const struct write_job *jobs, tel_error outcome,
                      int64_t took_us)
{
    pthread_mutex_lock(&writer->lock);
    if (outcome)
        writer->figures.failures++;
    else
        histogram_observe(&writer->figures.commits, (double)took_us / US_PER_SECOND);
    for (; jobs && !outcome; jobs = jobs->next)
        count_job(&writer->figures, jobs);
    pthread_mutex_unlock(&writer->lock);
}

/* Remember how it went; log only when that changes, since a full disk fails every write. */
static void remember(struct writer *writer, tel_error outcome, const tel_fault *fault)
{
    bool changed;

    pthread_mutex_lock(&writer->lock);
    changed = (writer->outcome == TEL_OK) != (outcome == TEL_OK);
    writer->outcome = outcome;
    writer->outcome_fault = *fault;
    pthread_mutex_unlock(&writer->lock);
    if (!changed)
        return;
    if (outcome)
        logger_event(writer->logger, TEL_LOG_ERROR, "writing failed",
                     LOG_FIELDS({"reason", fault->text}));
    else
        logger_event(writer->logger, TEL_LOG_WARNING, "writing works again", NULL);
}

static void complete_all(struct write_job *job, const tel_fault *fault)
{
    for (struct write_job *next; job; job = next) {
        next = job->next;
        job->done(job, fault);
    }
}

/* Tell everybody what has become of their writes. */
static void conclude(struct batch *batch, int64_t began, tel_error error, const tel_fault *fault)
{
    struct writer *writer = batch->writer;
    tel_fault health = {0};
    int64_t now = clock_monotonic_us();

    count_all(writer, batch->first, error, now - began);
    writer->last_count = batch->count;
    if (!error)
        writer->last_commit =
            now - batch->filled < COMMIT_US_MAX ? now - batch->filled : COMMIT_US_MAX;
    /* Before anyone is told, so that whoever was told finds /health agreeing. What succeeded without
     * writing anything does not make up for what failed. */
    if (error)
        remember(writer, error, fault);
    else
        remember(writer, store_health(writer->store, &health), &health);
    complete_all(batch->first, error ? fault : NULL);
}

static void work_on(struct batch *batch)
{
    tel_fault fault = {0};
    int64_t began = clock_monotonic_us();
    tel_error error = store_apply_from(batch->writer->store, next_write, batch, &fault);

    conclude(batch, began, error, &fault);
}

/* A probe that fails says nothing new: the reason stays that of the write. */
static void probe(struct writer *writer)
{
    if (!store_probe(writer->store, NULL))
        remember(writer, TEL_OK, &(tel_fault){0});
}

static void *run(void *arg)
{
    struct writer *writer = arg;
    bool goes_on = true;

    while (goes_on) {
        struct batch batch = {.writer = writer, .end = &batch.first};

        goes_on = take_first(&batch);
        if (batch.first)
            work_on(&batch);
        else if (goes_on)
            probe(writer);
        if (goes_on)
            release(writer);
    }
    return NULL;
}

void writer_free(struct writer *writer)
{
    if (!writer)
        return;
    (void)pthread_cond_destroy(&writer->work);
    (void)pthread_mutex_destroy(&writer->lock);
    free(writer);
}

static void init_locks(struct writer *writer)
{
    (void)pthread_mutex_init(&writer->lock, NULL);
    (void)condition_init(&writer->work);
}

tel_error writer_start(struct writer **out, struct store *store, const struct logger *logger,
                       tel_fault *fault)
{
    struct writer *writer = calloc(1, sizeof *writer);

    *out = NULL;
    if (!writer) {
        store_close(store);
        return fault_nomem(fault);
    }
    writer->store = store;
    writer->logger = logger;
    writer->end = &writer->first;
    writer->figures.commits = histogram_of_waits();
    writer->figures.runs = histogram_of_runs();
    init_locks(writer);
    if (pthread_create(&writer->thread, NULL, run, writer)) {
        store_close(store);
        writer_free(writer);
        return fault_set(fault, TEL_E_NOMEM, "cannot start the writer's thread");
    }
    *out = writer;
    return TEL_OK;
}

void writer_stop(struct writer *writer)
{
    if (!writer || !writer->store) /* stopped already */
        return;
    pthread_mutex_lock(&writer->lock);
    writer->stopping = true;
    pthread_cond_signal(&writer->work);
    pthread_mutex_unlock(&writer->lock);
    (void)pthread_join(writer->thread, NULL);
    store_close(writer->store);
    writer->store = NULL;
}

tel_error writer_submit(struct writer *writer, struct write_job *job, tel_fault *fault)
{
    const char *refusal = NULL;

    job->next = NULL;
    pthread_mutex_lock(&writer->lock);
    if (writer->stopping) {
        refusal = "the service is stopping: send it again later";
    } else if (writer->queued && writer->queued + job->count > WRITER_QUEUE_MAX) {
        refusal = "too many writes are waiting: send it again later";
    } else {
        *writer->end = job;
        writer->end = &job->next;
        writer->queued += job->count;
        pthread_cond_signal(&writer->work);
    }
    pthread_mutex_unlock(&writer->lock);
    return refusal ? fault_set(fault, TEL_E_UNAVAILABLE, "%s", refusal) : TEL_OK;
}

/* ---- On the thread of who submits ------------------------------------------------------------ */

/* Claim the store, if nobody else wants it, and the disk is not one that takes its time. */
static bool claim(struct writer *writer)
{
    bool is_free;

    pthread_mutex_lock(&writer->lock);
    is_free = !writer->is_writing && !writer->first && !writer->stopping && !writer->outcome &&
              writer->last_commit < COMMIT_US_MAX;
    if (is_free)
        writer->is_writing = true;
    pthread_mutex_unlock(&writer->lock);
    return is_free;
}

/* The writes of one job. A write_source_fn. */
static struct write *next_of_job(void *arg, size_t place)
{
    struct batch *batch = arg;

    if (place < batch->count)
        return batch->first->writes[place];
    batch->filled = clock_monotonic_us();
    return NULL;
}

bool writer_apply_here(struct writer *writer, struct write_job *job)
{
    struct batch batch = {.writer = writer, .first = job, .count = job->count};
    int64_t began = clock_monotonic_us();
    tel_fault fault = {0};
    tel_error error;

    if (job->count != 1 || !claim(writer))
        return false;
    job->next = NULL;
    store_set_deadline(writer->store, deadline_in(0)); /* a lock is waited for by the thread */
    error = store_apply_from(writer->store, next_of_job, &batch, &fault);
    store_lift_deadline(writer->store);
    if (error != TEL_E_BUSY)
        conclude(&batch, began, error, &fault);
    release(writer);
    return error != TEL_E_BUSY;
}

/* A job somebody waits for. */
struct waiting_job {
    struct write_job job;
    pthread_mutex_t lock;
    pthread_cond_t done;
    bool is_done;
    tel_fault fault;
};

static void wake(struct write_job *job, const tel_fault *fault)
{
    struct waiting_job *waiting = (struct waiting_job *)job;

    pthread_mutex_lock(&waiting->lock);
    if (fault)
        waiting->fault = *fault;
    waiting->is_done = true;
    pthread_cond_signal(&waiting->done);
    pthread_mutex_unlock(&waiting->lock);
}

tel_error writer_apply(void *writer, struct write **writes, size_t count, tel_fault *fault)
{
    struct waiting_job waiting = {
        .job = {.writes = writes, .count = count, .done = wake},
        .lock = PTHREAD_MUTEX_INITIALIZER,
        .done = PTHREAD_COND_INITIALIZER,
    };
    tel_error error = writer_submit(writer, &waiting.job, fault);

    if (error)
        return error;
    pthread_mutex_lock(&waiting.lock);
    while (!waiting.is_done)
        pthread_cond_wait(&waiting.done, &waiting.lock);
    pthread_mutex_unlock(&waiting.lock);
    (void)pthread_cond_destroy(&waiting.done);
    (void)pthread_mutex_destroy(&waiting.lock);
    if (waiting.fault.code)
        return fault_set(fault, waiting.fault.code, "%s", waiting.fault.text);
    return TEL_OK;
}

bool writer_is_busy(struct writer *writer)
{
    bool is_busy;

    pthread_mutex_lock(&writer->lock);
    is_busy = writer->is_writing || writer->queued;
    pthread_mutex_unlock(&writer->lock);
    return is_busy;
}

tel_error writer_health(struct writer *writer, tel_fault *fault)
{
    tel_error outcome;

    pthread_mutex_lock(&writer->lock);
    outcome = writer->outcome;
    if (outcome && fault)
        *fault = writer->outcome_fault;
    pthread_mutex_unlock(&writer->lock);
    return outcome;
}

struct writer_figures writer_figures(struct writer *writer)
{
    struct writer_figures figures;

    pthread_mutex_lock(&writer->lock);
    figures = writer->figures;
    figures.queued = writer->queued;
    pthread_mutex_unlock(&writer->lock);
    return figures;
}
