/* SPDX-License-Identifier: MIT */
#include "service/reader.h"

#include <pthread.h>
#include <stdlib.h>

/* A thread that answers requests must not be held up for long by another program's lock. */
#define BUSY_MS 2000

struct reader {
    struct store_options options;
    pthread_mutex_t lock; /* over all below */
    pthread_cond_t given;
    size_t idle_count;
    struct store *idle[]; /* NULL: not open */
};

tel_error reader_new(struct reader **out, const struct store_options *options, size_t stores,
                     tel_fault *fault)
{
    struct reader *reader = calloc(1, sizeof *reader + stores * sizeof(struct store *));

    *out = NULL;
    if (!reader)
        return fault_nomem(fault);
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
    free(reader);
}

tel_error reader_take(struct reader *reader, struct store **store, tel_fault *fault)
{
    tel_error error;

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
