/* SPDX-License-Identifier: MIT */
#include "store/run_sql.h"

#include "model/status.h"

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

void run_sql_insert(struct strbuf *sql)
{
    strbuf_puts(sql, "INSERT OR FAIL INTO agent_runs (");
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

    strbuf_puts(sql, "UPDATE OR FAIL agent_runs SET ");
    for (int i = 0; i < RUN_FIELD_COUNT; i++) {
        if (!(set & FIELD_BIT(i)))
            continue;
        strbuf_printf(sql, "%s%s = ?%d", separator, run_fields[i].name, i + 1);
        separator = ", ";
    }
    strbuf_printf(sql, " WHERE %s = ?%d", run_fields[FIELD_id].name, FIELD_id + 1);
}

static void put_select(struct strbuf *sql)
{
    strbuf_puts(sql, "SELECT ");
    for (int i = 0; i < RUN_FIELD_COUNT; i++)
        strbuf_printf(sql, "%s%s", i ? ", " : "", run_fields[i].name);
}

void run_sql_select(struct strbuf *sql)
{
    put_select(sql);
    strbuf_puts(sql, " FROM agent_runs");
}

void run_sql_select_each(struct strbuf *sql)
{
    put_select(sql);
    strbuf_puts(sql, " FROM (SELECT value AS wanted FROM json_each(?1))"
                     " CROSS JOIN agent_runs ON id = wanted");
}
