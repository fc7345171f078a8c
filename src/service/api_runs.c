/* SPDX-License-Identifier: MIT
 *
 * Runs over HTTP. A write is checked here, on a thread of the server's, and handed on (pending.h);
 * the answer is made when it is on the disk.
 */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "service/api.h"
#include "service/body.h"
#include "http/faults.h"
#include "service/lookup.h"
#include "service/pending.h"
#include "model/run_object.h"
#include "model/record_json.h"

#define NAMES_BYTES_MAX 4096

struct run_write {
    struct pending pending;
    struct write write;
    struct write *writes[1];
    struct tel_record record;
    struct strbuf names; /* of the fields that are updated, as JSON */
};

static void run_write_free(struct pending *pending)
{
    struct run_write *run_write = (struct run_write *)pending;

    if (!run_write)
        return;
    record_clear(&run_write->record);
    strbuf_clear(&run_write->names);
    free(run_write);
}

static void run_write_freep(struct run_write **run_write)
{
    run_write_free((struct pending *)*run_write);
}

static pending_fn answer_result;

/* NULL: out of memory, and the exchange has its answer. */
static struct run_write *run_write_new(enum write_kind kind, struct exchange *exchange)
{
    struct run_write *run_write = calloc(1, sizeof *run_write);

    if (!run_write) {
        answer_unavailable(exchange, "out of memory");
        return NULL;
    }
    run_write->record = RECORD();
    run_write->names = STRBUF(NAMES_BYTES_MAX);
    run_write->write = (struct write){.kind = kind, .record = &run_write->record};
    run_write->writes[0] = &run_write->write;
    run_write->pending = (struct pending){
        .job = {.writes = run_write->writes, .count = 1},
        .exchange = exchange,
        .answer = answer_result,
        .release = run_write_free,
    };
    return run_write;
}

static void write_created(struct exchange *exchange, const struct run_write *run_write)
{
    struct strbuf *body = answer_json(exchange, 201);

    strbuf_puts(body, "{\"status\":\"created\",\"event_id\":");
    json_write_string(body, record_text(&run_write->record, FIELD_event_id));
    strbuf_puts(body, ",\"run_id\":");
    json_write_string(body, record_text(&run_write->record, FIELD_run_id));
    strbuf_putc(body, '}');
}

static void write_duplicate(struct exchange *exchange, const struct run_write *run_write)
{
    struct strbuf *body = answer_json(exchange, 200);
    bool updated = run_write->write.result == WRITE_UPDATED;

    strbuf_puts(body, "{\"status\":\"duplicate\",\"event_id\":");
    json_write_string(body, record_text(&run_write->record, FIELD_event_id));
    strbuf_puts(body, updated
                          ? ",\"updated\":true,\"message\":\"the event_id is known, and the run "
                            "has now ended\"}"
                          : ",\"message\":\"the event_id is known; nothing was stored\"}");
}

static void write_updated(struct exchange *exchange, const struct run_write *run_write)
{
    struct strbuf *body = answer_json(exchange, 200);

    strbuf_puts(body, "{\"event_id\":");
    json_write_string(body, record_text(&run_write->record, FIELD_event_id));
    strbuf_printf(body, ",\"updated\":true,\"fields_updated\":[%s]}", run_write->names.text);
}

static void answer_invalid(struct exchange *exchange, const struct run_write *run_write)
{
    CLEANUP(faults_clear) struct faults faults = FAULTS();

    faults_add(&faults, "body", NULL, run_write->write.reason);
    faults_answer(&faults, exchange);
}

static void answer_result(struct pending *pending)
{
    struct run_write *run_write = (struct run_write *)pending;
    struct exchange *exchange = pending->exchange;

    switch (run_write->write.result) {
    case WRITE_CREATED:
        write_created(exchange, run_write);
        break;
    case WRITE_DUPLICATE:
        write_duplicate(exchange, run_write);
        break;
    case WRITE_UPDATED:
        if (run_write->write.kind == WRITE_CREATE)
            write_duplicate(exchange, run_write);
        else
            write_updated(exchange, run_write);
        break;
    case WRITE_NOT_FOUND:
        answer_no_run(exchange, record_text(&run_write->record, FIELD_event_id));
        break;
    case WRITE_INVALID:
        answer_invalid(exchange, run_write);
        break;
    case WRITE_PENDING:
        answer_unavailable(exchange, "the write was not applied");
        break;
    }
}

void api_runs_create(struct service *service, struct exchange *exchange)
{
    CLEANUP(faults_clear) struct faults faults = FAULTS();
    CLEANUP(json_releasep) json_t *object = body_read_object(exchange, &faults);
    CLEANUP(run_write_freep) struct run_write *run_write = NULL;

    if (!object)
        return;
    run_write = run_write_new(WRITE_CREATE, exchange);
    if (run_write && body_read_fields(exchange, &faults, &run_write->record, object,
                                      run_fields_with(CREATE), run_fields_with(REQUIRED)))
        pending_submit(service, &steal(&run_write)->pending);
}

/* Collect the names of the fields that are changed, in the order in which they were sent. */
static void list_names(struct run_write *run_write, json_t *object)
{
    const char *name;
    json_t *value;

    json_object_foreach(object, name, value)
    {
        int index = run_field_find(name);

        if (index < 0 || !record_has(&run_write->record, index))
            continue;
        if (run_write->names.length)
            strbuf_putc(&run_write->names, ',');
        json_write_string(&run_write->names, name);
    }
}

const struct parameter_spec update_parameters[] = {
    {.name = "merge",
     .kind = PARAMETER_BOOL,
     .meaning =
         "merge metrics_json and context_json into what is stored (RFC 7396), instead of replacing it"},
    {0},
};

void api_run_update(struct service *service, struct exchange *exchange)
{
    CLEANUP(faults_clear) struct faults faults = FAULTS();
    CLEANUP(json_releasep) json_t *object = NULL;
    CLEANUP(run_write_freep) struct run_write *run_write = NULL;
    bool merges = parameter_find_bool(&exchange->request.target, update_parameters, &faults);

    object = body_read_object(exchange, &faults);
    if (!object)
        return;
    run_write = run_write_new(WRITE_UPDATE, exchange);
    if (!run_write ||
        !body_read_fields(exchange, &faults, &run_write->record, object, run_fields_with(PATCH), 0))
        return;
    run_write->write.merges = merges;
    list_names(run_write, object);
    if (!run_write->names.length && !strbuf_failed(&run_write->names)) {
        answer_detail(exchange, 400, "nothing to update: no field of the body may be changed");
        return;
    }
    if (strbuf_failed(&run_write->names) ||
        record_set_text(&run_write->record, FIELD_event_id, exchange->request.path_argument,
                        NULL)) {
        answer_unavailable(exchange, "out of memory");
        return;
    }
    pending_submit(service, &steal(&run_write)->pending);
}

static int write_run(void *body, const struct tel_record *run)
{
    run_object_write(body, run);
    return 0;
}

void api_run_get(struct service *service, struct exchange *exchange)
{
    (void)lookup_view(service, exchange, write_run, answer_json(exchange, 200));
}
