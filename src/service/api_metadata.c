/* SPDX-License-Identifier: MIT
 *
 * Which values there are to choose from, as for the filters of a list.
 */
#include "base/cleanup.h"
#include "base/json.h"
#include "service/api.h"
#include "service/lookup.h"

#define NAMES_BYTES_MAX 4096

/* A JSON array that is being written. */
struct list {
    struct strbuf *body;
    size_t count;
};

static int append_value(void *arg, const char *value)
{
    struct list *list = arg;

    if (list->count++)
        strbuf_putc(list->body, ',');
    json_write_string(list->body, value);
    return strbuf_failed(list->body);
}

/* Append the values of a field as an array and return their number. */
static size_t write_values(struct strbuf *body, struct store *store, int field, tel_error *error,
                           tel_fault *fault)
{
    struct list list = {.body = body};

    strbuf_putc(body, '[');
    if (!*error)
        *error = store_values(store, field, append_value, &list, fault);
    strbuf_putc(body, ']');
    return list.count;
}

void api_metadata(struct service *service, struct exchange *exchange)
{
    struct store *store;
    tel_fault fault = {0};
    tel_error error = reader_take(service->reader, &store, &fault);
    struct strbuf *body;
    size_t agents;
    size_t jobs;

    if (error) {
        answer_read_fault(exchange, &fault);
        return;
    }
    body = answer_json(exchange, 200);
    strbuf_puts(body, "{\"agent_names\":");
    agents = write_values(body, store, FIELD_agent_name, &error, &fault);
    strbuf_puts(body, ",\"job_types\":");
    jobs = write_values(body, store, FIELD_job_type, &error, &fault);
    strbuf_printf(body, ",\"counts\":{\"agent_names\":%zu,\"job_types\":%zu},\"cache_hit\":false}",
                  agents, jobs);
    reader_give(service->reader, store, error);
    if (error)
        answer_read_fault(exchange, &fault);
}

static void answer_no_category(struct exchange *exchange)
{
    CLEANUP(strbuf_clear) struct strbuf names = STRBUF(NAMES_BYTES_MAX);

    for (int i = 0; i < RUN_FIELD_COUNT; i++) {
        if (run_fields[i].access & CATEGORY)
            strbuf_printf(&names, "%s%s", names.length ? ", " : "", run_fields[i].name);
    }
    if (strbuf_failed(&names))
        answer_unavailable(exchange, "out of memory");
    else
        answer_detail(exchange, 404,
                      "the values of this field are not listed; those of these are: %s",
                      names.text);
}

void api_metadata_field(struct service *service, struct exchange *exchange)
{
    int field = run_field_find(exchange->request.path_argument);
    struct store *store;
    tel_fault fault = {0};
    tel_error error;
    struct strbuf *body;
    size_t count;

    if (field < 0 || !(run_fields[field].access & CATEGORY)) {
        answer_no_category(exchange);
        return;
    }
    error = reader_take(service->reader, &store, &fault);
    if (error) {
        answer_read_fault(exchange, &fault);
        return;
    }
    body = answer_json(exchange, 200);
    strbuf_printf(body, "{\"field\":\"%s\",\"values\":", run_fields[field].name);
    count = write_values(body, store, field, &error, &fault);
    strbuf_printf(body, ",\"count\":%zu}", count);
    reader_give(service->reader, store, error);
    if (error)
        answer_read_fault(exchange, &fault);
}
