/* SPDX-License-Identifier: MIT
 *
 * Many runs, and updates of runs, in one request and one transaction. Only a body that is no list of
 * objects is refused as a whole: a faulty item must not hold up those beside it.
 */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "deliver/record_item.h"
#include "service/api.h"
#include "service/body.h"
#include "http/faults.h"
#include "service/pending.h"

#define ITEMS_MAX 100000 /* more fit into a body of the usual maximum only when they are empty */
#define REASON_BYTES 1024

struct item {
    struct write write;
    struct tel_record record;
    char *event_id; /* as it was sent; NULL: none */
    char *reason;   /* for which it is not even tried */
};

struct batch {
    struct pending pending;
    bool is_wrapped; /* in {"runs": ...} */
    size_t count;
    struct item *items;
    struct write **writes;
};

struct counts {
    size_t created;
    size_t duplicates;
    size_t updated;
};

static void batch_free(struct pending *pending)
{
    struct batch *batch = (struct batch *)pending;

    if (!batch)
        return;
    for (size_t i = 0; i < batch->count; i++) {
        record_clear(&batch->items[i].record);
        free(batch->items[i].event_id);
        free(batch->items[i].reason);
    }
    free(batch->items);
    free(batch->writes);
    free(batch);
}

static void batch_freep(struct batch **batch)
{
    batch_free((struct pending *)*batch);
}

/* ---- The answer ------------------------------------------------------------------------------ */

/* Return what became of an item, and count it. */
static const char *result_of(const struct item *item, struct counts *counts)
{
    switch (item->reason ? WRITE_INVALID : item->write.result) {
    case WRITE_CREATED:
        counts->created++;
        return "created";
    case WRITE_DUPLICATE:
        counts->duplicates++;
        return "duplicate";
    case WRITE_UPDATED:
        counts->updated++;
        return "updated";
    case WRITE_NOT_FOUND:
        return "not_found";
    default:
        return "invalid";
    }
}

/* Return why an item was not stored, or NULL when it was. */
static const char *reason_of(const struct item *item)
{
    if (item->reason)
        return item->reason;
    if (item->write.result == WRITE_INVALID)
        return item->write.reason;
    return item->write.result == WRITE_NOT_FOUND ? "run not found" : NULL;
}

static void write_error(struct strbuf *body, const struct item *item, size_t index)
{
    CLEANUP(strbuf_clear) struct strbuf text = STRBUF(ANSWER_BYTES_MAX);

    if (item->event_id)
        strbuf_puts(&text, item->event_id);
    else
        strbuf_printf(&text, "#%zu", index);
    strbuf_printf(&text, ": %s", reason_of(item));
    json_write_string(body, strbuf_failed(&text) ? "out of memory" : text.text);
}

static void write_errors(struct strbuf *body, const struct batch *batch)
{
    const char *separator = "";

    for (size_t i = 0; i < batch->count; i++) {
        if (!reason_of(&batch->items[i]))
            continue;
        strbuf_puts(body, separator);
        write_error(body, &batch->items[i], i);
        separator = ",";
    }
}

static void write_results(struct strbuf *body, const struct batch *batch, struct counts *counts)
{
    for (size_t i = 0; i < batch->count; i++) {
        const struct item *item = &batch->items[i];
        const char *reason = reason_of(item);

        strbuf_printf(body, "%s{\"index\":%zu,\"event_id\":", i ? "," : "", i);
        json_write_string(body, item->event_id);
        strbuf_printf(body, ",\"result\":\"%s\"", result_of(item, counts));
        if (reason) {
            strbuf_puts(body, ",\"reason\":");
            json_write_string(body, reason);
        }
        strbuf_putc(body, '}');
    }
}

static void answer_batch(struct pending *pending)
{
    const struct batch *batch = (struct batch *)pending;
    struct strbuf *body = answer_json(pending->exchange, batch->is_wrapped ? 201 : 200);
    struct counts counts = {0};

    strbuf_puts(body, "{\"results\":[");
    write_results(body, batch, &counts);
    strbuf_puts(body, "],\"errors\":[");
    write_errors(body, batch);
    strbuf_printf(body, "],\"inserted\":%zu,\"duplicates\":%zu,\"updated\":%zu,\"total\":%zu",
                  counts.created, counts.duplicates, counts.updated, batch->count);
    if (batch->is_wrapped)
        strbuf_printf(body, ",\"created\":%zu", counts.created);
    strbuf_putc(body, '}');
}

/* ---- What was sent --------------------------------------------------------------------------- */

static void add_reason(void *arg, const char *field, const char *message)
{
    struct strbuf *reason = arg;

    if (reason->length + strlen(field) + strlen(message) + 4 <= REASON_BYTES)
        strbuf_printf(reason, "%s%s %s", reason->length ? "; " : "", field, message);
}

static tel_error read_item(struct item *item, const json_t *object)
{
    CLEANUP(strbuf_clear) struct strbuf reason = STRBUF(REASON_BYTES);
    const char *event_id = json_string_value(json_object_get(object, "event_id"));
    tel_error error;

    item->record = RECORD();
    item->write.record = &item->record;
    if (event_id && *event_id && !(item->event_id = strdup(event_id)))
        return TEL_E_NOMEM;
    error = record_item_read(&item->write.kind, &item->record, object, add_reason, &reason);
    if (error == TEL_E_NOMEM)
        return error;
    if (reason.length && !(item->reason = strbuf_take(&reason)))
        return TEL_E_NOMEM;
    return strbuf_failed(&reason) ? TEL_E_NOMEM : TEL_OK;
}

/* Find the array of items. NULL: the exchange has its answer. */
static const json_t *find_items(struct exchange *exchange, const json_t *body, bool *is_wrapped)
{
    CLEANUP(faults_clear) struct faults faults = FAULTS();
    const json_t *items = json_is_object(body) ? json_object_get(body, "runs") : body;
    const char *list = json_is_object(body) ? "runs" : NULL;
    const json_t *item;
    size_t i;

    *is_wrapped = list != NULL;
    if (!json_is_array(items))
        faults_add(&faults, "body", list,
                   list ? "must be an array of objects"
                        : "must be an array of objects, or {\"runs\": [...]}");
    json_array_foreach(items, i, item)
    {
        if (!json_is_object(item))
            faults_add_item(&faults, list, i, "must be an object");
    }
    if (faults.count) {
        faults_answer(&faults, exchange);
        return NULL;
    }
    if (json_array_size(items) > ITEMS_MAX) {
        answer_detail(exchange, 413, "a batch must have at most %d items", ITEMS_MAX);
        return NULL;
    }
    return items;
}

static struct batch *batch_new(const json_t *items)
{
    CLEANUP(batch_freep) struct batch *batch = calloc(1, sizeof *batch);
    size_t count = json_array_size(items);

    if (!batch)
        return NULL;
    batch->pending = (struct pending){.answer = answer_batch, .release = batch_free};
    batch->items = calloc(count + 1, sizeof *batch->items);
    batch->writes = calloc(count + 1, sizeof *batch->writes);
    batch->pending.job.writes = batch->writes;
    if (!batch->items || !batch->writes)
        return NULL;
    for (; batch->count < count; batch->count++) {
        struct item *item = &batch->items[batch->count];

        if (read_item(item, json_array_get(items, batch->count))) {
            batch->count++;
            return NULL;
        }
        if (!item->reason)
            batch->writes[batch->pending.job.count++] = &item->write;
    }
    return steal(&batch);
}

void api_batch(struct service *service, struct exchange *exchange)
{
    CLEANUP(json_releasep) json_t *body = body_parse(exchange);
    CLEANUP(batch_freep) struct batch *batch = NULL;
    const json_t *items;
    bool is_wrapped;

    items = body ? find_items(exchange, body, &is_wrapped) : NULL;
    if (!items)
        return;
    batch = batch_new(items);
    if (!batch) {
        answer_unavailable(exchange, "out of memory");
        return;
    }
    batch->pending.exchange = exchange;
    batch->is_wrapped = is_wrapped;
    if (batch->pending.job.count)
        pending_submit(service, &steal(&batch)->pending);
    else
        answer_batch(&batch->pending);
}
