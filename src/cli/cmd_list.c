/* SPDX-License-Identifier: MIT
 *
 * telemetry list: the newest runs. Runs that another run started are counted beside it and listed
 * only when asked for.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/command.h"
#include "cli/escape.h"
#include "model/run_object.h"
#include "cli/run_list.h"
#include "cli/run_text.h"
#include "cli/table.h"

#define LIMIT_DEFAULT 20

struct list_options {
    struct common_options common;
    struct filter_options filters;
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct list_options *options = state->input;

    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &options->filters;
        state->child_inputs[1] = &options->common;
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "list takes no argument; to see one run: telemetry show %s", argument);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {
    {&filter_argp, 0, NULL, 0},
    {&common_argp, 0, NULL, 0},
    {0},
};
static const struct argp argp = {
    .parser = parse,
    .doc = "List runs, newest first. Runs that another run started are counted behind its agent; "
           "--all lists them too.",
    .children = children,
};

/* ---- JSON ------------------------------------------------------------------------------------ */

static int print_json(const struct run_list *list, bool as_lines)
{
    CLEANUP(strbuf_clear) struct strbuf buf = STRBUF(RUN_TEXT_BYTES_MAX);

    if (!as_lines)
        strbuf_putc(&buf, '[');
    for (size_t i = 0; i < list->count; i++) {
        if (i && !as_lines)
            strbuf_putc(&buf, ',');
        run_object_write(&buf, &list->runs[i]);
        if (as_lines)
            strbuf_putc(&buf, '\n');
        screen_write(&buf);
    }
    if (!as_lines)
        strbuf_puts(&buf, "]\n");
    screen_write(&buf);
    return screen_finish();
}

/* ---- Table ----------------------------------------------------------------------------------- */

static const struct table_column columns[] = {
    {"STATUS", false}, {"AGENT", true},  {"JOB", true},  {"STARTED", false},
    {"TOOK", false},   {"ITEMS", false}, {"RUN", false},
};

struct listing {
    const struct list_options *options;
    struct source *source;
    struct screen screen;
    struct table table;
};

/* Add what was built as a cell, and empty the buffer for the next. */
static void add_cell(struct listing *listing, enum style style, struct strbuf *cell)
{
    table_add(&listing->table, style, strbuf_failed(cell) ? NULL : cell->length ? cell->text : "");
    strbuf_reset(cell);
}

static void append_field(struct listing *listing, struct strbuf *cell, const struct tel_record *run,
                         int field)
{
    const char *text = record_text(run, field);

    escape_append(cell, text ? text : "", listing->screen.escapes);
}

static void append_started(struct listing *listing, struct strbuf *cell,
                           const struct tel_record *run)
{
    const struct common_options *common = &listing->options->common;
    const char *start = record_text(run, FIELD_start_time);

    if (common->format == FORMAT_WIDE)
        when_append_exact(cell, start ? start : "", &common->when);
    else
        when_append_short(cell, start ? start : "", &common->when);
}

static tel_error add_row(struct listing *listing, const struct tel_record *run, tel_fault *fault)
{
    CLEANUP(strbuf_clear) struct strbuf cell = STRBUF(RUN_TEXT_BYTES_MAX);
    const struct common_options *common = &listing->options->common;
    int64_t child_count;
    tel_error error = run_count_children(&child_count, listing->source, run, fault);

    if (error)
        return error;
    run_append_status(&cell, run, &listing->screen);
    add_cell(listing, run_status_style(run), &cell);
    append_field(listing, &cell, run, FIELD_agent_name);
    if (child_count)
        strbuf_printf(&cell, " (+%" PRId64 ")", child_count);
    add_cell(listing, STYLE_PLAIN, &cell);
    append_field(listing, &cell, run, FIELD_job_type);
    add_cell(listing, STYLE_PLAIN, &cell);
    append_started(listing, &cell, run);
    add_cell(listing, STYLE_PLAIN, &cell);
    run_append_took(&cell, run, &listing->screen, &common->when);
    add_cell(listing, STYLE_PLAIN, &cell);
    run_append_items(&cell, run, &listing->screen);
    add_cell(listing, STYLE_PLAIN, &cell);
    append_field(listing, &cell, run, FIELD_run_id);
    add_cell(listing, STYLE_FAINT, &cell);
    return TEL_OK;
}

/* For somebody who looks on, say how many there are, and what to type when some went wrong. */
static void print_summary(const struct run_list *list)
{
    size_t failed = 0;

    for (size_t i = 0; i < list->count; i++)
        failed += run_status_style(&list->runs[i]) == STYLE_BAD;
    (void)fprintf(stderr, "%zu run%s", list->count, list->count == 1 ? "" : "s");
    if (failed)
        (void)fprintf(stderr, ", %zu failed. The last: telemetry show @fail", failed);
    (void)fprintf(stderr, "\n");
}

static int print_table(const struct run_list *list, const struct list_options *options,
                       struct source *source)
{
    CLEANUP(strbuf_clear) struct strbuf buf = STRBUF(RUN_TEXT_BYTES_MAX);
    struct listing listing = {
        .options = options,
        .source = source,
        .screen = screen_detect(options->common.color),
        .table = TABLE(columns),
    };
    tel_error error = TEL_OK;
    tel_fault fault = {0};
    int status;

    if (options->common.format == FORMAT_WIDE)
        listing.screen.width = 0;
    for (size_t i = 0; i < list->count && !error; i++)
        error = add_row(&listing, &list->runs[i], &fault);
    if (!error && !table_append(&listing.table, &listing.screen, &buf))
        error = fault_nomem(&fault);
    table_clear(&listing.table);
    if (error)
        return complain_fault(&fault);
    screen_write(&buf);
    status = screen_finish();
    if (listing.screen.is_terminal && !options->common.quiet && !status)
        print_summary(list);
    return status;
}

/* ---- The command ----------------------------------------------------------------------------- */

static int print_list(const struct run_list *list, const struct list_options *options,
                      struct source *source)
{
    switch (options->common.format) {
    case FORMAT_JSON:
        return print_json(list, /* as_lines= */ false);
    case FORMAT_NDJSON:
        return print_json(list, /* as_lines= */ true);
    default:
        break;
    }
    if (list->count)
        return print_table(list, options, source);
    if (!options->common.quiet)
        complain("no run to list");
    return STATUS_DONE;
}

static int list_runs(const struct list_options *options)
{
    CLEANUP(run_list_clear) struct run_list list = {0};
    struct source *source;
    tel_fault fault = {0};
    int status;

    if (source_open(&source, &options->common, &fault))
        return complain_fault(&fault);
    if (run_list_select(&list, source, &options->filters, &fault))
        status = complain_fault(&fault);
    else
        status = print_list(&list, options, source);
    source_close(source);
    return status;
}

int cmd_list(int argc, char **argv)
{
    struct list_options options = {.filters = {.limit = LIMIT_DEFAULT}};
    int status;

    if (common_options_init(&options.common)) {
        complain("out of memory");
        return STATUS_UNREACHABLE;
    }
    options.filters.when = &options.common.when;
    options_parse(&argp, argc, argv, 0, STATUS_USAGE, &options);
    status = list_runs(&options);
    common_options_clear(&options.common);
    return status;
}
