/* SPDX-License-Identifier: MIT
 *
 * telemetry verify: do audit trail, buffer and database agree?
 *
 * What the trail says is put into a database of its own, and so are the runs that the buffer has
 * something to say of, as they will be once it is delivered. Then run by run is compared.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "cli/command.h"
#include "cli/escape.h"
#include "cli/options.h"
#include "cli/verify_compare.h"
#include "config/config_store.h"
#include "deliver/buffer_name.h"
#include "deliver/record_line.h"
#include "deliver/trail_replay.h"
#include "model/record_json.h"

#define BATCH_SIZE 5000
#define OUTPUT_BYTES_MAX ((size_t)256 * 1024 * 1024)
#define TOLD_MAX 20                        /* findings of a kind that people are told one by one */
#define CLOCK_TICK_US (US_PER_SECOND / 10) /* files' times are behind the clock by less */

struct verify {
    struct common_options common;
    struct comparison comparison;
    char directory[PATH_MAX - NAME_MAX]; /* of the databases made for it */
    struct trail_report trail;
    int64_t begun_us;
    size_t buffer_lines;
    size_t buffer_bad;
    tel_fault fault;
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct verify *verify = state->input;

    (void)argument;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &verify->common;
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "verify takes no argument");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {{&common_argp, 0, NULL, 0}, {0}};
static const struct argp argp = {
    .parser = parse,
    .doc =
        "Compare the audit trail with the database and what waits in the buffer, and name the runs "
        "that are missing on a side and the fields that differ. Ends with 1 when they do not agree. "
        "Runs and changes that came by HTTP from others than the library are in no audit trail.",
    .children = children,
};

/* ---- What the trail says --------------------------------------------------------------------- */

static tel_error deliver(void *arg, struct write **writes, size_t count, tel_fault *fault)
{
    return store_apply(arg, writes, count, fault);
}

static void say_bad(void *arg, const struct trail_line *line, const char *reason)
{
    const struct verify *verify = arg;

    if (!verify->common.quiet)
        complain("%s:%zu: %s", line->file, line->number, reason);
}

static tel_error open_new(struct store **out, const struct verify *verify, const char *name,
                          tel_fault *fault)
{
    char path[PATH_MAX];
    const struct store_options options = {.path = path};

    (void)snprintf(path, sizeof path, "%s/%s", verify->directory, name);
    return store_open(out, &options, fault);
}

static tel_error read_trail(struct verify *verify)
{
    const struct tel_config *config = verify->common.config;
    struct comparison *comparison = &verify->comparison;
    struct trail_replay replay = {
        .directory = config_text(config, CONFIG_TELEMETRY_NDJSON_DIR),
        .access = config_file_access(config),
        .batch_size = BATCH_SIZE,
        .is_new = true,
        .bad = say_bad,
        .arg = verify,
    };
    tel_error error = open_new(&comparison->trail, verify, "trail", &verify->fault);

    replay.store = comparison->trail;
    return error
               ? error
               : trail_replay(&replay, deliver, comparison->trail, &verify->trail, &verify->fault);
}

/* ---- What the buffer will say ---------------------------------------------------------------- */

static tel_error apply_waiting(struct verify *verify, enum write_kind kind,
                               const struct tel_record *record)
{
    CLEANUP(record_clear) struct tel_record stored = RECORD();
    struct comparison *comparison = &verify->comparison;
    struct write known = {.kind = WRITE_CREATE, .record = &stored};
    struct write line = {.kind = kind, .record = record};
    struct write *writes[] = {&line, NULL};
    size_t count = 1;

    if (comparison->stored && store_get(comparison->stored, record_text(record, FIELD_event_id),
                                        &stored, NULL) == TEL_OK) {
        writes[0] = &known;
        writes[1] = &line;
        count = 2;
    }
    return store_apply(comparison->waiting, writes, count, &verify->fault);
}

static int each_buffer_line(void *arg, const char *text, size_t length, bool whole)
{
    struct verify *verify = arg;
    CLEANUP(record_clear) struct tel_record record = RECORD();
    CLEANUP(json_releasep) json_t *json = NULL;
    enum write_kind kind;

    verify->buffer_lines++;
    if (record_line_parse(&json, text, length, whole, NULL) ||
        record_line_read(&kind, &record, json, NULL)) {
        verify->buffer_bad++;
        return 0;
    }
    return apply_waiting(verify, kind, &record) != TEL_OK;
}

static bool is_waiting(const char *name)
{
    return buffer_name_is_active(name) || buffer_name_is_ready(name);
}

static bool was_written_since(int fd, int64_t us)
{
    struct stat status;
    int64_t written_us;

    if (fstat(fd, &status))
        return true;
    written_us = status.st_mtim.tv_sec * US_PER_SECOND + status.st_mtim.tv_nsec / 1000;
    return written_us + CLOCK_TICK_US >= us;
}

static int each_buffer_file(void *arg, const char *name)
{
    struct verify *verify = arg;
    const struct tel_config *config = verify->common.config;
    CLEANUP(freep) char *path = path_join(config_text(config, CONFIG_TELEMETRY_BUFFER_DIR), name);
    CLEANUP(closep) int fd = -1;

    if (!path)
        return fault_nomem(&verify->fault) != TEL_OK;
    if (file_open(&fd, path, O_RDONLY, config_file_access(config), NULL, NULL))
        return 0; /* it was delivered a moment ago */
    if (was_written_since(fd, verify->begun_us))
        verify->comparison.waiting_is_growing = true;
    return file_each_line(fd, path, each_buffer_line, verify, &verify->fault) != TEL_OK ||
           verify->fault.code != TEL_OK;
}

static tel_error read_buffer(struct verify *verify)
{
    const char *directory = config_text(verify->common.config, CONFIG_TELEMETRY_BUFFER_DIR);
    tel_error error = open_new(&verify->comparison.waiting, verify, "waiting", &verify->fault);

    if (!error && directory)
        error = directory_each(directory, is_waiting, each_buffer_file, verify, &verify->fault);
    return error ? error : verify->fault.code;
}

/* ---- All of it ------------------------------------------------------------------------------- */

static tel_error open_database(struct verify *verify)
{
    struct store_options options = config_store_options(verify->common.config);
    tel_error error;

    options.read_only = true;
    error = store_open(&verify->comparison.stored, &options, &verify->fault);
    if (error == TEL_E_NOT_FOUND) {
        verify->fault = (tel_fault){0};
        return TEL_OK;
    }
    return error ? error : store_check(verify->comparison.stored, false, &verify->fault);
}

static tel_error run(struct verify *verify)
{
    tel_error error;

    if (!config_text(verify->common.config, CONFIG_TELEMETRY_DB_PATH) ||
        !config_text(verify->common.config, CONFIG_TELEMETRY_NDJSON_DIR))
        return fault_set(&verify->fault, TEL_E_IO,
                         "there is no home directory; set TELEMETRY_BASE_DIR");
    (void)snprintf(verify->directory, sizeof verify->directory, "%s/telemetry-verify-XXXXXX",
                   directory_for_now());
    if (!mkdtemp(verify->directory)) {
        *verify->directory = '\0';
        return fault_errno(&verify->fault, TEL_E_IO, "cannot make a directory in %s",
                           directory_for_now());
    }
    verify->begun_us = clock_now_us();
    timestamp_format(verify->comparison.begun_at, verify->begun_us);
    error = read_trail(verify);
    if (!error)
        error = open_database(verify);
    if (!error)
        error = read_buffer(verify);
    return error ? error : comparison_run(&verify->comparison, &verify->fault);
}

static void clear(struct verify *verify)
{
    static const char *const names[] = {"trail", "waiting"};

    comparison_clear(&verify->comparison);
    for (size_t i = 0; i < sizeof names / sizeof *names && *verify->directory; i++) {
        char path[PATH_MAX];

        (void)snprintf(path, sizeof path, "%s/%s", verify->directory, names[i]);
        store_remove(path);
    }
    if (*verify->directory)
        (void)rmdir(verify->directory);
    common_options_clear(&verify->common);
}

/* ---- The outcome ----------------------------------------------------------------------------- */

static const char *const kind_words[] = {
    [ONLY_IN_TRAIL] = "is in the audit trail alone",
    [ONLY_STORED] = "is not in the audit trail",
    [DIFFERENT] = "differs",
};
static const char *const kind_keys[] = {
    [ONLY_IN_TRAIL] = "missing_in_database",
    [ONLY_STORED] = "missing_in_trail",
    [DIFFERENT] = "different",
};

static const struct tel_record *either(const struct finding *finding)
{
    return record_has(&finding->trail, FIELD_event_id) ? &finding->trail : &finding->stored;
}

static void append_value(struct strbuf *buf, const struct tel_record *record, int index)
{
    const char *text = record_text(record, index);

    if (!kind_is_text(run_fields[index].kind))
        strbuf_printf(buf, "%lld", (long long)record_int(record, index));
    else
        json_write_string(buf, text);
}

static void append_fields(struct strbuf *buf, const struct finding *finding)
{
    const char *between = "";

    for (int i = 0; i < RUN_FIELD_COUNT; i++) {
        if (!(finding->fields & FIELD_BIT(i)))
            continue;
        strbuf_printf(buf, "%s\"%s\":{\"trail\":", between, run_fields[i].name);
        append_value(buf, &finding->trail, i);
        strbuf_puts(buf, ",\"database\":");
        append_value(buf, &finding->stored, i);
        strbuf_putc(buf, '}');
        between = ",";
    }
}

static void append_json(struct strbuf *buf, const struct verify *verify)
{
    const struct comparison *comparison = &verify->comparison;

    strbuf_printf(buf,
                  "{\"agree\":%s,\"trail_runs\":%zu,\"database_runs\":%zu,\"agreeing\":%zu,"
                  "\"buffer_lines\":%zu,\"buffer_bad\":%zu,\"trail_bad\":%zu",
                  comparison_agrees(comparison) ? "true" : "false", comparison->trail_runs,
                  comparison->stored_runs, comparison->agreeing, verify->buffer_lines,
                  verify->buffer_bad, verify->trail.counts.bad + verify->trail.refused);
    for (size_t k = 0; k < FINDING_KIND_COUNT; k++) {
        const struct findings *findings = &comparison->findings[k];

        strbuf_printf(buf, ",\"%s_count\":%zu,\"%s\":[", kind_keys[k], findings->count,
                      kind_keys[k]);
        for (size_t i = 0; i < findings->kept; i++) {
            strbuf_printf(buf, "%s{", i ? "," : "");
            record_write_members(buf, either(&findings->items[i]),
                                 FIELD_BIT(FIELD_event_id) | FIELD_BIT(FIELD_run_id),
                                 RECORD_AS_STORED);
            strbuf_puts(buf, ",\"fields\":{");
            append_fields(buf, &findings->items[i]);
            strbuf_puts(buf, "}}");
        }
        strbuf_putc(buf, ']');
    }
    strbuf_puts(buf, "}\n");
}

static void append_finding(struct strbuf *buf, const struct finding *finding, size_t kind)
{
    CLEANUP(strbuf_clear) struct strbuf fields = STRBUF(OUTPUT_BYTES_MAX);
    const char *event_id = record_text(either(finding), FIELD_event_id);

    append_fields(&fields, finding);
    escape_append(buf, event_id ? event_id : "?", ESCAPE_LINE);
    strbuf_printf(buf, " %s%s", kind_words[kind], fields.length ? ": " : "");
    if (fields.length)
        escape_append(buf, fields.text, ESCAPE_LINE);
    strbuf_putc(buf, '\n');
}

static void append_text(struct strbuf *buf, const struct verify *verify)
{
    const struct comparison *comparison = &verify->comparison;

    for (size_t k = 0; k < FINDING_KIND_COUNT; k++) {
        const struct findings *findings = &comparison->findings[k];

        for (size_t i = 0; i < findings->kept && i < TOLD_MAX; i++)
            append_finding(buf, &findings->items[i], k);
        if (findings->count > TOLD_MAX)
            strbuf_printf(buf, "%zu more: %s\n", findings->count - TOLD_MAX, kind_words[k]);
    }
    strbuf_printf(buf,
                  "%zu runs agree; %zu only in the audit trail, %zu not in it, %zu differ; %zu "
                  "lines wait in the buffer.\n",
                  comparison->agreeing, comparison->findings[ONLY_IN_TRAIL].count,
                  comparison->findings[ONLY_STORED].count, comparison->findings[DIFFERENT].count,
                  verify->buffer_lines);
}

static int print(const struct verify *verify)
{
    CLEANUP(strbuf_clear) struct strbuf buf = STRBUF(OUTPUT_BYTES_MAX);
    int status;

    if (verify->common.format == FORMAT_JSON || verify->common.format == FORMAT_NDJSON)
        append_json(&buf, verify);
    else
        append_text(&buf, verify);
    screen_write(&buf);
    status = screen_finish();
    return status || comparison_agrees(&verify->comparison) ? status : STATUS_BAD_ANSWER;
}

int cmd_verify(int argc, char **argv)
{
    struct verify verify = {0};
    int status;

    if (common_options_init(&verify.common)) {
        complain("out of memory");
        return STATUS_UNREACHABLE;
    }
    options_parse(&argp, argc, argv, 0, STATUS_USAGE, &verify);
    status = run(&verify) ? complain_fault(&verify.fault) : print(&verify);
    clear(&verify);
    return status;
}
