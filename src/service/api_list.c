/* SPDX-License-Identifier: MIT
 *
 * Lists of runs, page by page.
 */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "service/api.h"
#include "service/lookup.h"
#include "service/query.h"
#include "model/run_object.h"

#define LINK_BYTES_MAX ((size_t)32 * 1024) /* a URL of the longest kind, each byte of it escaped */

/* A page that is being written. */
struct page {
    struct strbuf *body;
    int64_t limit;
    int64_t count;
    struct cursor last;
    bool has_more;
};

static void remember(struct page *page, const struct tel_record *run)
{
    const char *created_at = record_text(run, FIELD_created_at);

    (void)snprintf(page->last.created_at, sizeof page->last.created_at, "%s",
                   created_at ? created_at : "");
    page->last.id = record_int(run, FIELD_id);
}

static int append_run(void *arg, const struct tel_record *run)
{
    struct page *page = arg;

    if (page->count == page->limit) {
        page->has_more = true;
        return 1;
    }
    if (page->count++)
        strbuf_putc(page->body, ',');
    run_object_write(page->body, run);
    remember(page, run);
    return strbuf_failed(page->body) ? -1 : 0;
}

/* Ask for the runs and write them down as they come. */
static tel_error list_runs(struct service *service, const struct run_query *query,
                           struct page *page, tel_fault *fault)
{
    struct store *store;
    tel_error error = reader_take(service->reader, &store, fault);

    if (error)
        return error;
    strbuf_putc(page->body, '[');
    error = store_query(store, query, append_run, page, fault);
    strbuf_putc(page->body, ']');
    reader_give(service->reader, store, error);
    return error;
}

/* Point to the next page: the same question, going on behind the last run of this one. */
static void add_link(struct exchange *exchange, const struct cursor *last)
{
    CLEANUP(strbuf_clear) struct strbuf link = STRBUF(LINK_BYTES_MAX);
    CLEANUP(strbuf_clear) struct strbuf cursor = STRBUF(LINK_BYTES_MAX);
    const struct target *target = &exchange->request.target;

    strbuf_puts(&link, "</api/v1/runs");
    for (size_t i = 0; i < target->parameter_count; i++) {
        const struct parameter *parameter = &target->parameters[i];

        if (strcmp(parameter->name, "cursor") != 0 && strcmp(parameter->name, "offset") != 0)
            target_append_parameter(&link, parameter->name, parameter->value);
    }
    cursor_write(&cursor, last);
    target_append_parameter(&link, "cursor", strbuf_failed(&cursor) ? "" : cursor.text);
    strbuf_puts(&link, ">; rel=\"next\"");
    if (strbuf_failed(&link) || strbuf_failed(&cursor))
        answer_unavailable(exchange, "out of memory"); /* as it is, it is the last page */
    else
        answer_header(exchange, "Link", link.text);
}

void api_runs_list(struct service *service, struct exchange *exchange)
{
    CLEANUP(faults_clear) struct faults faults = FAULTS();
    struct list_query query;
    struct page page = {0};
    tel_fault fault = {0};
    tel_error error = query_read(&query, &exchange->request.target, &faults, &fault);

    if (faults.count) {
        faults_answer(&faults, exchange);
        return;
    }
    if (error) {
        answer_detail(exchange, 400, "%s", fault.text);
        return;
    }
    query.run_query.one_more = true;
    page.limit = query.run_query.limit;
    page.body = answer_json(exchange, 200);
    if (list_runs(service, &query.run_query, &page, &fault))
        answer_read_fault(exchange, &fault);
    else if (page.has_more)
        add_link(exchange, &page.last);
}
