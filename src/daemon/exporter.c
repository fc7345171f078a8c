/* SPDX-License-Identifier: MIT
 *
 * The first round comes an interval after the start, when buffers that clients left were taken in: a
 * run that one of them exported says so there.
 */
#include "daemon/exporter.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "daemon/stopper.h"
#include "sheets/export.h"
#include "sheets/export_state.h"

#define PAUSE_MS_MAX (INT64_C(3600) * 1000)

struct exporter {
    const struct tel_config *config;
    struct reader *reader;
    struct writer *writer;
    struct logger *logger;
    struct sheets *sheets;
    struct tel_record unmarked;
    pthread_t thread;
    struct stopper stopper;
};

/* ---- One round ------------------------------------------------------------------------------- */

/* An export_read_fn. */
static tel_error read_runs(void *arg, const struct run_query *query, tel_record_fn *each,
                           void *each_arg, tel_fault *fault)
{
    const struct exporter *exporter = arg;
    struct store *store;
    tel_error error = reader_take(exporter->reader, &store, fault);

    if (error)
        return error;
    error = store_query(store, query, each, each_arg, fault);
    reader_give(exporter->reader, store, error);
    return error;
}

/* A sync_deliver_fn. */
static tel_error mark(void *arg, struct write **writes, size_t count, tel_fault *fault)
{
    const struct exporter *exporter = arg;

    return writer_apply(exporter->writer, writes, count, fault);
}

static void report(const struct exporter *exporter, const struct export_report *done)
{
    char exported[24];
    char refused[24];

    if (!done->exported && !done->refused)
        return;
    (void)snprintf(exported, sizeof exported, "%zu", done->exported);
    (void)snprintf(refused, sizeof refused, "%zu", done->refused);
    logger_event(exporter->logger, done->refused ? TEL_LOG_WARNING : TEL_LOG_INFO, "exported runs",
                 LOG_FIELDS({"exported", exported}, {"refused", refused}));
}

static tel_error open_state(const struct exporter *exporter, struct export_state *state,
                            tel_fault *fault)
{
    return export_state_open(state, config_text(exporter->config, CONFIG_TELEMETRY_DB_PATH),
                             config_file_access(exporter->config), deadline_in(0), fault);
}

/* Export all there is. Nothing is begun while writes fail, since it could not be marked. */
static tel_error export_all(struct exporter *exporter, struct export_report *done, tel_fault *fault)
{
    CLEANUP(export_state_close) struct export_state state = EXPORT_STATE();
    struct export_options options = {.sheets = exporter->sheets,
                                     .since = state.since,
                                     .read = read_runs,
                                     .mark = mark,
                                     .arg = exporter};
    tel_error error = writer_health(exporter->writer, fault);

    if (!error)
        error = open_state(exporter, &state, fault);
    if (!error)
        error = export_pending(&options, &exporter->unmarked, done, fault);
    return error;
}

static void complain(const struct exporter *exporter, const tel_fault *fault)
{
    if (!stopper_is_stopping(&exporter->stopper))
        logger_event(exporter->logger, TEL_LOG_WARNING, "the export failed",
                     LOG_FIELDS({"reason", fault->text}));
}

static tel_error do_round(struct exporter *exporter)
{
    struct export_report done = {0};
    tel_fault fault = {0};
    tel_error error = export_all(exporter, &done, &fault);

    report(exporter, &done);
    if (error)
        complain(exporter, &fault);
    return error;
}

/* Note the moment if the export was never on before; runs that end from now on are exported. */
static void note_beginning(const struct exporter *exporter)
{
    CLEANUP(export_state_close) struct export_state state = EXPORT_STATE();
    tel_fault fault = {0};
    tel_error error = open_state(exporter, &state, &fault);

    if (error && error != TEL_E_BUSY) /* busy: then it is there */
        complain(exporter, &fault);
}

/* ---- The thread ------------------------------------------------------------------------------ */

/* A sheets_pause_fn: false when it is time to end. */
static bool pause_unless_stopping(void *arg, int64_t ms)
{
    struct exporter *exporter = arg;

    return stopper_pause(&exporter->stopper, ms);
}

int64_t exporter_longer_pause(int64_t interval_ms, int64_t pause_ms)
{
    int64_t longest_ms = interval_ms > PAUSE_MS_MAX ? interval_ms : PAUSE_MS_MAX;

    return pause_ms * 2 < longest_ms ? pause_ms * 2 : longest_ms;
}

static void *run(void *arg)
{
    struct exporter *exporter = arg;
    int64_t interval_ms =
        config_int(exporter->config, CONFIG_TELEMETRY_SYNC_INTERVAL_SECONDS) * 1000;
    int64_t pause_ms = interval_ms;

    note_beginning(exporter);
    while (pause_unless_stopping(exporter, pause_ms)) {
        if (do_round(exporter))
            pause_ms = exporter_longer_pause(interval_ms, pause_ms);
        else
            pause_ms = interval_ms;
    }
    return NULL;
}

static void release(struct exporter *exporter)
{
    stopper_clear(&exporter->stopper);
    sheets_free(exporter->sheets);
    record_clear(&exporter->unmarked);
    free(exporter);
}

static void releasep(struct exporter **exporter)
{
    if (*exporter)
        release(*exporter);
}

static struct exporter *exporter_new(const struct tel_config *config, struct logger *logger)
{
    struct exporter *exporter = calloc(1, sizeof *exporter);
    struct sheets_options options = {.config = config,
                                     .log = logger_as_log(logger),
                                     .pause = pause_unless_stopping,
                                     .arg = exporter};

    if (!exporter)
        return NULL;
    options.cancelled = &exporter->stopper.stopping;
    exporter->config = config;
    exporter->logger = logger;
    exporter->unmarked = RECORD();
    stopper_init(&exporter->stopper);
    if (sheets_new(&exporter->sheets, &options) == TEL_OK)
        return exporter;
    release(exporter);
    return NULL;
}

tel_error exporter_start(struct exporter **out, const struct tel_config *config,
                         struct reader *reader, struct writer *writer, struct logger *logger,
                         tel_fault *fault)
{
    CLEANUP(releasep) struct exporter *exporter = NULL;
    tel_fault reason;

    *out = NULL;
    if (!config_bool(config, CONFIG_GOOGLE_SHEETS_API_ENABLED))
        return TEL_OK;
    if (sheets_is_on(config, &reason)) {
        logger_event(logger, TEL_LOG_WARNING, "runs are not exported",
                     LOG_FIELDS({"reason", reason.text}));
        return TEL_OK;
    }
    exporter = exporter_new(config, logger);
    if (!exporter)
        return fault_nomem(fault);
    exporter->reader = reader;
    exporter->writer = writer;
    if (pthread_create(&exporter->thread, NULL, run, exporter))
        return fault_set(fault, TEL_E_NOMEM, "cannot start the thread that exports runs");
    *out = steal(&exporter);
    return TEL_OK;
}

void exporter_stop(struct exporter *exporter)
{
    if (!exporter)
        return;
    stopper_stop(&exporter->stopper);
    (void)pthread_join(exporter->thread, NULL);
    release(exporter);
}
