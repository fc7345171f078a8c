/* SPDX-License-Identifier: MIT
 *
 * What is recorded goes to the audit trail first, which is synced: from then on a crash loses
 * nothing.
 *
 * The budget of a call is for waiting: one half at most for the audit trail's lock, at least the
 * other half for the service or the database. So neither a stopped process that holds the lock nor a
 * slow disk, whose own time is not in the budget, cuts a service off that is well.
 */
#include "client/publish.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "client/export.h"
#include "deliver/line.h"
#include "model/event.h"

/* Account for an append to the audit trail; true: the line is there. */
static bool trail_took_it(struct tel_client *client, struct process *process, tel_error error,
                          bool unlocked, const tel_fault *fault)
{
    tally_add(&process->tally, error ? TALLY_trail_failed : TALLY_trail_lines, 1);
    if (unlocked)
        tally_add(&process->tally, TALLY_trail_unlocked, 1);
    if (error)
        report_fault(&client->reporter, fault, "the audit trail lacks a line");
    else if (unlocked)
        report(&client->reporter, TEL_LOG_WARNING, "unlocked",
               "the audit trail in %s was locked for too long; a line was written without the lock",
               process->ndjson.directory);
    return !error;
}

static tel_error no_trail(tel_fault *fault)
{
    return fault_set(fault, TEL_E_IO,
                     "there is no directory for the audit trail: set "
                     "TELEMETRY_BASE_DIR");
}

static int64_t budget_ms(const struct tel_client *client)
{
    return config_int(client->config, CONFIG_TELEMETRY_CALL_BUDGET_MS);
}

/* Append to the audit trail; *deadline is when the rest of the call must be over. */
static bool append_run(struct process *process, struct tel_run *run, struct deadline *deadline)
{
    struct tel_client *client = run->client;
    int64_t half_ms = budget_ms(client) / 2;
    struct deadline whole = deadline_in(budget_ms(client));
    bool unlocked = false;
    tel_fault fault = {0};
    int64_t us;
    tel_error error;

    if (!timestamp_parse(&us, run->record.fields.updated_at))
        us = clock_now_us(); /* there was no memory for it */
    error = process->ndjson.directory ? ndjson_append_run(&process->ndjson, us, &run->record,
                                                          deadline_in(half_ms), &unlocked, &fault)
                                      : no_trail(&fault);

    *deadline = deadline_left_ms(whole) > half_ms ? whole : deadline_in(half_ms);
    return trail_took_it(client, process, error, unlocked, &fault);
}

static tel_error summarize(bool in_trail, enum outcome outcome)
{
    return in_trail || outcome == DELIVERED || outcome == BUFFERED ? TEL_OK : TEL_E_IO;
}

tel_error publish_start(struct process *process, struct tel_run *run)
{
    struct deadline deadline;
    bool in_trail = append_run(process, run, &deadline);
    enum outcome outcome = outlet_create(&process->outlet, &run->record, !in_trail, deadline);

    atomic_store(&run->start, (int)outcome);
    return summarize(in_trail, outcome);
}

tel_error publish_end(struct process *process, struct tel_run *run)
{
    struct deadline deadline;
    bool in_trail = append_run(process, run, &deadline);
    enum outcome outcome = (enum outcome)atomic_load(&run->start);

    /* A rejected start has no run that could end; a lost one is made up for by the whole record. */
    if (outcome == LOST)
        outcome = outlet_create(&process->outlet, &run->record, !in_trail, deadline);
    else if (outcome != REJECTED)
        outcome = outlet_update(&process->outlet, &run->record, run->changed, outcome, !in_trail,
                                deadline);
    export_run(process, run, outcome);
    return summarize(in_trail, outcome);
}

/* Write text that is no JSON as a JSON string. */
static const char *as_json(struct strbuf *buf, const char *text)
{
    if (!text || json_is_valid(text))
        return text;
    json_write_string(buf, text);
    return buf->text;
}

tel_error publish_event(struct tel_client *client, struct process *process, const char *run_id,
                        const char *event_type, const char *payload_json)
{
    CLEANUP(strbuf_clear) struct strbuf payload = LINE();
    CLEANUP(strbuf_clear) struct strbuf line = LINE();
    const char *json = as_json(&payload, payload_json);
    int64_t now_us = clock_now_us();
    char now[TEL_TIMESTAMP_SIZE];
    bool unlocked = false;
    tel_fault fault = {0};
    tel_error error;

    timestamp_format(now, now_us);
    event_write_json(&line, run_id, event_type, now, json);
    if (strbuf_failed(&payload) || strbuf_failed(&line))
        error = line_fault(strbuf_failed(&payload) ? &payload : &line, &fault);
    else if (!process->ndjson.directory)
        error = no_trail(&fault);
    else
        error = ndjson_append(&process->ndjson, now_us, line.text, line.length,
                              client_deadline(client), &unlocked, &fault);
    (void)trail_took_it(client, process, error, unlocked, &fault);
    return error;
}
