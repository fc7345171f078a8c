/* SPDX-License-Identifier: MIT
 *
 * The database is read as it is, and its lock taken only to mark a run, so that a service may start
 * while the sheet is slow.
 */
#include "cli/sync_export.h"

#include "base/cleanup.h"
#include "cli/command.h"
#include "cli/sink.h"
#include "cli/source_service.h"
#include "config/config_store.h"
#include "sheets/export_state.h"

#define LOCK_WAIT_MS 2000 /* for a service that exports just now */

struct exporting {
    const struct common_options *options;
    struct store *store;
};

static void exporting_clear(struct exporting *exporting)
{
    store_close(exporting->store);
}

static void sheetsp_free(struct sheets **sheets)
{
    sheets_free(*sheets);
}

static void sinkp_close(struct sink **sink)
{
    sink_close(*sink);
}

/* An export_read_fn. */
static tel_error read_runs(void *arg, const struct run_query *query, tel_record_fn *each,
                           void *each_arg, tel_fault *fault)
{
    const struct exporting *exporting = arg;

    return store_query(exporting->store, query, each, each_arg, fault);
}

/* A sync_deliver_fn. */
static tel_error mark(void *arg, struct write **writes, size_t count, tel_fault *fault)
{
    const struct exporting *exporting = arg;
    CLEANUP(sinkp_close) struct sink *sink = NULL;
    tel_error error = sink_open(&sink, exporting->options, fault);

    return error ? error : sink_deliver(sink, writes, count, fault);
}

static void tell(void *arg, tel_log_level level, const char *message)
{
    (void)arg;
    (void)level;
    complain("%s", message);
}

static bool service_runs(const struct common_options *options)
{
    struct http *http = NULL;
    tel_error error;

    if (options_want_files_only(options))
        return false;
    error = service_open(&http, options->config, NULL);
    http_free(http);
    return !error || error == TEL_E_REJECTED;
}

static tel_error export_all(struct exporting *exporting, bool all, struct export_report *report,
                            tel_fault *fault)
{
    CLEANUP(export_state_close) struct export_state state = EXPORT_STATE();
    CLEANUP(record_clear) struct tel_record unmarked = RECORD();
    CLEANUP(sheetsp_free) struct sheets *sheets = NULL;
    const struct tel_config *config = exporting->options->config;
    struct export_options options = {.since = all ? NULL : state.since,
                                     .read = read_runs,
                                     .mark = mark,
                                     .arg = exporting};
    tel_error error =
        sheets_new(&sheets, &(struct sheets_options){.config = config, .log = {.write = tell}});

    if (error)
        return fault_nomem(fault);
    options.sheets = sheets;
    error = export_state_open(&state, config_text(config, CONFIG_TELEMETRY_DB_PATH),
                              config_file_access(config), deadline_in(LOCK_WAIT_MS), fault);
    return error ? error : export_pending(&options, &unmarked, report, fault);
}

tel_error sync_export(const struct common_options *options, bool all, struct export_report *report,
                      tel_fault *fault)
{
    CLEANUP(exporting_clear) struct exporting exporting = {.options = options};
    struct store_options store_options = config_store_options(options->config);
    tel_error error = sheets_is_on(options->config, fault);

    if (error)
        return all ? error : TEL_OK;
    if (!store_options.path || (!all && (options->has_url || service_runs(options))))
        return TEL_OK;
    store_options.read_only = true;
    error = store_open(&exporting.store, &store_options, fault);
    if (error == TEL_E_NOT_FOUND)
        return TEL_OK;
    return error ? error : export_all(&exporting, all, report, fault);
}
