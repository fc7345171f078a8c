/* SPDX-License-Identifier: MIT
 *
 * telemetry show: one run, whole. What is set is shown by walking the field table; long texts come
 * last, each under its name.
 */
#include <inttypes.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "cli/command.h"
#include "cli/escape.h"
#include "cli/pick.h"
#include "model/run_object.h"
#include "cli/run_list.h"
#include "cli/run_text.h"

#define NAME_COLUMNS 22
#define SHORT_CHARS_MAX 100
#define INDENT "    "

struct show_options {
    struct common_options common;
    const char *id;
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct show_options *options = state->input;

    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &options->common;
        return 0;
    case ARGP_KEY_ARG:
        if (options->id)
            argp_error(state, "show takes one ID");
        options->id = argument;
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error(state, "which run? Give an ID, or @last");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {{&common_argp, 0, NULL, 0}, {0}};
static const struct argp argp = {
    .parser = parse,
    .args_doc = "ID",
    .doc = "Show one run.\v"
           "ID is an event_id or a run_id, a unique beginning of either or of the 8 hex digits at "
           "the end of a run_id (4 characters or more), or a position: @last, @last~2, "
           "@last:AGENT, @fail:AGENT, @good:AGENT.",
    .children = children,
};

struct showing {
    const struct common_options *common;
    struct screen screen;
    struct strbuf *out;
};

/* Fields that the head line and the lines after it tell already, or that say nothing to people. */
static bool is_elsewhere(int field)
{
    static const int elsewhere[] = {
        FIELD_id,
        FIELD_schema_version,
        FIELD_created_at,
        FIELD_updated_at,
        FIELD_agent_name,
        FIELD_job_type,
        FIELD_status,
        FIELD_duration_ms,
        FIELD_api_posted,
        FIELD_items_succeeded,
        FIELD_items_failed,
        FIELD_items_skipped,
        FIELD_api_retry_count,
    };

    for (size_t i = 0; i < sizeof elsewhere / sizeof *elsewhere; i++) {
        if (elsewhere[i] == field)
            return true;
    }
    return false;
}

static bool is_long(const char *text)
{
    return strpbrk(text, "\r\n") != NULL || strlen(text) > SHORT_CHARS_MAX;
}

static void put_name(struct showing *showing, const char *name)
{
    strbuf_printf(showing->out, "%-*s", NAME_COLUMNS, name);
}

/* ---- Short values: "name   value" ------------------------------------------------------------ */

static void put_time(struct showing *showing, const char *time)
{
    when_append_exact(showing->out, time, &showing->common->when);
    strbuf_puts(showing->out, " (");
    when_append_short(showing->out, time, &showing->common->when);
    strbuf_putc(showing->out, ')');
}

static void put_short(struct showing *showing, const struct tel_record *run, int field)
{
    const struct run_field *row = &run_fields[field];
    const char *text = record_text(run, field);

    if (is_elsewhere(field) || !record_has(run, field) || row->kind == KIND_JSON)
        return;
    if (text ? !*text || is_long(text) : !record_int(run, field))
        return;
    put_name(showing, row->name);
    if (row->kind == KIND_TIME)
        put_time(showing, text);
    else if (text)
        escape_append(showing->out, text, showing->screen.escapes);
    else
        strbuf_put_int(showing->out, record_int(run, field));
    strbuf_putc(showing->out, '\n');
}

/* ---- Long values: the name, then indented lines ---------------------------------------------- */

static void put_block(struct showing *showing, const char *name, const char *text)
{
    CLEANUP(strbuf_clear) struct strbuf safe = STRBUF(RUN_TEXT_BYTES_MAX);

    escape_append(&safe, text, ESCAPE_TEXT | showing->screen.escapes);
    strbuf_putc(showing->out, '\n');
    screen_append(&showing->screen, showing->out, STYLE_STRONG, name);
    strbuf_putc(showing->out, '\n');
    for (const char *line = safe.text; line && *line;) {
        size_t length = strcspn(line, "\n");

        strbuf_puts(showing->out, INDENT);
        strbuf_append(showing->out, line, length);
        strbuf_putc(showing->out, '\n');
        line += length + (line[length] == '\n');
    }
}

static void put_json(struct showing *showing, const char *name, const char *text)
{
    CLEANUP(json_releasep) json_t *value = json_parse(text, strlen(text), NULL);
    CLEANUP(freep)
    char *pretty = value ? json_dumps(value, JSON_INDENT(2) | JSON_ENCODE_ANY) : NULL;

    put_block(showing, name, pretty ? pretty : text);
}

static void put_long(struct showing *showing, const struct tel_record *run, int field)
{
    const char *text = record_text(run, field);

    if (is_elsewhere(field) || !text || !*text)
        return;
    if (run_fields[field].kind == KIND_JSON)
        put_json(showing, run_fields[field].name, text);
    else if (is_long(text))
        put_block(showing, run_fields[field].name, text);
}

/* ---- The whole ------------------------------------------------------------------------------- */

static void put_head(struct showing *showing, const struct tel_record *run)
{
    CLEANUP(strbuf_clear) struct strbuf status = STRBUF(RUN_TEXT_BYTES_MAX);
    const char *agent = record_text(run, FIELD_agent_name);
    const char *job_type = record_text(run, FIELD_job_type);
    struct strbuf *out = showing->out;

    run_append_status(&status, run, &showing->screen);
    screen_append(&showing->screen, out, run_status_style(run), status.length ? status.text : "");
    strbuf_puts(out, "  ");
    escape_append(out, agent ? agent : "?", showing->screen.escapes);
    strbuf_puts(out, " / ");
    escape_append(out, job_type ? job_type : "?", showing->screen.escapes);
    strbuf_puts(out, "  ");
    run_append_took(out, run, &showing->screen, &showing->common->when);
    strbuf_puts(out, "\n\n");
}

static void put_items(struct showing *showing, const struct tel_record *run)
{
    if (!record_int(run, FIELD_items_succeeded) && !record_int(run, FIELD_items_failed) &&
        !record_int(run, FIELD_items_skipped))
        return;
    put_name(showing, "items");
    strbuf_printf(showing->out, "%" PRId64 " succeeded, %" PRId64 " failed, %" PRId64 " skipped\n",
                  record_int(run, FIELD_items_succeeded), record_int(run, FIELD_items_failed),
                  record_int(run, FIELD_items_skipped));
}

static void put_run(struct showing *showing, const struct tel_record *run, int64_t child_count)
{
    const char *run_id = record_text(run, FIELD_run_id);

    put_head(showing, run);
    for (int i = 0; i < RUN_FIELD_COUNT; i++)
        put_short(showing, run, i);
    put_items(showing, run);
    if (child_count) {
        put_name(showing, "children");
        strbuf_printf(showing->out, "%" PRId64 ": telemetry list --parent ", child_count);
        escape_append(showing->out, run_id ? run_id : "", showing->screen.escapes);
        strbuf_putc(showing->out, '\n');
    }
    for (int i = 0; i < RUN_FIELD_COUNT; i++)
        put_long(showing, run, i);
}

static tel_error build(struct strbuf *out, const struct show_options *options,
                       struct source *source, tel_fault *fault)
{
    CLEANUP(record_clear) struct tel_record run = RECORD();
    struct showing showing = {
        .common = &options->common,
        .screen = screen_detect(options->common.color),
        .out = out,
    };
    int64_t child_count;
    tel_error error = pick_run(&run, source, options->id, fault);

    if (error)
        return error;
    if (options->common.format == FORMAT_JSON || options->common.format == FORMAT_NDJSON) {
        run_object_write(out, &run);
        strbuf_putc(out, '\n');
        return TEL_OK;
    }
    error = run_count_children(&child_count, source, &run, fault);
    if (!error)
        put_run(&showing, &run, child_count);
    return error;
}

static int show_run(const struct show_options *options)
{
    CLEANUP(strbuf_clear) struct strbuf out = STRBUF(RUN_TEXT_BYTES_MAX);
    struct source *source;
    tel_fault fault = {0};
    tel_error error;

    if (source_open(&source, &options->common, &fault))
        return complain_fault(&fault);
    error = build(&out, options, source, &fault);
    source_close(source);
    if (error)
        return complain_fault(&fault);
    screen_write(&out);
    return screen_finish();
}

int cmd_show(int argc, char **argv)
{
    struct show_options options = {0};
    int status;

    if (common_options_init(&options.common)) {
        complain("out of memory");
        return STATUS_UNREACHABLE;
    }
    options_parse(&argp, argc, argv, 0, STATUS_USAGE, &options);
    status = show_run(&options);
    common_options_clear(&options.common);
    return status;
}
