/* SPDX-License-Identifier: MIT */
#include "store/query_sql.h"

#include <inttypes.h>
#include <string.h>

#include "store/run_sql.h"

#define COMMIT_PREFIX_CHARS_MIN 7
#define HEX_PREFIX_CHARS_MIN 4
#define HEX_CHARS "8" /* at the end of a made run_id, behind a '-' */

struct builder {
    struct strbuf *sql;
    struct query_values *values;
    bool has_condition;
};

/* Begin one more condition. */
static void begin(struct builder *b)
{
    strbuf_puts(b->sql, b->has_condition ? " AND " : " WHERE ");
    b->has_condition = true;
}

/* Note a value to be bound and return its parameter's number. */
static int add_value(struct builder *b, const char *value)
{
    b->values->texts[b->values->count] = value;
    return ++b->values->count;
}

/* Append "name operator value", when there is a value. */
static void compare(struct builder *b, int index, const char *operator, const char * value)
{
    if (!value)
        return;
    begin(b);
    strbuf_printf(b->sql, "%s %s ?%d", run_fields[index].name, operator, add_value(b, value));
}

/* All texts that begin with the parameter lie between it and itself followed by the last character
 * there is: unlike LIKE that knows no wildcards, minds the case and can use an index. */
static void put_prefix(struct builder *b, int index, int parameter)
{
    strbuf_printf(b->sql, "%s BETWEEN ?%d AND ?%d || char(1114111)", run_fields[index].name,
                  parameter, parameter);
}

static void begins_with(struct builder *b, int index, const char *prefix)
{
    if (!prefix)
        return;
    begin(b);
    put_prefix(b, index, add_value(b, prefix));
}

static void has_status(struct builder *b, const struct run_query *query)
{
    if (query->status_count == 0)
        return;
    begin(b);
    strbuf_printf(b->sql, "%s IN (", run_fields[FIELD_status].name);
    for (size_t i = 0; i < query->status_count; i++)
        strbuf_printf(b->sql, "%s?%d", i ? ", " : "", add_value(b, query->statuses[i]));
    strbuf_putc(b->sql, ')');
}

static void is_of_commit(struct builder *b, const char *commit)
{
    if (commit && strlen(commit) >= COMMIT_PREFIX_CHARS_MIN)
        begins_with(b, FIELD_git_commit_hash, commit);
    else
        compare(b, FIELD_git_commit_hash, "=", commit);
}

static void is_called(struct builder *b, const char *prefix)
{
    const char *run_id = run_fields[FIELD_run_id].name;
    int parameter;

    if (!prefix)
        return;
    begin(b);
    parameter = add_value(b, prefix);
    strbuf_putc(b->sql, '(');
    put_prefix(b, FIELD_event_id, parameter);
    strbuf_puts(b->sql, " OR ");
    put_prefix(b, FIELD_run_id, parameter);
    if (strlen(prefix) >= HEX_PREFIX_CHARS_MIN)
        strbuf_printf(b->sql,
                      " OR (substr(%s, -" HEX_CHARS ", length(?%d)) = ?%d"
                      " AND substr(%s, -" HEX_CHARS " - 1, 1) = '-'"
                      " AND substr(%s, -" HEX_CHARS ") NOT GLOB '*[^0-9a-f]*')",
                      run_id, parameter, parameter, run_id, run_id);
    strbuf_putc(b->sql, ')');
}

static void has_state(struct builder *b, const struct run_query *query)
{
    const char *parent = run_fields[FIELD_parent_run_id].name;

    if (query->roots) {
        begin(b);
        strbuf_printf(b->sql, "(%s IS NULL OR %s IN ('', 'unknown'))", parent, parent);
    }
    if (query->pending_export) {
        begin(b);
        strbuf_printf(b->sql, "%s = 0 AND %s != '" TEL_RUNNING "'",
                      run_fields[FIELD_api_posted].name, run_fields[FIELD_status].name);
    }
    if (query->retries_below) {
        begin(b);
        strbuf_printf(b->sql, "%s < %" PRId64, run_fields[FIELD_api_retry_count].name,
                      query->retries_below);
    }
    if (query->by_row) {
        begin(b);
        strbuf_printf(b->sql, "%s > %" PRId64, run_fields[FIELD_id].name, query->after_id);
    }
}

static tel_error check(const struct run_query *query, tel_fault *fault)
{
    if (query->limit < 1 || query->limit > QUERY_LIMIT_MAX)
        return fault_set(fault, TEL_E_INVALID, "limit must be from 1 to %d, not %" PRId64,
                         QUERY_LIMIT_MAX, query->limit);
    if (query->offset < 0)
        return fault_set(fault, TEL_E_INVALID, "offset must be >= 0, not %" PRId64, query->offset);
    if (query->status_count > QUERY_STATUSES_MAX)
        return fault_set(fault, TEL_E_INVALID, "at most %d statuses may be asked for",
                         QUERY_STATUSES_MAX);
    for (int i = 0; i < RUN_FIELD_COUNT; i++) {
        if (query->equals[i] && !(run_fields[i].access & FILTER))
            return fault_set(fault, TEL_E_INVALID, "runs cannot be selected by %s",
                             run_fields[i].name);
    }
    return TEL_OK;
}

/* Going on behind a run costs the same wherever it is in the list, unlike an offset. */
static void comes_after(struct builder *b, const struct run_query *query)
{
    if (!query->after_time)
        return;
    begin(b);
    strbuf_printf(b->sql, "(%s, %s) %s (?%d, ?", run_fields[FIELD_created_at].name,
                  run_fields[FIELD_id].name, query->oldest_first ? ">" : "<",
                  add_value(b, query->after_time));
    strbuf_printf(b->sql, "%d)", b->values->count + 1);
}

static void put_order(struct builder *b, const struct run_query *query)
{
    const char *direction = query->oldest_first ? "" : " DESC";

    if (query->by_row)
        strbuf_printf(b->sql, " ORDER BY %s", run_fields[FIELD_id].name);
    else
        strbuf_printf(b->sql, " ORDER BY %s%s, %s%s", run_fields[FIELD_created_at].name, direction,
                      run_fields[FIELD_id].name, direction);
    strbuf_printf(b->sql, " LIMIT ?%d OFFSET ?%d", b->values->count + 2, b->values->count + 3);
}

tel_error query_sql(struct strbuf *sql, struct query_values *values, const struct run_query *query,
                    tel_fault *fault)
{
    struct builder b = {sql, values, false};
    tel_error error = check(query, fault);

    if (error)
        return error;
    run_sql_select(sql);
    for (int i = 0; i < RUN_FIELD_COUNT; i++)
        compare(&b, i, "=", query->equals[i]);
    has_status(&b, query);
    compare(&b, FIELD_created_at, "<", query->created_before);
    compare(&b, FIELD_created_at, ">", query->created_after);
    compare(&b, FIELD_start_time, ">=", query->start_from);
    compare(&b, FIELD_start_time, "<=", query->start_to);
    compare(&b, FIELD_end_time, ">=", query->end_from);
    compare(&b, FIELD_end_time, "<=", query->end_to);
    begins_with(&b, FIELD_agent_name, query->agent_prefix);
    is_of_commit(&b, query->commit);
    is_called(&b, query->id_prefix);
    has_state(&b, query);
    comes_after(&b, query); /* last: it counts on its number being next */
    put_order(&b, query);
    return strbuf_failed(sql) ? fault_nomem(fault) : TEL_OK;
}
