/* SPDX-License-Identifier: MIT */
#include "client/outlet.h"

#include "base/cleanup.h"
#include "config/config_token.h"
#include "deliver/buffer_line.h"
#include "deliver/config_sync.h"
#include "deliver/line.h"
#include "deliver/remote.h"
#include "model/commit.h"

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
    struct http_options options = {.url = config_text(config, CONFIG_TELEMETRY_API_URL),
                                   .ca_file = config_text(config, CONFIG_SSL_CERT_FILE)};
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
                      struct reporter *reporter, struct tally *tally,
                      const struct outlet *inherited)
{
    tel_error error;

    *outlet =
        (struct outlet){.config = config, .reporter = reporter, .tally = tally, .is_behind = true};
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

bool outlet_may_ask(struct outlet *outlet)
{
    if (config_is_embedded(outlet->config))
        return true;
    return outlet->http && breaker_allows(&outlet->breaker, clock_monotonic_ms());
}

tel_error outlet_apply(struct outlet *outlet, struct write **writes, size_t count,
                       struct deadline deadline, tel_fault *fault)
{
    return config_is_embedded(outlet->config)
               ? store_way_apply(&outlet->store, writes, count, deadline, fault)
               : remote_apply(outlet->http, writes, count, deadline, fault);
}

void outlet_note(struct outlet *outlet, tel_error error)
{
    if (!error) {
        breaker_note_success(&outlet->breaker);
        atomic_store(&outlet->has_delivered, true);
    } else if (error == TEL_E_UNAVAILABLE) {
        breaker_note_failure(&outlet->breaker, clock_monotonic_ms());
    }
}

/* The service is there: bring it what it missed. */
static void catch_up(struct outlet *outlet, struct deadline deadline)
{
    if (!outlet->courier && atomic_load(&outlet->has_buffered) &&
        breaker_allows(&outlet->drainage, clock_monotonic_ms()))
        (void)outlet_drain(outlet, deadline, NULL);
}

void outlet_clear(struct outlet *outlet, struct deadline deadline)
{
    bool has_work = atomic_load(&outlet->has_buffered) || atomic_load(&outlet->has_delivered);

    if (has_work && outlet_may_ask(outlet))
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

    if (!outlet_may_ask(outlet))
        return;
    error = outlet_apply(outlet, &write, 1, deadline, &fault);
    outlet_note(outlet, error);
    if (error)
        report_fault(outlet->reporter, &fault, "runs are kept in the buffer meanwhile");
    else
        catch_up(outlet, deadline);
}

static enum outcome lose(struct outlet *outlet, const tel_fault *fault)
{
    tally_add(outlet->tally,
              fault->code == TEL_E_TOO_LARGE ? TALLY_dropped_too_large
              : fault->code == TEL_E_NOMEM   ? TALLY_dropped_no_memory
                                             : TALLY_dropped_io,
              1);
    report_fault(outlet->reporter, fault, "a run could not be kept in the buffer");
    return LOST;
}

static enum outcome set_aside(struct outlet *outlet, const char *reason, const struct strbuf *line)
{
    tel_fault fault = {0};

    tally_add(outlet->tally, TALLY_rejected, 1);
    report(outlet->reporter, TEL_LOG_ERROR, reason, "a run was refused for good: %s", reason);
    if (outlet->buffer &&
        buffer_set_aside(outlet->buffer, reason, line->text, line->length, &fault))
        report_fault(outlet->reporter, &fault, "a refused run is in the audit trail only");
    return REJECTED;
}

/* Keep the line of a write that was not taken: for later, or aside when it never will be. */
static enum outcome keep(struct outlet *outlet, const struct write *write,
                         const struct strbuf *line, bool durably)
{
    tel_fault fault = {0};

    if (write->result == WRITE_INVALID)
        return set_aside(outlet, write->reason, line);
    if (!outlet->buffer) { /* as was said when there came to be none */
        tally_add(outlet->tally, TALLY_dropped_no_buffer, 1);
        return LOST;
    }
    if (buffer_append_line(outlet->buffer, line->text, line->length, durably, &fault))
        return lose(outlet, &fault);
    tally_add(outlet->tally, TALLY_buffered, 1);
    atomic_store(&outlet->has_buffered, true);
    return BUFFERED;
}

/* Leave a line to the thread that delivers. false: the caller must see to it. */
static bool post(struct outlet *outlet, const struct strbuf *line, bool durably)
{
    if (!outlet->courier || !outlet->buffer || !courier_start(outlet->courier) ||
        buffer_append_line(outlet->buffer, line->text, line->length, durably, NULL))
        return false;
    tally_add(outlet->tally, TALLY_buffered, 1);
    atomic_store(&outlet->has_buffered, true);
    courier_wake(outlet->courier);
    return true;
}

/* Was it delivered? */
static bool is_taken(struct outlet *outlet, const struct write *write)
{
    bool taken = write->result == WRITE_CREATED || write->result == WRITE_DUPLICATE ||
                 write->result == WRITE_UPDATED;

    if (taken)
        tally_add(outlet->tally, TALLY_delivered, 1);
    return taken;
}

enum outcome outlet_create(struct outlet *outlet, const struct tel_record *record, bool durably,
                           struct deadline deadline)
{
    CLEANUP(strbuf_clear) struct strbuf line = LINE();
    struct write write = {.kind = WRITE_CREATE, .record = record};
    tel_fault fault = {0};
    tel_error unfit = buffer_line_run(&line, record, &fault);

    if (!unfit && post(outlet, &line, durably))
        return BUFFERED;
    deliver(outlet, &write, deadline);
    if (is_taken(outlet, &write))
        return DELIVERED;
    return unfit ? lose(outlet, &fault) : keep(outlet, &write, &line, durably);
}

enum outcome outlet_update(struct outlet *outlet, const struct tel_record *record, field_set set,
                           enum outcome created, bool durably, struct deadline deadline)
{
    CLEANUP(strbuf_clear) struct strbuf line = LINE();
    CLEANUP(record_clear) struct tel_record update = RECORD();
    struct write write = {.kind = WRITE_UPDATE, .record = &update};
    tel_fault fault = {0};
    tel_error unfit = buffer_line_update(&line, record, set, &fault);

    if (!unfit && post(outlet, &line, durably))
        return BUFFERED;
    if (created != BUFFERED &&
        !record_merge(&update, record, set | FIELD_BIT(FIELD_event_id), &fault))
        deliver(outlet, &write, deadline);
    if (is_taken(outlet, &write))
        return DELIVERED;
    if (write.result == WRITE_NOT_FOUND) /* lost, with its database perhaps */
        return outlet_create(outlet, record, durably, deadline);
    return unfit ? lose(outlet, &fault) : keep(outlet, &write, &line, durably);
}

enum outcome outlet_commit(struct outlet *outlet, const struct tel_record *commit,
                           struct deadline deadline)
{
    CLEANUP(strbuf_clear) struct strbuf line = LINE();
    struct write write = {.kind = WRITE_UPDATE, .record = commit, .cleared = COMMIT_FIELDS};
    tel_fault fault = {0};

    deliver(outlet, &write, deadline);
    if (is_taken(outlet, &write))
        return DELIVERED;
    if (buffer_line_update(&line, commit, COMMIT_FIELDS, &fault))
        return lose(outlet, &fault);
    return keep(outlet, &write, &line, /* durably= */ true);
}
