/* SPDX-License-Identifier: MIT */
#include "cli/source.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/command.h"
#include "cli/source_files.h"
#include "cli/source_service.h"

struct source {
    struct http *service; /* else... */
    struct store *store;  /* ...NULL: there is no database yet */
};

static tel_error find(struct source *source, const struct common_options *options, tel_fault *fault)
{
    tel_fault warning = {0};
    tel_error error;

    if (!options_want_files_only(options)) {
        error = service_open(&source->service, options->config, fault);
        if (!error || error == TEL_E_REJECTED || options->has_url)
            return error;
        if (options->verbose)
            complain("no service (%s); reading the files", fault->text);
    }
    error = files_open(&source->store, options->config, &warning, fault);
    if (!error && warning.code && !options->quiet)
        complain("%s; showing what the database holds", warning.text);
    return error;
}

tel_error source_open(struct source **out, const struct common_options *options, tel_fault *fault)
{
    struct source *source = calloc(1, sizeof *source);
    tel_error error;

    *out = NULL;
    if (!source)
        return fault_nomem(fault);
    error = find(source, options, fault);
    if (error) {
        source_close(source);
        return error;
    }
    *out = source;
    return TEL_OK;
}

void source_close(struct source *source)
{
    if (!source)
        return;
    http_free(source->service);
    store_close(source->store);
    free(source);
}

tel_error source_get(struct source *source, const char *event_id, struct tel_record *record,
                     tel_fault *fault)
{
    if (source->service)
        return service_get(source->service, event_id, record, fault);
    if (source->store)
        return store_get(source->store, event_id, record, fault);
    return fault_set(fault, TEL_E_NOT_FOUND, "nothing was recorded yet");
}

/* A page of the store's, and behind which run the next one begins. */
struct page {
    tel_record_fn *each;
    void *arg;
    int64_t limit;
    int64_t count;
    bool stopped;
    char *last_time; /* of any length: times of old rows may have any form */
    int64_t last_id;
};

static int hand_on(void *arg, const tel_record *record)
{
    struct page *page = arg;

    page->count++;
    page->stopped = page->each(page->arg, record) != 0;
    if (page->count == page->limit) {
        const char *time = record_text(record, FIELD_created_at);

        page->last_time = strdup(time ? time : "");
        page->last_id = record_int(record, FIELD_id);
    }
    return page->stopped;
}

/* What others write between two pages moves no run from one to the other. */
static tel_error query_store(struct store *store, struct run_query query, tel_record_fn *each,
                             void *arg, tel_fault *fault)
{
    CLEANUP(freep) char *after_time = NULL;
    int64_t wanted = query.limit;

    while (wanted > 0) {
        struct page page = {.each = each, .arg = arg};
        tel_error error;

        query.limit = page.limit = wanted < QUERY_LIMIT_MAX ? wanted : QUERY_LIMIT_MAX;
        error = store_query(store, &query, hand_on, &page, fault);
        free(after_time);
        after_time = page.last_time;
        if (error || page.stopped || page.count < page.limit)
            return error;
        if (!after_time)
            return fault_nomem(fault);
        query.after_time = after_time;
        query.after_id = page.last_id;
        query.offset = 0;
        wanted -= page.count;
    }
    return TEL_OK;
}

tel_error source_query(struct source *source, const struct run_query *query, tel_record_fn *each,
                       void *arg, tel_fault *fault)
{
    if (source->service)
        return service_query(source->service, query, each, arg, fault);
    if (source->store)
        return query_store(source->store, *query, each, arg, fault);
    return TEL_OK;
}
