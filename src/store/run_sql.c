/* SPDX-License-Identifier: MIT */
#include "store/run_sql.h"

#include "model/status.h"

#define INDEX_COLUMNS_MAX 3
#define NO_FIELD (-1)

/* Which columns the indexes of version 7 have. Several are prefixes of others, but readers of
 * existing databases may name them. */
static const int indexes[][INDEX_COLUMNS_MAX] = {
    {FIELD_event_id, NO_FIELD},
    {FIELD_agent_name, NO_FIELD},
    {FIELD_status, NO_FIELD},
    {FIELD_start_time, NO_FIELD},
    {FIELD_created_at, NO_FIELD},
    {FIELD_agent_name, FIELD_status, FIELD_created_at},
    {FIELD_agent_name, FIELD_created_at, NO_FIELD},
    {FIELD_job_type, NO_FIELD},
    {FIELD_parent_run_id, NO_FIELD},
    {FIELD_api_posted, NO_FIELD},
    {FIELD_insight_id, NO_FIELD},
    {FIELD_git_commit_hash, NO_FIELD},
    {FIELD_website, NO_FIELD},
    {FIELD_website, FIELD_website_section, NO_FIELD},
};

static void put_status_check(struct strbuf *sql, const char *name)
{
    const char *separator = "";

    strbuf_printf(sql, " CHECK (%s IN (", name);
    for (const char *const *status = statuses; *status; status++) {
        strbuf_printf(sql, "%s'%s'", separator, *status);
        separator = ", ";
    }
    strbuf_puts(sql, "))");
}

/* Append one column as the table declares it. */
static void put_column(struct strbuf *sql, int index)
{
    const struct run_field *field = &run_fields[index];

    if (index == FIELD_id) {
        strbuf_printf(sql, "%s INTEGER PRIMARY KEY AUTOINCREMENT", field->name);
        return;
    }
    strbuf_printf(sql, "%s %s", field->name, kind_is_text(field->kind) ? "TEXT" : "INTEGER");
    if (field->access & REQUIRED || field->kind == KIND_STATUS || index == FIELD_created_at)
        strbuf_puts(sql, " NOT NULL");
    if (index == FIELD_event_id)
        strbuf_puts(sql, " UNIQUE");
    if (index == FIELD_created_at || index == FIELD_updated_at)
        strbuf_puts(sql, " DEFAULT (datetime('now'))");
    if (field->initial)
        strbuf_printf(sql, kind_is_text(field->kind) ? " DEFAULT '%s'" : " DEFAULT %s",
                      field->initial);
    if (field->kind == KIND_STATUS)
        put_status_check(sql, field->name);
    if (field->kind == KIND_COUNT)
        strbuf_printf(sql, " CHECK (%s >= 0)", field->name);
}

void run_sql_create_table(struct strbuf *sql)
{
    strbuf_puts(sql, "CREATE TABLE agent_runs (\n");
    for (int i = 0; i < RUN_FIELD_COUNT; i++) {
        strbuf_puts(sql, i ? ",\n    " : "    ");
        put_column(sql, i);
    }
    strbuf_puts(sql, "\n);\n");
}

/* Append one index, named after its columns. */
static void put_index(struct strbuf *sql, const int *columns)
{
    strbuf_puts(sql, "CREATE INDEX idx_runs");
    for (int i = 0; i < INDEX_COLUMNS_MAX && columns[i] != NO_FIELD; i++)
        strbuf_printf(sql, "_%s", run_fields[columns[i]].name);
    strbuf_puts(sql, " ON agent_runs (");
    for (int i = 0; i < INDEX_COLUMNS_MAX && columns[i] != NO_FIELD; i++)
        strbuf_printf(sql, "%s%s%s", i ? ", " : "", run_fields[columns[i]].name,
                      columns[i] == FIELD_created_at ? " DESC" : "");
    strbuf_puts(sql, ");\n");
}

void run_sql_create_indexes(struct strbuf *sql)
{
    for (size_t i = 0; i < sizeof indexes / sizeof *indexes; i++)
        put_index(sql, indexes[i]);
}

bool run_sql_has_index(int field)
{
    for (size_t i = 0; i < sizeof indexes / sizeof *indexes; i++) {
        if (indexes[i][0] == field)
            return true;
    }
    return false;
}

void run_sql_insert(struct strbuf *sql)
{
    strbuf_puts(sql, "INSERT INTO agent_runs (");
    for (int i = FIELD_id + 1; i < RUN_FIELD_COUNT; i++)
        strbuf_printf(sql, "%s%s", i > FIELD_id + 1 ? ", " : "", run_fields[i].name);
    strbuf_puts(sql, ") VALUES (");
    for (int i = FIELD_id + 1; i < RUN_FIELD_COUNT; i++)
        strbuf_printf(sql, "%s?%d", i > FIELD_id + 1 ? ", " : "", i + 1);
    strbuf_putc(sql, ')');
}

void run_sql_update(struct strbuf *sql, field_set set)
{
    const char *separator = "";

    strbuf_puts(sql, "UPDATE agent_runs SET ");
    for (int i = 0; i < RUN_FIELD_COUNT; i++) {
        if (!(set & FIELD_BIT(i)))
            continue;
        strbuf_printf(sql, "%s%s = ?%d", separator, run_fields[i].name, i + 1);
        separator = ", ";
    }
    strbuf_printf(sql, " WHERE %s = ?%d", run_fields[FIELD_id].name, FIELD_id + 1);
}

void run_sql_select(struct strbuf *sql)
{
    strbuf_puts(sql, "SELECT ");
    for (int i = 0; i < RUN_FIELD_COUNT; i++)
        strbuf_printf(sql, "%s%s", i ? ", " : "", run_fields[i].name);
    strbuf_puts(sql, " FROM agent_runs");
}
