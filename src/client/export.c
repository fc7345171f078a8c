/* SPDX-License-Identifier: MIT
 *
 * A run on its way holds the process's part of the client, as a call does, so that there is something
 * to record the outcome with, whenever the client is freed.
 */
#include "client/export.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "sheets/export.h"
#include "sheets/sheets_queue.h"

/* Half of when others come to export it, so that no run is exported twice. */
#define PATIENCE_MS (EXPORT_SETTLE_MS / 2)

struct export
{
    struct tel_client *client;
    struct process *process;
    enum outcome outcome;
    struct tel_record record;
};

static void export_free(struct export *export)
{
    if (!export)
        return;
    record_clear(&export->record);
    free(export);
}

static void exportp_free(struct export **export)
{
    export_free(*export);
}

tel_error export_init(struct process *process, const struct tel_client *client)
{
    const struct sheets_queue_options options = {
        .config = client->config,
        .log = reporter_as_log(process->outlet.reporter),
        .patience_ms = PATIENCE_MS,
    };

    process->exports = NULL;
    if (sheets_is_on(client->config, NULL))
        return TEL_OK;
    return sheets_queue_new(&process->exports, &options);
}

void export_finish(struct process *process, const struct tel_client *client)
{
    struct deadline deadline = client->close_by;

    deadline.at_ms -= config_int(client->config, CONFIG_TELEMETRY_CALL_BUDGET_MS) / 5;
    sheets_queue_stop(process->exports, deadline);
}

void export_clear(struct process *process)
{
    sheets_queue_free(process->exports);
}

/* ---- The outcome ----------------------------------------------------------------------------- */

static struct deadline recording_deadline(const struct tel_client *client)
{
    if (atomic_load(&client->closed))
        return client->close_by;
    return client_deadline(client);
}

/* A sheets_done_fn. One that was refused at its end has no row that could say so. */
static void take_outcome(void *arg, tel_error error, const tel_fault *fault)
{
    CLEANUP(exportp_free) struct export *export = arg;
    struct tel_client *client = export->client;
    field_set set;

    if (error)
        report_fault(&client->reporter, fault, "the run stays to be exported");
    if (error != TEL_E_SKIPPED && export->outcome != REJECTED &&
        export_set_outcome(&export->record, error, &set) == TEL_OK)
        (void)outlet_update(&export->process->outlet, &export->record, set, export->outcome,
                            /* durably= */ false, recording_deadline(client));
    client_leave(client, export->process);
}

/* ---- A run ----------------------------------------------------------------------------------- */

/* Counts that nobody gave are 0 in the store, and so they are in the sheet. */
static tel_error fill_counts(struct tel_record *record)
{
    for (int i = 0; i < RUN_FIELD_COUNT; i++) {
        const char *initial = run_fields[i].kind == KIND_COUNT ? run_fields[i].initial : NULL;
        tel_error error =
            initial && !record_has(record, i) ? record_parse(record, i, initial, NULL) : TEL_OK;

        if (error)
            return error;
    }
    return TEL_OK;
}

static tel_error export_new(struct export **out, tel_api_payload **payload,
                            const struct tel_run *run)
{
    struct export *export = calloc(1, sizeof *export);
    tel_error error = export ? TEL_OK : TEL_E_NOMEM;

    *out = export;
    if (export)
        export->record = RECORD();
    if (!error)
        error = record_merge(&export->record, &run->record, ~(field_set)0, NULL);
    if (!error)
        error = fill_counts(&export->record);
    return error ? error : tel_api_payload_from_run_record(payload, &export->record);
}

void export_run(struct process *process, const struct tel_run *run, enum outcome outcome)
{
    CLEANUP(exportp_free) struct export *export = NULL;
    tel_api_payload *payload = NULL;
    tel_fault fault = {0};
    tel_error error;

    if (!process->exports || record_int(&run->record, FIELD_api_posted))
        return;
    error = export_new(&export, &payload, run);
    if (error) {
        (void)fault_nomem(&fault);
    } else {
        export->client = run->client;
        export->process = process;
        export->outcome = outcome;
        atomic_fetch_add(&process->users, 1);
        error = sheets_queue_take(process->exports, payload, take_outcome, export, &fault);
        if (error)
            atomic_fetch_sub(&process->users, 1); /* not the last: we are in a call */
    }
    if (!error) {
        (void)steal(&export);
        return;
    }
    tel_api_payload_free(payload);
    report_fault(&run->client->reporter, &fault, "the run stays to be exported");
}
