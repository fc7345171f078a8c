/* SPDX-License-Identifier: MIT
 *
 * telemetry sync: deliver what waits in the buffer now, and take in buffers and outboxes that other
 * clients left elsewhere.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/command.h"
#include "cli/sink.h"
#include "cli/sync_export.h"
#include "cli/sync_tally.h"
#include "deliver/config_sync.h"
#include "deliver/recovery.h"

#define OUTPUT_BYTES_MAX ((size_t)64 * 1024)

struct sync_command {
    struct common_options common;
    char **paths;
    size_t path_count;
    bool exports_all;
};

#define OPT_EXPORT_ALL 1

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct sync_command *command = state->input;

    (void)argument;
    switch (key) {
    case OPT_EXPORT_ALL:
        command->exports_all = true;
        return 0;
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &command->common;
        return 0;
    case ARGP_KEY_ARGS:
        command->paths = state->argv + state->next;
        command->path_count = (size_t)(state->argc - state->next);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option own_options[] = {
    {"export-all", OPT_EXPORT_ALL, NULL, 0,
     "Export all runs to Google Sheets that are not there, however old", 0},
    {0},
};
static const struct argp_child children[] = {{&common_argp, 0, NULL, 0}, {0}};
static const struct argp argp = {
    .options = own_options,
    .parser = parse,
    .args_doc = "[FILE|DIR...]",
    .doc = "Deliver what waits in the buffer now: to the service when it runs, else into the "
           "database. With FILE or DIR: take in buffer files, directories of them, and outboxes "
           "(*.jsonl) that other clients left there. What was delivered is renamed to .synced; "
           "delivering it twice is harmless. When no service runs, "
           "what only the audit trail has after an unclean stop is brought in, and "
           "runs that wait for their export to Google Sheets are exported too.",
    .children = children,
};

/* ---- Progress -------------------------------------------------------------------------------- */

/* A sink, and somebody who watches. */
struct watched_sink {
    struct sink *sink;
    bool is_watched;
    size_t records;
    bool has_told; /* on the way */
};

static void clear_progress(const struct watched_sink *watched)
{
    if (watched->is_watched && watched->records)
        (void)fputs("\r\033[K", stderr);
}

static tel_error deliver(void *arg, struct write **writes, size_t count, tel_fault *fault)
{
    struct watched_sink *watched = arg;
    tel_error error = sink_deliver(watched->sink, writes, count, fault);

    watched->records += error ? 0 : count;
    if (watched->is_watched)
        (void)fprintf(stderr, "\r\033[K%zu records", watched->records);
    return error;
}

/* Say what is wrong with a file, as it is found. */
static void tell(void *arg, tel_log_level level, const char *message)
{
    struct watched_sink *watched = arg;

    (void)level;
    clear_progress(watched);
    complain("%s", message);
    watched->has_told = true;
}

/* ---- Delivering ------------------------------------------------------------------------------ */

static bool is_directory(const char *path)
{
    struct stat status;

    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

static tel_error sync_path(const struct sync_options *configured, const char *path,
                           struct watched_sink *watched, struct sync_report *report,
                           tel_fault *fault)
{
    struct sync_options options = *configured;

    options.carry_directory = configured->directory;
    options.takes_outboxes = true;
    if (!is_directory(path))
        return buffer_sync_file(&options, path, deliver, watched, report, fault);
    options.directory = path;
    return buffer_sync(&options, deliver, watched, report, fault);
}

/* Deliver what is in a path, or (NULL) the buffer, and return the exit status. */
static int sync_one(const struct sync_options *options, const char *path,
                    struct watched_sink *watched, struct sync_tally *tally)
{
    struct sync_report report = {0};
    tel_fault fault = {0};
    tel_error error;

    watched->records = 0;
    watched->has_told = false;
    if (path)
        error = sync_path(options, path, watched, &report, &fault);
    else if (options->directory)
        error = buffer_sync(options, deliver, watched, &report, &fault);
    else
        error = fault_set(&fault, TEL_E_IO, "there is no home directory; set TELEMETRY_BASE_DIR");
    sync_tally_add(tally, &report);
    clear_progress(watched);
    if (!error)
        return STATUS_DONE;
    return watched->has_told ? failure_status(error) : complain_fault(&fault);
}

/* Deliver all that was named, or the buffer. A file that cannot be used does not keep the others
 * back; its exit status is that of all. */
static int sync_all(const struct sync_command *command, struct watched_sink *watched,
                    struct sync_tally *tally)
{
    struct log log = {.write = tell, .arg = watched, .level = TEL_LOG_WARNING};
    struct sync_options options = config_sync_options(command->common.config, &log);
    int status = STATUS_DONE;

    options.on_reject = sync_tally_note_reason;
    options.on_reject_arg = tally;
    if (command->path_count == 0)
        return sync_one(&options, NULL, watched, tally);
    for (size_t i = 0; i < command->path_count; i++) {
        int its_status = sync_one(&options, command->paths[i], watched, tally);

        status = status ? status : its_status;
    }
    return status;
}

static int print(const struct sync_command *command, const struct sync_tally *tally)
{
    CLEANUP(strbuf_clear) struct strbuf buf = STRBUF(OUTPUT_BYTES_MAX);

    if (command->common.format == FORMAT_JSON || command->common.format == FORMAT_NDJSON)
        sync_tally_append_json(&buf, tally);
    else
        sync_tally_append_text(&buf, tally);
    if (tally->total.busy && !command->common.quiet)
        complain("%zu file%s left for later: a writer or another sync is at it, or it was written "
                 "to in the last minute",
                 tally->total.busy, tally->total.busy == 1 ? " is" : "s are");
    screen_write(&buf);
    return screen_finish();
}

/* ---- The command ----------------------------------------------------------------------------- */

static int check_paths(const struct sync_command *command)
{
    for (size_t i = 0; i < command->path_count; i++) {
        struct stat status;

        if (stat(command->paths[i], &status) == 0)
            continue;
        complain("cannot find %s: %s", command->paths[i], strerror(errno));
        return STATUS_NOT_FOUND;
    }
    return STATUS_DONE;
}

/* With nothing to deliver no database is made, and no lock is waited for. */
static bool has_work(const struct sync_command *command, const struct recovery *recovery)
{
    const char *directory = config_text(command->common.config, CONFIG_TELEMETRY_BUFFER_DIR);

    return command->path_count || command->common.has_url || buffer_is_waiting(directory) ||
           recovery->is_due;
}

/* Bring in what only the audit trail has. A service does so itself. */
static int recover(struct recovery *recovery, struct watched_sink *watched,
                   struct sync_tally *tally)
{
    struct trail_report report = {0};
    tel_fault fault = {0};
    tel_error error;

    if (!recovery->is_due || sink_is_service(watched->sink))
        return STATUS_DONE;
    recovery->is_begun = true;
    error = recovery_run(recovery, deliver, watched, &report, &fault);
    tally->recovered = report.created + report.updated;
    clear_progress(watched);
    if (error)
        return complain_fault(&fault);
    recovery_end(recovery);
    return STATUS_DONE;
}

/* Deliver what waits, and what only the audit trail has. */
static int deliver_all(const struct sync_command *command, struct watched_sink *watched,
                       struct recovery *recovery, struct sync_tally *tally)
{
    int status = sync_all(command, watched, tally);
    int recovered = recover(recovery, watched, tally);

    return status ? status : recovered;
}

/* Export after the buffer was delivered: it may know of runs that are in the sheet already. */
static int export(const struct sync_command *command, struct sync_tally *tally)
{
    tel_fault fault = {0};

    if (command->path_count && !command->exports_all)
        return STATUS_DONE;
    if (sync_export(&command->common, command->exports_all, &tally->exports, &fault))
        return complain_fault(&fault);
    return STATUS_DONE;
}

static int run(const struct sync_command *command)
{
    CLEANUP(recovery_clear) struct recovery recovery = {0};
    struct watched_sink watched = {
        .is_watched = isatty(STDERR_FILENO) && !command->common.quiet,
    };
    const struct log log = {.write = tell, .arg = &watched, .level = TEL_LOG_WARNING};
    struct sync_tally tally = {0};
    tel_fault fault = {0};
    int status = check_paths(command);
    int exported;
    int printed;

    if (status)
        return status;
    if (recovery_look(&recovery, command->common.config, &log, &fault))
        return complain_fault(&fault);
    if (has_work(command, &recovery)) {
        if (sink_open(&watched.sink, &command->common, &fault))
            return complain_fault(&fault);
        status = deliver_all(command, &watched, &recovery, &tally);
        sink_close(watched.sink);
    }
    exported = export(command, &tally);
    printed = print(command, &tally);
    return status ? status : exported ? exported : printed;
}

int cmd_sync(int argc, char **argv)
{
    struct sync_command command = {0};
    int status;

    if (common_options_init(&command.common)) {
        complain("out of memory");
        return STATUS_UNREACHABLE;
    }
    options_parse(&argp, argc, argv, 0, STATUS_USAGE, &command);
    status = run(&command);
    common_options_clear(&command.common);
    return status;
}
