/* SPDX-License-Identifier: MIT */
#include "service/reader.h"

#include <pthread.h>
#include <stdlib.h>

#include "http/rest.h"

/* A thread that answers requests must not be held up for long by another program's lock. */
#define BUSY_MS 2000

struct reader {
    struct store_options options;
    pthread_key_t kept;   /* by a thread: its connection */
    pthread_mutex_t lock; /* over all below */
    pthread_cond_t given;
    size_t idle_count;
    struct store *idle[]; /* NULL: not open */
};

/* The end of a thread that kept it. Its place is lost: threads end when no more is read. */
static void close_kept(void *store)
{
    store_close(store);
}

tel_error reader_new(struct reader **out, const struct store_options *options, size_t stores,
                     tel_fault *fault)
{
    struct reader *reader = calloc(1, sizeof *reader + stores * sizeof(struct store *));

    *out = NULL;
    if (!reader)
        return fault_nomem(fault);
    if (pthread_key_create(&reader->kept, close_kept)) {
        free(reader);
        return fault_nomem(fault);
    }
    reader->options = *options;
    reader->options.read_only = true;
    reader->options.retries_max = 0;
    if (reader->options.busy_timeout_ms > BUSY_MS)
        reader->options.busy_timeout_ms = BUSY_MS;
    (void)pthread_mutex_init(&reader->lock, NULL);
    (void)pthread_cond_init(&reader->given, NULL);
    reader->idle_count = stores;
    *out = reader;
    return TEL_OK;
}

void reader_free(struct reader *reader)
{
    if (!reader)
        return;
    for (size_t i = 0; i < reader->idle_count; i++)
        store_close(reader->idle[i]);
    (void)pthread_cond_destroy(&reader->given);
    (void)pthread_mutex_destroy(&reader->lock);
    (void)pthread_key_delete(reader->kept);
    free(reader);
}

/* A rest_fn. */
static void let_go(void *arg)
{
    struct reader *reader = arg;
    struct store *store = pthread_getspecific(reader->kept);

    if (!store)
        return;
    (void)pthread_setspecific(reader->kept, NULL);
    store_end_turn(store);
    reader_give(reader, store, TEL_OK);
}

tel_error reader_take(struct reader *reader, struct store **store, tel_fault *fault)
{
    tel_error error;

    rest_now();
    pthread_mutex_lock(&reader->lock);
    while (!reader->idle_count)
        pthread_cond_wait(&reader->given, &reader->lock);
    *store = reader->idle[--reader->idle_count];
    pthread_mutex_unlock(&reader->lock);
    if (*store)
        return TEL_OK;
    error = store_open(store, &reader->options, fault);
    if (error)
        reader_give(reader, NULL, error);
    return error;
}

static bool is_sound(tel_error outcome)
{
    return outcome == TEL_OK || outcome == TEL_E_NOT_FOUND || outcome == TEL_E_BUSY;
}

void reader_give(struct reader *reader, struct store *store, tel_error outcome)
{
    if (!is_sound(outcome)) {
        store_close(store);
        store = NULL;
    }
    pthread_mutex_lock(&reader->lock);
    reader->idle[reader->idle_count++] = store;
    pthread_cond_signal(&reader->given);
    pthread_mutex_unlock(&reader->lock);
}

tel_error reader_take_kept(struct reader *reader, struct store **store, tel_fault *fault)
{
    tel_error error;

    *store = pthread_getspecific(reader->kept);
    if (!*store)
        return reader_take(reader, store, fault);
    (void)pthread_setspecific(reader->kept, NULL); /* it is in use */
    error = store_begin_turn(*store, fault);
    if (error)
        reader_keep(reader, *store, error, false);
    return error;
}

void reader_keep(struct reader *reader, struct store *store, tel_error outcome, bool may_hold)
{
    bool is_kept = (outcome == TEL_OK || outcome == TEL_E_NOT_FOUND) &&
                   rest_later(let_go, reader) && pthread_setspecific(reader->kept, store) == 0;

    if (!is_kept || !may_hold || store_turn_is_over(store))
        store_end_turn(store);
    if (!is_kept)
        reader_give(reader, store, outcome);
}
