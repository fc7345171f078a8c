/* SPDX-License-Identifier: MIT
 *
 * telemetry schema: the fields of a run as this program knows them, for people and for programs in
 * other languages.
 */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/table.h"
#include "model/run_fields.h"
#include "store/store.h"

#define SCHEMA_BYTES_MAX ((size_t)1024 * 1024)

enum schema_form { SCHEMA_AS_TABLE, SCHEMA_AS_MARKDOWN, SCHEMA_AS_SQL };

struct schema_options {
    struct common_options common;
    enum schema_form form;
};

enum { OPTION_MARKDOWN = 0x100, OPTION_SQL };

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct schema_options *options = state->input;

    (void)argument;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &options->common;
        return 0;
    case OPTION_MARKDOWN:
        options->form = SCHEMA_AS_MARKDOWN;
        return 0;
    case OPTION_SQL:
        options->form = SCHEMA_AS_SQL;
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "schema takes no argument");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option flags[] = {
    {"markdown", OPTION_MARKDOWN, 0, 0, "Print a Markdown table", 0},
    {"sql", OPTION_SQL, 0, 0, "Print the DDL of a new database", 0},
    {0},
};
static const struct argp_child children[] = {{&common_argp, 0, NULL, 0}, {0}};
static const struct argp argp = {
    .options = flags,
    .parser = parse,
    .doc = "Print the fields of a run: name, kind, who may set it and when, what it means.",
    .children = children,
};

struct access_name {
    enum field_access bit;
    const char *name;
};

static const struct access_name access_names[] = {
    {CREATE, "create"},
    {PATCH, "patch"},
    {REQUIRED, "required"},
    {FILTER, "filter"},
};

/* Append the names of the access bits, each between `quote`s, with `separator` between them. */
static void append_access(struct strbuf *buf, unsigned access, const char *quote,
                          const char *separator)
{
    const char *between = "";

    for (size_t i = 0; i < sizeof access_names / sizeof *access_names; i++) {
        if (!(access & access_names[i].bit))
            continue;
        strbuf_printf(buf, "%s%s%s%s", between, quote, access_names[i].name, quote);
        between = separator;
    }
}

static void append_json(struct strbuf *buf)
{
    strbuf_printf(buf, "{\"schema_version\":%d,\"fields\":[", SCHEMA_VERSION);
    for (int i = 0; i < RUN_FIELD_COUNT; i++) {
        const struct run_field *field = &run_fields[i];

        strbuf_printf(buf, "%s{\"name\":\"%s\",\"kind\":\"%s\",\"access\":[", i ? "," : "",
                      field->name, kind_name(field->kind));
        append_access(buf, field->access, "\"", ",");
        strbuf_puts(buf, "],\"initial\":");
        if (!field->initial)
            strbuf_puts(buf, "null");
        else if (kind_is_text(field->kind))
            json_write_string(buf, field->initial);
        else
            strbuf_puts(buf, field->initial);
        strbuf_puts(buf, ",\"meaning\":");
        json_write_string(buf, field->meaning);
        strbuf_putc(buf, '}');
    }
    strbuf_puts(buf, "]}\n");
}

static void append_markdown(struct strbuf *buf)
{
    strbuf_puts(buf, "| field | kind | access | initial | meaning |\n"
                     "| --- | --- | --- | --- | --- |\n");
    for (int i = 0; i < RUN_FIELD_COUNT; i++) {
        const struct run_field *field = &run_fields[i];

        strbuf_printf(buf, "| %s | %s | ", field->name, kind_name(field->kind));
        append_access(buf, field->access, "", ", ");
        strbuf_printf(buf, " | %s | %s |\n", field->initial ? field->initial : "null",
                      field->meaning);
    }
}

static bool append_table(struct strbuf *buf, const struct schema_options *options)
{
    static const struct table_column columns[] = {
        {"FIELD", false}, {"KIND", false}, {"ACCESS", false}, {"INITIAL", false}, {"MEANING", true},
    };
    CLEANUP(table_clear) struct table table = TABLE(columns);
    struct screen screen = screen_detect(options->common.color);

    for (int i = 0; i < RUN_FIELD_COUNT; i++) {
        CLEANUP(strbuf_clear) struct strbuf access = STRBUF(SCHEMA_BYTES_MAX);

        append_access(&access, run_fields[i].access, "", ",");
        table_add(&table, STYLE_PLAIN, run_fields[i].name);
        table_add(&table, STYLE_PLAIN, kind_name(run_fields[i].kind));
        table_add(&table, STYLE_PLAIN, access.length ? access.text : "-");
        table_add(&table, STYLE_PLAIN, run_fields[i].initial ? run_fields[i].initial : "-");
        table_add(&table, STYLE_PLAIN, run_fields[i].meaning);
    }
    return table_append(&table, &screen, buf);
}

static bool append_sql(struct strbuf *buf)
{
    CLEANUP(freep) char *sql = store_schema_sql();

    if (!sql)
        return false;
    strbuf_puts(buf, sql);
    if (!*sql || sql[strlen(sql) - 1] != '\n')
        strbuf_putc(buf, '\n');
    return true;
}

static bool append_schema(struct strbuf *buf, const struct schema_options *options)
{
    if (options->common.format == FORMAT_JSON || options->common.format == FORMAT_NDJSON) {
        append_json(buf);
        return true;
    }
    if (options->form == SCHEMA_AS_SQL)
        return append_sql(buf);
    if (options->form == SCHEMA_AS_TABLE)
        return append_table(buf, options);
    append_markdown(buf);
    return true;
}

int cmd_schema(int argc, char **argv)
{
    CLEANUP(strbuf_clear) struct strbuf buf = STRBUF(SCHEMA_BYTES_MAX);
    struct schema_options options = {0};
    bool made;

    if (common_options_init(&options.common)) {
        complain("out of memory");
        return STATUS_UNREACHABLE;
    }
    options_parse(&argp, argc, argv, 0, STATUS_USAGE, &options);
    made = append_schema(&buf, &options);
    common_options_clear(&options.common);
    if (!made) {
        complain("out of memory");
        return STATUS_UNREACHABLE;
    }
    screen_write(&buf);
    return screen_finish();
}
