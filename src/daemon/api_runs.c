/* SPDX-License-Identifier: MIT
 *
 * Runs over HTTP. A write is checked here, on a thread of the server's, and handed to the writer;
 * the answer is made when it is on the disk.
 */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "daemon/api.h"
#include "daemon/faults.h"
#include "daemon/query.h"
#include "daemon/run_object.h"
#include "daemon/server.h"
#include "model/record_json.h"

/* A write on its way to the disk, and the exchange that waits for it. */
struct run_write {
    struct write_job job;
    struct write write;
    struct write *writes[1];
    struct tel_record record;
    struct strbuf names; /* of the fields that are updated, as JSON */
    struct exchange *exchange;
};

#define NAMES_BYTES_MAX 4096

static struct run_write *run_write_new(enum write_kind kind, struct exchange *exchange)
{
    struct run_write *run_write = calloc(1, sizeof *run_write);

    if (!run_write)
        return NULL;
    run_write->record = RECORD();
    run_write->names = STRBUF(NAMES_BYTES_MAX);
    run_write->write = (struct write){.kind = kind, .record = &run_write->record};
    run_write->writes[0] = &run_write->write;
    run_write->job = (struct write_job){.writes = run_write->writes, .count = 1};
    run_write->exchange = exchange;
    return run_write;
}

static void run_write_freep(struct run_write **run_write)
{
    if (!*run_write)
        return;
    record_clear(&(*run_write)->record);
    strbuf_clear(&(*run_write)->names);
    free(*run_write);
}

static void answer_no_run(struct exchange *exchange, const char *event_id)
{
    answer_detail(exchange, 404, "run not found: %.300s", event_id);
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

static void answer_result(struct exchange *exchange, const struct run_write *run_write)
{
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

static void complete(struct write_job *job, const tel_fault *fault)
{
    CLEANUP(run_write_freep) struct run_write *run_write = (struct run_write *)job;
    struct exchange *exchange = run_write->exchange;

    if (fault)
        answer_unavailable(exchange, fault->text);
    else
        answer_result(exchange, run_write);
    server_resume(exchange);
}

/* Hand the write over, which then belongs to complete(). */
static void submit(struct service *service, struct run_write *run_write)
{
    tel_fault fault = {0};

    run_write->job.done = complete;
    server_suspend(run_write->exchange);
    if (writer_submit(service->writer, &run_write->job, &fault))
        complete(&run_write->job, &fault);
}

/* ---- Reading what was sent ------------------------------------------------------------------- */

static void report_field(void *faults, const char *field, const char *message)
{
    faults_add(faults, "body", field, message);
}

/* Return the body's object, a new reference, or NULL when the exchange has its answer. */
static json_t *read_object(struct exchange *exchange)
{
    const struct strbuf *body = &exchange->request.body;
    CLEANUP(faults_clear) struct faults faults = FAULTS();
    CLEANUP(json_releasep) json_t *json = NULL;
    tel_fault fault;

    if (!body->length) {
        answer_detail(exchange, 400, "the body is empty: it must be a JSON object");
        return NULL;
    }
    json = json_parse(body->text, body->length, &fault);
    if (!json) {
        answer_detail(exchange, 400, "%s", fault.text);
        return NULL;
    }
    if (!json_is_object(json)) {
        faults_add(&faults, "body", NULL, "must be a JSON object");
        faults_answer(&faults, exchange);
        return NULL;
    }
    return steal(&json);
}

/* Read the fields of `set`. false: the exchange has its answer. */
static bool read_fields(struct exchange *exchange, struct tel_record *record, const json_t *object,
                        field_set set, field_set required)
{
    CLEANUP(faults_clear) struct faults faults = FAULTS();
    tel_error error = record_read_json(record, object, set, required, report_field, &faults);

    if (error == TEL_E_INVALID)
        faults_answer(&faults, exchange);
    else if (error)
        answer_unavailable(exchange, tel_strerror(error));
    return error == TEL_OK;
}

void api_runs_create(struct service *service, struct exchange *exchange)
{
    CLEANUP(json_releasep) json_t *object = read_object(exchange);
    CLEANUP(run_write_freep) struct run_write *run_write = NULL;

    if (!object)
        return;
    run_write = run_write_new(WRITE_CREATE, exchange);
    if (!run_write) {
        answer_unavailable(exchange, "out of memory");
        return;
    }
    if (read_fields(exchange, &run_write->record, object, run_fields_with(CREATE),
                    run_fields_with(REQUIRED)))
        submit(service, steal(&run_write));
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

void api_run_update(struct service *service, struct exchange *exchange)
{
    CLEANUP(json_releasep) json_t *object = read_object(exchange);
    CLEANUP(run_write_freep) struct run_write *run_write = NULL;

    if (!object)
        return;
    run_write = run_write_new(WRITE_UPDATE, exchange);
    if (!run_write) {
        answer_unavailable(exchange, "out of memory");
        return;
    }
    if (!read_fields(exchange, &run_write->record, object, run_fields_with(PATCH), 0))
        return;
    list_names(run_write, object);
    if (!run_write->names.length) {
        answer_detail(exchange, 400, "nothing to update: no field of the body may be changed");
        return;
    }
    if (record_set_text(&run_write->record, FIELD_event_id, exchange->request.path_argument,
                        NULL)) {
        answer_unavailable(exchange, "out of memory");
        return;
    }
    submit(service, steal(&run_write));
}

/* ---- Answering questions --------------------------------------------------------------------- */

static void answer_read_fault(struct exchange *exchange, const tel_fault *fault)
{
    if (fault->code == TEL_E_CORRUPT || fault->code == TEL_E_INTERNAL)
        answer_detail(exchange, 500, "%s", fault->text);
    else
        answer_unavailable(exchange, fault->text);
}

static tel_error get_run(struct service *service, const char *event_id, struct tel_record *record,
                         tel_fault *fault)
{
    struct store *store;
    tel_error error = reader_take(service->reader, &store, fault);

    if (error)
        return error == TEL_E_NOT_FOUND ? TEL_E_IO : error; /* the database, not the run */
    error = store_get(store, event_id, record, fault);
    reader_give(service->reader, store, error);
    return error;
}

void api_run_get(struct service *service, struct exchange *exchange)
{
    const char *event_id = exchange->request.path_argument;
    CLEANUP(record_clear) struct tel_record record = RECORD();
    tel_fault fault = {0};
    tel_error error = get_run(service, event_id, &record, &fault);

    if (error == TEL_E_NOT_FOUND)
        answer_no_run(exchange, event_id);
    else if (error)
        answer_read_fault(exchange, &fault);
    else
        run_object_write(answer_json(exchange, 200), &record);
}

static int append_run(void *arg, const struct tel_record *record)
{
    struct strbuf *body = arg;

    if (body->length > 1)
        strbuf_putc(body, ',');
    run_object_write(body, record);
    return strbuf_failed(body) ? -1 : 0;
}

/* Ask for the runs and write them down as they come. */
static tel_error list_runs(struct service *service, const struct run_query *query,
                           struct strbuf *body, tel_fault *fault)
{
    struct store *store;
    tel_error error = reader_take(service->reader, &store, fault);

    if (error)
        return error;
    strbuf_putc(body, '[');
    error = store_query(store, query, append_run, body, fault);
    strbuf_putc(body, ']');
    reader_give(service->reader, store, error);
    return error;
}

void api_runs_list(struct service *service, struct exchange *exchange)
{
    CLEANUP(faults_clear) struct faults faults = FAULTS();
    struct list_query query;
    tel_fault fault = {0};
    tel_error error = query_read(&query, &exchange->request.target, &faults, &fault);

    if (faults.count)
        faults_answer(&faults, exchange);
    else if (error)
        answer_detail(exchange, 400, "%s", fault.text);
    else if (list_runs(service, &query.run_query, answer_json(exchange, 200), &fault))
        answer_read_fault(exchange, &fault);
}
