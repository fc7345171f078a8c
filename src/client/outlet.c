/* SPDX-License-Identifier: MIT
 *
 * Only a record that the service refuses for what it contains (422, 413) is given up: the audit trail
 * has it, and asking again would be refused again. All else, a wrong token or a foreign server on
 * the port included, somebody may put right, so the record waits in the buffer.
 */
#include "client/outlet.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "deliver/config_store.h"
#include "model/record_json.h"

#define BODY_BYTES_MAX ((size_t)512 * 1024 * 1024)
#define ANSWER_BYTES_MAX ((size_t)64 * 1024)
#define PATH_BYTES_MAX ((size_t)16 * 1024)
#define MS_PER_HOUR INT64_C(3600000)
#define BYTES_PER_MB INT64_C(1048576)
#define RUNS_PATH "/api/v1/runs"

/* ---- Setting up ------------------------------------------------------------------------------ */

static tel_error make_buffer(struct outlet *outlet)
{
    const struct tel_config *config = outlet->config;
    struct buffer_options options = {
        .directory = config_text(config, CONFIG_TELEMETRY_BUFFER_DIR),
        .access = config_file_access(config),
        .bytes_max = config_int(config, CONFIG_TELEMETRY_BUFFER_MAX_SIZE_MB) * BYTES_PER_MB,
        .age_max_ms = config_int(config, CONFIG_TELEMETRY_BUFFER_MAX_AGE_HOURS) * MS_PER_HOUR,
    };

    tel_error error = options.directory ? buffer_new(&outlet->buffer, &options) : TEL_E_INVALID;

    if (error != TEL_E_INVALID)
        return error;
    report(outlet->reporter, TEL_LOG_WARNING, "no buffer",
           "there is no directory for the buffer: set TELEMETRY_BASE_DIR or TELEMETRY_BUFFER_DIR");
    return TEL_OK;
}

static tel_error make_http(struct outlet *outlet)
{
    const struct tel_config *config = outlet->config;
    struct http_options options = {
        .url = config_text(config, CONFIG_TELEMETRY_API_URL),
        .token = config_text(config, CONFIG_TELEMETRY_API_AUTH_TOKEN),
    };
    tel_fault fault;
    tel_error error;

    if (config_is_embedded(config) || config_is_mock(config))
        return TEL_OK;
    error = http_new(&outlet->http, &options, &fault);
    if (error == TEL_E_INVALID) {
        report_fault(outlet->reporter, &fault, "runs are kept in the buffer");
        return TEL_OK;
    }
    return error;
}

/* Waits are bounded, so they must not follow the wall clock, which may jump. */
static int init_locks(struct outlet *outlet)
{
    pthread_condattr_t attributes;
    int error = pthread_mutex_init(&outlet->mutex, NULL);

    if (!error)
        error = pthread_condattr_init(&attributes);
    if (error)
        return error;
    error = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    if (!error)
        error = pthread_cond_init(&outlet->store_is_free, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    return error;
}

tel_error outlet_init(struct outlet *outlet, const struct tel_config *config,
                      struct reporter *reporter, const struct outlet *inherited)
{
    tel_error error;

    *outlet = (struct outlet){.config = config, .reporter = reporter};
    outlet->store_is_barred = inherited && (inherited->store_is_barred || inherited->store_is_busy);
    if (init_locks(outlet))
        return TEL_E_NOMEM;
    error = make_buffer(outlet);
    if (!error)
        error = make_http(outlet);
    if (error)
        outlet_clear(outlet);
    return error;
}

void outlet_clear(struct outlet *outlet)
{
    store_close(outlet->store);
    outlet->store = NULL;
    outlet_abandon(outlet);
}

void outlet_abandon(struct outlet *outlet)
{
    buffer_free(outlet->buffer);
    outlet->buffer = NULL;
    http_free(outlet->http);
    outlet->http = NULL;
}

/* ---- The service ----------------------------------------------------------------------------- */

/* Does the answer name our run? Else something that is not the service took the request. */
static bool answer_is_ours(const struct strbuf *body, const char *event_id)
{
    CLEANUP(json_releasep) json_t *answer = NULL;
    const char *named;

    if (body->length > 0)
        answer = json_parse(body->text, body->length, NULL);
    named = json_string_value(json_object_get(answer, "event_id"));
    return named && strcmp(named, event_id) == 0;
}

static void write_body(struct strbuf *body, const struct tel_record *record, field_set set)
{
    strbuf_putc(body, '{');
    record_write_members(body, record, set & record->given, RECORD_AS_SERVED);
    strbuf_putc(body, '}');
}

/* Append a path segment of any text. */
static void write_segment(struct strbuf *path, const char *text)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;

        if (c < 0x80 && (isalnum(c) || strchr("-._~", c)))
            strbuf_putc(path, (char)c);
        else
            strbuf_printf(path, "%%%02X", c);
    }
}

static tel_error ask_service(struct outlet *outlet, const char *method, const struct strbuf *path,
                             const struct strbuf *body, const char *event_id,
                             struct deadline deadline, tel_fault *fault)
{
    CLEANUP(http_response_clear) struct http_response response = HTTP_RESPONSE(ANSWER_BYTES_MAX);
    tel_error error;

    if (!outlet->http)
        return fault_set(fault, TEL_E_UNAVAILABLE, "the service is not asked");
    if (strbuf_failed(path) || strbuf_failed(body))
        return fault_nomem(fault);
    error = http_send(outlet->http, method, path->text, body->text, deadline, &response, fault);
    if (!error && !answer_is_ours(&response.body, event_id))
        return fault_set(fault, TEL_E_UNAVAILABLE,
                         "%s does not answer as the telemetry service does; is another program "
                         "listening there?",
                         config_text(outlet->config, CONFIG_TELEMETRY_API_URL));
    if (error == TEL_E_REJECTED && response.status != 422 && response.status != 413)
        return TEL_E_UNAVAILABLE;
    return error;
}

static tel_error service_create(struct outlet *outlet, const struct tel_record *record,
                                struct deadline deadline, tel_fault *fault)
{
    CLEANUP(strbuf_clear) struct strbuf path = STRBUF(PATH_BYTES_MAX);
    CLEANUP(strbuf_clear) struct strbuf body = STRBUF(BODY_BYTES_MAX);

    strbuf_puts(&path, RUNS_PATH);
    write_body(&body, record, run_fields_with(CREATE));
    return ask_service(outlet, "POST", &path, &body, record->fields.event_id, deadline, fault);
}

static tel_error service_update(struct outlet *outlet, const struct tel_record *record,
                                field_set set, struct deadline deadline, tel_fault *fault)
{
    CLEANUP(strbuf_clear) struct strbuf path = STRBUF(PATH_BYTES_MAX);
    CLEANUP(strbuf_clear) struct strbuf body = STRBUF(BODY_BYTES_MAX);

    strbuf_puts(&path, RUNS_PATH "/");
    write_segment(&path, record->fields.event_id);
    write_body(&body, record, set & run_fields_with(PATCH));
    return ask_service(outlet, "PATCH", &path, &body, record->fields.event_id, deadline, fault);
}

/* ---- The database ---------------------------------------------------------------------------- */

static tel_error open_store(struct outlet *outlet, struct deadline deadline, tel_fault *fault)
{
    struct store_options options = config_store_options(outlet->config);

    /* A call waits for its deadline at most, and calls back into the host with no lock held. */
    options.busy_timeout_ms = deadline_left_ms(deadline);
    options.retries_max = 0;
    options.log = (struct log){0};

    if (outlet->store_is_barred)
        return fault_set(fault, TEL_E_UNAVAILABLE,
                         "this process was forked while its parent wrote to %s, so it cannot",
                         options.path ? options.path : "the database");
    if (!options.path)
        return fault_set(fault, TEL_E_IO, "there is no path of a database: set TELEMETRY_DB_PATH");
    return outlet->store ? TEL_OK : store_open(&outlet->store, &options, fault);
}

static bool take_store(struct outlet *outlet, struct deadline deadline)
{
    struct timespec at = {deadline.at_ms / 1000, deadline.at_ms % 1000 * 1000000L};
    int error = 0;
    bool taken;

    (void)pthread_mutex_lock(&outlet->mutex);
    while (outlet->store_is_busy && !error)
        error = pthread_cond_timedwait(&outlet->store_is_free, &outlet->mutex, &at);
    taken = !outlet->store_is_busy;
    outlet->store_is_busy = true;
    (void)pthread_mutex_unlock(&outlet->mutex);
    return taken;
}

static void give_store_back(struct outlet *outlet)
{
    (void)pthread_mutex_lock(&outlet->mutex);
    outlet->store_is_busy = false;
    (void)pthread_mutex_unlock(&outlet->mutex);
    (void)pthread_cond_signal(&outlet->store_is_free);
}

static tel_error apply(struct outlet *outlet, struct write *write, struct deadline deadline,
                       tel_fault *fault)
{
    tel_error error = open_store(outlet, deadline, fault);

    if (error)
        return error;
    store_set_deadline(outlet->store, deadline);
    return store_apply(outlet->store, (struct write *[]){write}, 1, fault);
}

static tel_error store_write(struct outlet *outlet, struct write *write, struct deadline deadline,
                             tel_fault *fault)
{
    tel_error error;

    if (!take_store(outlet, deadline))
        return fault_set(fault, TEL_E_BUSY, "other threads kept the database busy");
    error = apply(outlet, write, deadline, fault);
    give_store_back(outlet);
    if (error)
        return error;
    if (write->result == WRITE_INVALID)
        return fault_set(fault, TEL_E_REJECTED, "the database refuses a run: %s", write->reason);
    if (write->result == WRITE_NOT_FOUND)
        return fault_set(fault, TEL_E_NOT_FOUND, "the run is not in the database");
    return TEL_OK;
}

static tel_error store_create(struct outlet *outlet, const struct tel_record *record,
                              struct deadline deadline, tel_fault *fault)
{
    struct write write = {.kind = WRITE_CREATE, .record = record};

    return store_write(outlet, &write, deadline, fault);
}

static tel_error store_update(struct outlet *outlet, const struct tel_record *record, field_set set,
                              struct deadline deadline, tel_fault *fault)
{
    CLEANUP(record_clear) struct tel_record update = RECORD();
    struct write write = {.kind = WRITE_UPDATE, .record = &update};
    tel_error error = record_merge(&update, record, set | FIELD_BIT(FIELD_event_id), fault);

    return error ? error : store_write(outlet, &write, deadline, fault);
}

/* ---- Both, and the buffer -------------------------------------------------------------------- */

/* Say once why a record takes another way. A mock client is meant to, which needs no words. */
static void report_detour(struct outlet *outlet, tel_error error, const tel_fault *fault)
{
    if (error == TEL_E_REJECTED)
        report(outlet->reporter, TEL_LOG_ERROR, fault->text,
               "a run was refused for good: %s; it is kept in the audit trail only", fault->text);
    else if (!config_is_mock(outlet->config))
        report_fault(outlet->reporter, fault, "runs are kept in the buffer meanwhile");
}

static enum outcome buffer_outcome(struct outlet *outlet, tel_error error, const tel_fault *fault)
{
    if (!error)
        return BUFFERED;
    report_fault(outlet->reporter, fault, "a run could not be kept in the buffer");
    return LOST;
}

enum outcome outlet_create(struct outlet *outlet, const struct tel_record *record,
                           struct deadline deadline)
{
    tel_fault fault = {0};
    tel_error error = config_is_embedded(outlet->config)
                          ? store_create(outlet, record, deadline, &fault)
                          : service_create(outlet, record, deadline, &fault);

    if (!error)
        return DELIVERED;
    report_detour(outlet, error, &fault);
    if (error == TEL_E_REJECTED)
        return REJECTED;
    if (!outlet->buffer)
        return LOST;
    error = buffer_append_run(outlet->buffer, record, &fault);
    return buffer_outcome(outlet, error, &fault);
}

enum outcome outlet_update(struct outlet *outlet, const struct tel_record *record, field_set set,
                           enum outcome created, struct deadline deadline)
{
    tel_fault fault = {0};
    tel_error error = TEL_OK;

    if (created != BUFFERED) {
        error = config_is_embedded(outlet->config)
                    ? store_update(outlet, record, set, deadline, &fault)
                    : service_update(outlet, record, set, deadline, &fault);
        if (!error)
            return DELIVERED;
        if (error == TEL_E_NOT_FOUND) /* lost, with its database perhaps */
            return outlet_create(outlet, record, deadline);
        report_detour(outlet, error, &fault);
    }
    if (error == TEL_E_REJECTED)
        return REJECTED;
    if (!outlet->buffer)
        return LOST;
    error = buffer_append_update(outlet->buffer, record, set, &fault);
    return buffer_outcome(outlet, error, &fault);
}
