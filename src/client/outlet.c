/* SPDX-License-Identifier: MIT
 *
 * The buffer is emptied with what is left of a call's budget, once something was taken live again,
 * and at the end. When that does not suffice, it is not tried again for a while: a call whose service
 * is well shall not pay for a large buffer each time.
 */
#include "client/outlet.h"

#include "base/cleanup.h"
#include "deliver/buffer_line.h"
#include "deliver/config_sync.h"
#include "deliver/config_token.h"
#include "deliver/line.h"
#include "deliver/remote.h"

/* ---- Setting up ------------------------------------------------------------------------------ */

static tel_error make_buffer(struct outlet *outlet)
{
    struct buffer_options options = config_buffer_options(outlet->config);
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
    struct http_options options = {.url = config_text(config, CONFIG_TELEMETRY_API_URL)};
    CLEANUP(freep) char *token = NULL;
    tel_fault fault;
    tel_error error;

    if (config_is_embedded(config) || config_is_mock(config))
        return TEL_OK;
    error = config_token(&token, config, &fault);
    options.token = token;
    if (!error)
        error = http_new(&outlet->http, &options, &fault);
    if (!error || error == TEL_E_NOMEM)
        return error;
    report_fault(outlet->reporter, &fault, "runs are kept in the buffer");
    return TEL_OK;
}

tel_error outlet_init(struct outlet *outlet, const struct tel_config *config,
                      struct reporter *reporter, const struct outlet *inherited)
{
    tel_error error;

    *outlet = (struct outlet){.config = config, .reporter = reporter};
    error = store_way_init(&outlet->store, config, inherited ? &inherited->store : NULL);
    if (!error)
        error = make_buffer(outlet);
    if (!error)
        error = make_http(outlet);
    if (error)
        outlet_abandon(outlet);
    return error;
}

void outlet_abandon(struct outlet *outlet)
{
    buffer_free(outlet->buffer);
    outlet->buffer = NULL;
    http_free(outlet->http);
    outlet->http = NULL;
}

/* ---- The way out ----------------------------------------------------------------------------- */

/* Is there any use in trying? If so, the caller must try, and note the outcome. Why there is none
 * was said when that began. */
static bool may_ask(struct outlet *outlet)
{
    if (config_is_embedded(outlet->config))
        return true;
    return outlet->http && breaker_allows(&outlet->breaker, clock_monotonic_ms());
}

static tel_error apply(struct outlet *outlet, struct write **writes, size_t count,
                       struct deadline deadline, tel_fault *fault)
{
    return config_is_embedded(outlet->config)
               ? store_way_apply(&outlet->store, writes, count, deadline, fault)
               : remote_apply(outlet->http, writes, count, deadline, fault);
}

static void note(struct outlet *outlet, tel_error error)
{
    if (!error) {
        breaker_note_success(&outlet->breaker);
        atomic_store(&outlet->has_delivered, true);
    } else if (error == TEL_E_UNAVAILABLE) {
        breaker_note_failure(&outlet->breaker, clock_monotonic_ms());
    }
}

/* ---- Emptying the buffer --------------------------------------------------------------------- */

struct drain_way {
    struct outlet *outlet;
    struct deadline deadline;
};

/* A sync_deliver_fn. What fails here, for want of time perhaps, is no word on the service. */
static tel_error deliver_late(void *arg, struct write **writes, size_t count, tel_fault *fault)
{
    const struct drain_way *way = arg;

    if (deadline_left_ms(way->deadline) == 0)
        return fault_set(fault, TEL_E_UNAVAILABLE, "there was no time for the whole buffer");
    return apply(way->outlet, writes, count, way->deadline, fault);
}

static tel_error drain(struct outlet *outlet, struct deadline deadline, tel_fault *fault)
{
    struct log log = reporter_as_log(outlet->reporter);
    struct sync_options options = config_sync_options(outlet->config, &log);
    struct drain_way way = {.outlet = outlet, .deadline = deadline};
    struct sync_report done;
    tel_error error;

    if (!outlet->buffer)
        return TEL_OK;
    if (!outlet->http && !config_is_embedded(outlet->config))
        return fault_set(fault, TEL_E_UNAVAILABLE, "the service is not asked");
    atomic_store(&outlet->has_buffered, false);
    error = buffer_rotate(outlet->buffer, fault);
    if (!error)
        error = buffer_sync(&options, deliver_late, &way, &done, fault);
    if (error)
        atomic_store(&outlet->has_buffered, true);
    return error;
}

tel_error outlet_drain(struct outlet *outlet, struct deadline deadline, tel_fault *fault)
{
    tel_error error;

    if (atomic_exchange(&outlet->is_draining, true))
        return fault_set(fault, TEL_E_BUSY, "another thread is emptying the buffer");
    error = drain(outlet, deadline, fault);
    if (error)
        breaker_note_failure(&outlet->drainage, clock_monotonic_ms());
    else
        breaker_note_success(&outlet->drainage);
    atomic_store(&outlet->is_draining, false);
    return error;
}

/* The service is there: bring it what it missed. */
static void catch_up(struct outlet *outlet, struct deadline deadline)
{
    if (atomic_load(&outlet->has_buffered) &&
        breaker_allows(&outlet->drainage, clock_monotonic_ms()))
        (void)outlet_drain(outlet, deadline, NULL);
}

void outlet_clear(struct outlet *outlet, struct deadline deadline)
{
    bool has_work = atomic_load(&outlet->has_buffered) || atomic_load(&outlet->has_delivered);

    if (has_work && may_ask(outlet))
        (void)outlet_drain(outlet, deadline, NULL);
    store_way_clear(&outlet->store);
    outlet_abandon(outlet);
}

/* ---- One write ------------------------------------------------------------------------------- */

/* Give a write to the service or the database. WRITE_PENDING: it must wait in the buffer. */
static void deliver(struct outlet *outlet, struct write *write, struct deadline deadline)
{
    tel_fault fault = {0};
    tel_error error;

    if (!may_ask(outlet))
        return;
    error = apply(outlet, &write, 1, deadline, &fault);
    note(outlet, error);
    if (error)
        report_fault(outlet->reporter, &fault, "runs are kept in the buffer meanwhile");
    else
        catch_up(outlet, deadline);
}

static enum outcome lose(struct outlet *outlet, const tel_fault *fault)
{
    report_fault(outlet->reporter, fault, "a run could not be kept in the buffer");
    return LOST;
}

static enum outcome set_aside(struct outlet *outlet, const char *reason, const struct strbuf *line)
{
    tel_fault fault = {0};

    report(outlet->reporter, TEL_LOG_ERROR, reason, "a run was refused for good: %s", reason);
    if (outlet->buffer &&
        buffer_set_aside(outlet->buffer, reason, line->text, line->length, &fault))
        report_fault(outlet->reporter, &fault, "a refused run is in the audit trail only");
    return REJECTED;
}

/* Keep the line of a write that was not taken: for later, or aside when it never will be. */
static enum outcome keep(struct outlet *outlet, const struct write *write,
                         const struct strbuf *line)
{
    tel_fault fault = {0};

    if (write->result == WRITE_INVALID)
        return set_aside(outlet, write->reason, line);
    if (!outlet->buffer)
        return LOST; /* as was said when there came to be none */
    if (buffer_append_line(outlet->buffer, line->text, line->length, &fault))
        return lose(outlet, &fault);
    atomic_store(&outlet->has_buffered, true);
    return BUFFERED;
}

static bool is_taken(const struct write *write)
{
    return write->result == WRITE_CREATED || write->result == WRITE_DUPLICATE ||
           write->result == WRITE_UPDATED;
}

enum outcome outlet_create(struct outlet *outlet, const struct tel_record *record,
                           struct deadline deadline)
{
    CLEANUP(strbuf_clear) struct strbuf line = LINE();
    struct write write = {.kind = WRITE_CREATE, .record = record};
    tel_fault fault = {0};

    deliver(outlet, &write, deadline);
    if (is_taken(&write))
        return DELIVERED;
    if (buffer_line_run(&line, record, &fault))
        return lose(outlet, &fault);
    return keep(outlet, &write, &line);
}

enum outcome outlet_update(struct outlet *outlet, const struct tel_record *record, field_set set,
                           enum outcome created, struct deadline deadline)
{
    CLEANUP(strbuf_clear) struct strbuf line = LINE();
    CLEANUP(record_clear) struct tel_record update = RECORD();
    struct write write = {.kind = WRITE_UPDATE, .record = &update};
    tel_fault fault = {0};

    if (created != BUFFERED &&
        !record_merge(&update, record, set | FIELD_BIT(FIELD_event_id), &fault))
        deliver(outlet, &write, deadline);
    if (is_taken(&write))
        return DELIVERED;
    if (write.result == WRITE_NOT_FOUND) /* lost, with its database perhaps */
        return outlet_create(outlet, record, deadline);
    if (buffer_line_update(&line, record, set, &fault))
        return lose(outlet, &fault);
    return keep(outlet, &write, &line);
}
