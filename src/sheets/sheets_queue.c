/* SPDX-License-Identifier: MIT
 *
 * When a program ends without releasing its queue, the thread must not be left in the middle of a
 * request: the libraries that it stands on clean up after themselves then, under its feet. So queues
 * are listed, and a handler given to atexit() stops them before that.
 */
#include "sheets/sheets_queue.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/condition.h"
#include "deliver/http.h"

#define RUNNING_MAX 32 /* beyond, a program that ends has to release its queues itself */

struct item {
    struct item *next;
    tel_api_payload *payload;
    sheets_done_fn *done;
    void *arg;
    struct deadline wanted_by;
};

struct sheets_queue {
    struct sheets_queue_options options;
    pid_t owner;
    pthread_t thread;
    atomic_bool cancelled;
    struct deadline wanted_by; /* the item under way; the thread's alone */
    bool orphaned;             /* to be released by the thread itself; the thread's alone */

    pthread_mutex_t mutex; /* over all below */
    pthread_cond_t changed;
    struct item *first;
    struct item **end;
    size_t count;
    bool has_thread;
    bool is_listed;
    bool closing;
    bool ended;            /* the thread is about to return */
    bool joined_at_exit;   /* the handler has joined the thread... */
    bool unwanted_at_exit; /* ...or has to, and then to release the queue */
};

/* ---- Queues that have a thread --------------------------------------------------------------- */

static _Atomic(struct sheets_queue *) running[RUNNING_MAX];

/* Put `to` where `from` is. */
static bool exchange(struct sheets_queue *from, struct sheets_queue *to)
{
    for (size_t i = 0; i < RUNNING_MAX; i++) {
        struct sheets_queue *found = from;

        if (atomic_compare_exchange_strong(&running[i], &found, to))
            return true;
    }
    return false;
}

static void cancel(struct sheets_queue *queue)
{
    atomic_store(&queue->cancelled, true);
    (void)pthread_mutex_lock(&queue->mutex);
    queue->closing = true;
    (void)pthread_cond_broadcast(&queue->changed);
    (void)pthread_mutex_unlock(&queue->mutex);
}

static void release(struct sheets_queue *queue)
{
    (void)pthread_cond_destroy(&queue->changed);
    (void)pthread_mutex_destroy(&queue->mutex);
    free(queue);
}

/* A thread that ends the program in its `done` cannot be waited for. */
static void stop_all(void)
{
    for (size_t i = 0; i < RUNNING_MAX; i++) {
        struct sheets_queue *queue = atomic_exchange(&running[i], NULL);
        bool is_unwanted;

        if (!queue || !sheets_queue_is_ours(queue) || pthread_equal(queue->thread, pthread_self()))
            continue;
        cancel(queue);
        (void)pthread_join(queue->thread, NULL);
        (void)pthread_mutex_lock(&queue->mutex);
        queue->joined_at_exit = true;
        is_unwanted = queue->unwanted_at_exit;
        (void)pthread_mutex_unlock(&queue->mutex);
        if (is_unwanted)
            release(queue);
    }
}

static void stop_all_at_exit(void)
{
    http_prepare();
    (void)atexit(stop_all);
}

/* ---- The thread ------------------------------------------------------------------------------ */

static void item_free(struct item *item)
{
    tel_api_payload_free(item->payload);
    free(item);
}

/* A sheets_pause_fn: not longer than the run is wanted for, nor beyond the queue's end. */
static bool pause_unless_cancelled(void *arg, int64_t ms)
{
    struct sheets_queue *queue = arg;
    struct deadline until = deadline_in(ms);
    int error = 0;

    if (queue->options.patience_ms && deadline_left_ms(queue->wanted_by) < ms)
        return false;
    (void)pthread_mutex_lock(&queue->mutex);
    while (!atomic_load(&queue->cancelled) && !error)
        error = condition_wait(&queue->changed, &queue->mutex, until);
    (void)pthread_mutex_unlock(&queue->mutex);
    return !atomic_load(&queue->cancelled);
}

static tel_error export(struct sheets_queue *queue, struct sheets *sheets, const struct item *item,
                        tel_fault *fault)
{
    queue->wanted_by = item->wanted_by;
    if (atomic_load(&queue->cancelled))
        return fault_set(fault, TEL_E_SKIPPED, "not exported: the client was closed before");
    if (queue->options.patience_ms && deadline_left_ms(item->wanted_by) == 0)
        return fault_set(fault, TEL_E_SKIPPED, "not exported: too many runs were waiting");
    return sheets ? sheets_post(sheets, item->payload, fault) : fault_nomem(fault);
}

/* Wait for an item. NULL: there is none and there will be none. */
static struct item *take_first(struct sheets_queue *queue)
{
    struct item *item;

    (void)pthread_mutex_lock(&queue->mutex);
    while (!queue->first && !queue->closing)
        (void)pthread_cond_wait(&queue->changed, &queue->mutex);
    item = queue->first;
    if (item) {
        queue->first = item->next;
        queue->count--;
        if (!queue->first)
            queue->end = &queue->first;
    }
    (void)pthread_mutex_unlock(&queue->mutex);
    return item;
}

static void *run(void *arg)
{
    struct sheets_queue *queue = arg;
    struct sheets *sheets = NULL;
    struct item *item;
    bool orphaned;

    (void)sheets_new(&sheets, &(struct sheets_options){.config = queue->options.config,
                                                       .log = queue->options.log,
                                                       .pause = pause_unless_cancelled,
                                                       .arg = queue,
                                                       .cancelled = &queue->cancelled});
    while ((item = take_first(queue))) {
        tel_fault fault = {0};
        tel_error error = export(queue, sheets, item, &fault);

        item->done(item->arg, error, &fault);
        item_free(item);
    }
    sheets_free(sheets);
    orphaned = queue->orphaned; /* when `ended` is told, another thread may release the queue */
    (void)pthread_mutex_lock(&queue->mutex);
    queue->ended = true;
    (void)pthread_cond_broadcast(&queue->changed);
    (void)pthread_mutex_unlock(&queue->mutex);
    if (orphaned)
        release(queue);
    return NULL;
}

/* Start the thread if there is none; the mutex is held. */
static bool have_thread(struct sheets_queue *queue)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    sigset_t all;
    sigset_t before;

    if (queue->has_thread)
        return true;
    (void)pthread_once(&once, stop_all_at_exit);
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    queue->has_thread = pthread_create(&queue->thread, NULL, run, queue) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    queue->is_listed = queue->has_thread && exchange(NULL, queue);
    return queue->has_thread;
}

/* ---- Who fills it ---------------------------------------------------------------------------- */

tel_error sheets_queue_new(struct sheets_queue **out, const struct sheets_queue_options *options)
{
    struct sheets_queue *queue = calloc(1, sizeof *queue);

    *out = queue;
    if (!queue)
        return TEL_E_NOMEM;
    queue->options = *options;
    queue->owner = getpid();
    queue->end = &queue->first;
    atomic_init(&queue->cancelled, false);
    (void)pthread_mutex_init(&queue->mutex, NULL);
    (void)condition_init(&queue->changed);
    return TEL_OK;
}

bool sheets_queue_is_ours(const struct sheets_queue *queue)
{
    return queue->owner == getpid();
}

static tel_error add(struct sheets_queue *queue, struct item *item, tel_fault *fault)
{
    if (queue->closing)
        return fault_set(fault, TEL_E_CLOSED, "not exported: the client is closed");
    if (queue->count >= SHEETS_QUEUE_MAX)
        return fault_set(fault, TEL_E_BUSY, "not exported: %d runs are waiting already",
                         SHEETS_QUEUE_MAX);
    if (!have_thread(queue))
        return fault_set(fault, TEL_E_NOMEM, "not exported: cannot start a thread");
    *queue->end = item;
    queue->end = &item->next;
    queue->count++;
    (void)pthread_cond_broadcast(&queue->changed);
    return TEL_OK;
}

tel_error sheets_queue_take(struct sheets_queue *queue, tel_api_payload *payload,
                            sheets_done_fn *done, void *arg, tel_fault *fault)
{
    struct item *item = malloc(sizeof *item);
    tel_error error;

    if (!item)
        return fault_nomem(fault);
    *item = (struct item){.payload = payload,
                          .done = done,
                          .arg = arg,
                          .wanted_by = deadline_in(queue->options.patience_ms)};
    (void)pthread_mutex_lock(&queue->mutex);
    error = add(queue, item, fault);
    (void)pthread_mutex_unlock(&queue->mutex);
    if (error)
        free(item);
    return error;
}

/* ---- Its end --------------------------------------------------------------------------------- */

/* Wait until the deadline for the thread to do all that is queued, then break off what it does. */
static void finish(struct sheets_queue *queue, struct deadline deadline)
{
    int error = 0;

    (void)pthread_mutex_lock(&queue->mutex);
    (void)pthread_cond_broadcast(&queue->changed);
    while (!queue->ended && !error)
        error = condition_wait(&queue->changed, &queue->mutex, deadline);
    if (error)
        atomic_store(&queue->cancelled, true);
    (void)pthread_cond_broadcast(&queue->changed);
    while (!queue->ended)
        (void)pthread_cond_wait(&queue->changed, &queue->mutex);
    (void)pthread_mutex_unlock(&queue->mutex);
}

/* The queue is released by its own thread, which cannot wait for itself. */
static void orphan(struct sheets_queue *queue)
{
    queue->orphaned = true;
    (void)pthread_detach(queue->thread);
}

/* The program is ending, and its handler has the queue. */
static void leave_to_exit(struct sheets_queue *queue)
{
    bool is_joined;

    (void)pthread_mutex_lock(&queue->mutex);
    is_joined = queue->joined_at_exit;
    queue->unwanted_at_exit = true;
    (void)pthread_mutex_unlock(&queue->mutex);
    if (is_joined)
        release(queue);
}

void sheets_queue_stop(struct sheets_queue *queue, struct deadline deadline)
{
    bool has_thread;

    if (!queue || !sheets_queue_is_ours(queue))
        return;
    (void)pthread_mutex_lock(&queue->mutex);
    queue->closing = true;
    has_thread = queue->has_thread;
    (void)pthread_mutex_unlock(&queue->mutex);
    if (has_thread && pthread_equal(queue->thread, pthread_self()))
        cancel(queue);
    else if (has_thread)
        finish(queue, deadline);
}

void sheets_queue_free(struct sheets_queue *queue)
{
    if (!queue || !sheets_queue_is_ours(queue))
        return;
    sheets_queue_stop(queue, deadline_in(0));
    if (!queue->has_thread) {
        release(queue);
        return;
    }
    if (queue->is_listed && !exchange(queue, NULL)) {
        leave_to_exit(queue);
        return;
    }
    if (pthread_equal(queue->thread, pthread_self())) {
        orphan(queue);
        return;
    }
    (void)pthread_join(queue->thread, NULL);
    release(queue);
}
