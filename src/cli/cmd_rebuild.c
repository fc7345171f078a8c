/* SPDX-License-Identifier: MIT
 *
 * telemetry rebuild: make the database from the audit trail.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "cli/command.h"
#include "cli/options.h"
#include "config/config_store.h"
#include "deliver/recovery.h"
#include "deliver/rejects.h"
#include "store/lock.h"

#define LOCK_WAIT_MS 2000
#define BATCH_SIZE 5000
#define OUTPUT_BYTES_MAX ((size_t)64 * 1024)

struct rebuild {
    struct common_options common;
    const char *file; /* NULL: the database of the configuration */
    bool replaces;

    char *target;   /* its real name */
    char *building; /* what the new database is called until it is whole */
    char *rejected;
    char *kept;
    struct store *store;
    struct rejects rejects;
    struct trail_report report;
    bool is_watched;
    tel_error rejects_error;
    tel_fault fault;
};

enum { OPTION_FORCE = 'f' };

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct rebuild *rebuild = state->input;

    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &rebuild->common;
        return 0;
    case OPTION_FORCE:
        rebuild->replaces = true;
        return 0;
    case ARGP_KEY_ARG:
        if (rebuild->file)
            argp_error(state, "one FILE at most");
        rebuild->file = argument;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option own_options[] = {
    {"force", OPTION_FORCE, NULL, 0,
     "Replace a database that is there; it is kept under another name", 0},
    {0},
};
static const struct argp_child children[] = {{&common_argp, 0, NULL, 0}, {0}};
static const struct argp argp = {
    .options = own_options,
    .parser = parse,
    .args_doc = "[FILE]",
    .doc =
        "Make the database, or FILE, from the audit trail. It is made beside the old one and takes "
        "its place when it is whole. Lines that are no records are set aside, with their place, in "
        "a .rejected file. What is not in the audit trail (runs and changes that came by HTTP from "
        "others than the library, what became of exports) is not in the new database. The service must "
        "not be running. It is noticed by its lock: FILE.lock, or that of TELEMETRY_LOCK_FILE when "
        "FILE is the database of the configuration. Where the service of FILE was given another "
        "TELEMETRY_LOCK_FILE, run this with its TELEMETRY_DB_PATH and TELEMETRY_LOCK_FILE.",
    .children = children,
};

/* ---- What is said meanwhile ------------------------------------------------------------------ */

static void clear_progress(const struct rebuild *rebuild)
{
    if (rebuild->is_watched)
        (void)fputs("\r\033[K", stderr);
}

static tel_error deliver(void *arg, struct write **writes, size_t count, tel_fault *fault)
{
    struct rebuild *rebuild = arg;
    tel_error error = store_apply(rebuild->store, writes, count, fault);

    if (rebuild->is_watched)
        (void)fprintf(stderr, "\r\033[K%zu lines", rebuild->report.counts.lines);
    return error;
}

static void set_aside(void *arg, const struct trail_line *line, const char *reason)
{
    struct rebuild *rebuild = arg;
    char at[64];

    (void)snprintf(at, sizeof at, "%s:%zu", line->file, line->number);
    if (!rebuild->rejects_error)
        rebuild->rejects_error =
            rejects_add(&rebuild->rejects, at, reason, line->text, line->length, &rebuild->fault);
}

/* ---- The new database ------------------------------------------------------------------------ */

static tel_error replay(struct rebuild *rebuild)
{
    const struct tel_config *config = rebuild->common.config;
    const struct trail_replay replay = {
        .directory = config_text(config, CONFIG_TELEMETRY_NDJSON_DIR),
        .access = config_file_access(config),
        .batch_size = BATCH_SIZE,
        .store = rebuild->store,
        .is_new = true,
        .bad = set_aside,
        .arg = rebuild,
    };
    tel_error error = trail_replay(&replay, deliver, rebuild, &rebuild->report, &rebuild->fault);

    if (!error)
        error = rebuild->rejects_error;
    if (!error)
        error = rejects_sync(&rebuild->rejects, &rebuild->fault);
    if (!error && rebuild->report.counts.files == 0)
        error = fault_set(&rebuild->fault, TEL_E_NOT_FOUND, "there is no audit trail in %s",
                          replay.directory);
    return error;
}

static tel_error build(struct rebuild *rebuild)
{
    struct store_options options = config_store_options(rebuild->common.config);
    tel_error error;

    options.path = rebuild->building;
    options.journal_mode = NULL; /* which leaves nothing beside the file */
    store_remove(rebuild->building);
    (void)unlink(rebuild->rejected);
    error = store_open(&rebuild->store, &options, &rebuild->fault);
    if (!error)
        error = replay(rebuild);
    if (!error)
        error = store_check(rebuild->store, /* full= */ true, &rebuild->fault);
    store_close(rebuild->store);
    rejects_clear(&rebuild->rejects);
    clear_progress(rebuild);
    if (!error)
        error = store_install(&rebuild->kept, rebuild->building, rebuild->target, &rebuild->fault);
    if (error)
        store_remove(rebuild->building);
    return error;
}

/* ---- Under which conditions ------------------------------------------------------------------ */

static tel_error check_target(struct rebuild *rebuild)
{
    struct stat status;

    if (lstat(rebuild->target, &status) == 0 && !rebuild->replaces)
        return fault_set(
            &rebuild->fault, TEL_E_BUSY,
            "%s is there already; --force replaces it, and keeps it under another name",
            rebuild->target);
    return TEL_OK;
}

/* The database of the configuration belongs to who has its lock, and needs no recovery afterwards. */
static tel_error build_configured(struct rebuild *rebuild)
{
    CLEANUP(writer_lock_release) struct writer_lock lock = WRITER_LOCK();
    CLEANUP(recovery_clear) struct recovery recovery = {0};
    const struct tel_config *config = rebuild->common.config;
    const struct log log = {0};
    tel_error error =
        writer_lock_take(&lock, config_text(config, CONFIG_TELEMETRY_LOCK_FILE),
                         config_file_access(config), deadline_in(LOCK_WAIT_MS), &rebuild->fault);

    if (!error)
        error = check_target(rebuild);
    if (!error)
        error = recovery_look(&recovery, config, &log, &rebuild->fault);
    if (!error)
        error = recovery_begin(&recovery, &rebuild->fault);
    if (!error)
        error = build(rebuild);
    if (!error) {
        recovery.is_due = false;
        recovery_end(&recovery);
    }
    return error;
}

/* Another one belongs to who has the lock that is its by default: no setting names that of another
 * service, which may lie anywhere, on a file system with locks for instance. */
static tel_error build_other(struct rebuild *rebuild)
{
    CLEANUP(writer_lock_release) struct writer_lock lock = WRITER_LOCK();
    CLEANUP(freep) char *path = NULL;
    tel_error error;

    if (asprintf(&path, "%s.lock", rebuild->target) < 0) {
        path = NULL;
        return fault_nomem(&rebuild->fault);
    }
    error = writer_lock_take(&lock, path, config_file_access(rebuild->common.config),
                             deadline_in(LOCK_WAIT_MS), &rebuild->fault);
    if (!error)
        error = check_target(rebuild);
    return error ? error : build(rebuild);
}

/* The name behind links, by which a file is itself however it was named, also one that is to come. */
static char *real_name(const char *path)
{
    CLEANUP(freep) char *directory = path_directory(path);
    CLEANUP(freep) char *real_directory = directory ? realpath(directory, NULL) : NULL;
    const char *slash = strrchr(path, '/');
    char *real = realpath(path, NULL);

    if (real)
        return real;
    return real_directory ? path_join(real_directory, slash ? slash + 1 : path) : strdup(path);
}

static tel_error name_files(struct rebuild *rebuild, const char *target)
{
    rebuild->target = real_name(target);
    if (!rebuild->target)
        return fault_nomem(&rebuild->fault);
    if (asprintf(&rebuild->building, "%s.rebuild", rebuild->target) < 0)
        rebuild->building = NULL;
    if (asprintf(&rebuild->rejected, "%s.rejected", rebuild->target) < 0)
        rebuild->rejected = NULL;
    if (!rebuild->building || !rebuild->rejected)
        return fault_nomem(&rebuild->fault);
    rebuild->rejects = REJECTS(rebuild->rejected, config_file_access(rebuild->common.config));
    return TEL_OK;
}

static tel_error run(struct rebuild *rebuild)
{
    const struct tel_config *config = rebuild->common.config;
    const char *configured = config_text(config, CONFIG_TELEMETRY_DB_PATH);
    CLEANUP(freep) char *ours = configured ? real_name(configured) : NULL;
    tel_error error;

    rebuild->is_watched = isatty(STDERR_FILENO) && !rebuild->common.quiet;
    if (!configured || !config_text(config, CONFIG_TELEMETRY_NDJSON_DIR))
        return fault_set(&rebuild->fault, TEL_E_IO,
                         "there is no home directory; set TELEMETRY_BASE_DIR");
    error = ours ? name_files(rebuild, rebuild->file ? rebuild->file : configured)
                 : fault_nomem(&rebuild->fault);
    if (error)
        return error;
    return strcmp(rebuild->target, ours) == 0 ? build_configured(rebuild) : build_other(rebuild);
}

/* ---- The outcome ----------------------------------------------------------------------------- */

static void append_name(struct strbuf *buf, const char *key, const char *name)
{
    strbuf_printf(buf, ",\"%s\":", key);
    json_write_string(buf, name);
}

static size_t bad_lines(const struct rebuild *rebuild)
{
    return rebuild->report.counts.bad + rebuild->report.refused;
}

static void append_json(struct strbuf *buf, const struct rebuild *rebuild)
{
    const struct trail_report *report = &rebuild->report;

    strbuf_printf(buf,
                  "{\"files\":%zu,\"lines\":%zu,\"events\":%zu,\"runs\":%zu,\"bad\":%zu,"
                  "\"lost_commits\":%zu",
                  report->counts.files, report->counts.lines, report->counts.events,
                  report->created, bad_lines(rebuild), report->lost);
    append_name(buf, "database", rebuild->target);
    append_name(buf, "rejected", bad_lines(rebuild) ? rebuild->rejected : NULL);
    append_name(buf, "kept", rebuild->kept);
    strbuf_puts(buf, "}\n");
}

static void append_text(struct strbuf *buf, const struct rebuild *rebuild)
{
    const struct trail_report *report = &rebuild->report;

    strbuf_printf(buf, "%zu run%s from %zu line%s of %zu file%s.\n", report->created,
                  report->created == 1 ? "" : "s", report->counts.lines,
                  report->counts.lines == 1 ? "" : "s", report->counts.files,
                  report->counts.files == 1 ? "" : "s");
}

static int print(const struct rebuild *rebuild)
{
    CLEANUP(strbuf_clear) struct strbuf buf = STRBUF(OUTPUT_BYTES_MAX);

    if (rebuild->common.format == FORMAT_JSON || rebuild->common.format == FORMAT_NDJSON)
        append_json(&buf, rebuild);
    else
        append_text(&buf, rebuild);
    if (bad_lines(rebuild) && !rebuild->common.quiet)
        complain("%zu line%s could not be used; see %s", bad_lines(rebuild),
                 bad_lines(rebuild) == 1 ? "" : "s", rebuild->rejected);
    if (rebuild->kept && !rebuild->common.quiet)
        complain("the old database is kept as %s", rebuild->kept);
    screen_write(&buf);
    return screen_finish();
}

int cmd_rebuild(int argc, char **argv)
{
    struct rebuild rebuild = {0};
    int status;

    if (common_options_init(&rebuild.common)) {
        complain("out of memory");
        return STATUS_UNREACHABLE;
    }
    options_parse(&argp, argc, argv, 0, STATUS_USAGE, &rebuild);
    status = run(&rebuild) ? complain_fault(&rebuild.fault) : print(&rebuild);
    free(rebuild.target);
    free(rebuild.building);
    free(rebuild.rejected);
    free(rebuild.kept);
    common_options_clear(&rebuild.common);
    return status;
}
