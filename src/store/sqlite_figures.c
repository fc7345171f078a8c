/* SPDX-License-Identifier: MIT
 *
 * What can be said about all runs at once. Each question is put so that an index alone answers it.
 */
#include <inttypes.h>
#include <sqlite3.h>
#include <string.h>

#include "base/cleanup.h"
#include "store/run_sql.h"
#include "store/sqlite.h"

/* ---- Different values ------------------------------------------------------------------------ */

/* Ask for the next larger value again and again: the cost grows with the values, not with the runs.
 * Without an index each step would read the whole table, and one pass over it is the better way. */
static void put_values(struct strbuf *sql, int field)
{
    const char *name = run_fields[field].name;

    if (run_sql_has_index(field))
        strbuf_printf(sql,
                      "WITH RECURSIVE found (value) AS (SELECT min(%s) FROM agent_runs UNION ALL"
                      " SELECT (SELECT min(%s) FROM agent_runs WHERE %s > value) FROM found"
                      " WHERE value IS NOT NULL)"
                      " SELECT value FROM found WHERE value IS NOT NULL",
                      name, name, name);
    else
        strbuf_printf(sql, "SELECT DISTINCT %s FROM agent_runs WHERE %s IS NOT NULL ORDER BY 1",
                      name, name);
}

static int hand_on_values(struct store *store, int field, tel_text_fn *each, void *arg)
{
    CLEANUP(strbuf_clear) struct strbuf sql = STRBUF(SQL_BYTES_MAX);
    CLEANUP(statementp_free) struct sqlite3_stmt *statement = NULL;
    int result;

    put_values(&sql, field);
    result = sqlite_prepare(&statement, store, &sql);
    while (!result && (result = sqlite3_step(statement)) == SQLITE_ROW) {
        const char *value = (const char *)sqlite3_column_text(statement, 0);

        if (each(arg, value ? value : ""))
            return SQLITE_OK;
        result = SQLITE_OK;
    }
    return result == SQLITE_DONE ? SQLITE_OK : result;
}

tel_error store_values(struct store *store, int field, tel_text_fn *each, void *arg,
                       tel_fault *fault)
{
    tel_error error;

    if (field < 0 || field >= RUN_FIELD_COUNT || !(run_fields[field].access & CATEGORY))
        return fault_set(fault, TEL_E_INVALID, "the values of this field are not listed");
    error = sqlite_ready(store, fault);
    if (error)
        return error;
    return sqlite_fault(store, hand_on_values(store, field, each, arg), "read", fault);
}

/* ---- Counts ---------------------------------------------------------------------------------- */

/* Find the member of the statistics that counts runs of a status. NULL: only the total does. */
static int64_t *counter_of(tel_run_stats *stats, const char *status)
{
    const struct {
        const char *status;
        int64_t *counter;
    } counters[] = {
        {TEL_RUNNING, &stats->running}, {TEL_SUCCESS, &stats->success},
        {TEL_FAILURE, &stats->failure}, {TEL_PARTIAL, &stats->partial},
        {TEL_TIMEOUT, &stats->timeout}, {TEL_CANCELLED, &stats->cancelled},
    };

    for (size_t i = 0; i < sizeof counters / sizeof *counters; i++) {
        if (strcmp(counters[i].status, status) == 0)
            return counters[i].counter;
    }
    return NULL;
}

static const char *text_of(struct sqlite3_stmt *statement, int column)
{
    const char *text = (const char *)sqlite3_column_text(statement, column);

    return text ? text : "";
}

static int count_by_agent(struct store *store, struct run_figures *figures)
{
    CLEANUP(strbuf_clear) struct strbuf sql = STRBUF(SQL_BYTES_MAX);
    CLEANUP(statementp_free) struct sqlite3_stmt *statement = NULL;
    const char *agent = run_fields[FIELD_agent_name].name;
    const char *status = run_fields[FIELD_status].name;
    int result;

    strbuf_printf(&sql, "SELECT %s, %s, count(*) FROM agent_runs GROUP BY %s, %s", agent, status,
                  agent, status);
    result = sqlite_prepare(&statement, store, &sql);
    while (!result && (result = sqlite3_step(statement)) == SQLITE_ROW) {
        const struct run_count count = {
            .agent_name = text_of(statement, 0),
            .status = text_of(statement, 1),
            .count = sqlite3_column_int64(statement, 2),
        };
        int64_t *counter = counter_of(&figures->stats, count.status);

        figures->stats.total += count.count;
        if (counter)
            *counter += count.count;
        if (figures->each)
            figures->each(figures->arg, &count);
        result = SQLITE_OK;
    }
    return result == SQLITE_DONE ? SQLITE_OK : result;
}

/* All that were not exported, less those that have not ended: few, and found by their status (the
 * '+' keeps SQLite from the other index, and an OR would keep it from any). */
static int count_pending(struct store *store, int64_t *count)
{
    CLEANUP(strbuf_clear) struct strbuf sql = STRBUF(SQL_BYTES_MAX);
    const char *posted = run_fields[FIELD_api_posted].name;
    const char *status = run_fields[FIELD_status].name;

    strbuf_printf(&sql,
                  "SELECT (SELECT count(*) FROM agent_runs WHERE %s = 0)"
                  " - (SELECT count(*) FROM agent_runs WHERE %s = '" TEL_RUNNING "' AND +%s = 0)"
                  " - (SELECT count(*) FROM agent_runs WHERE %s IS NULL AND +%s = 0)",
                  posted, status, posted, status, posted);
    return strbuf_failed(&sql) ? SQLITE_NOMEM : sqlite_query_int(store, sql.text, count);
}

static int count_recent(struct store *store, struct run_figures *figures)
{
    CLEANUP(strbuf_clear) struct strbuf sql = STRBUF(SQL_BYTES_MAX);
    CLEANUP(statementp_free) struct sqlite3_stmt *statement = NULL;
    int result;

    strbuf_printf(&sql, "SELECT count(*) FROM agent_runs WHERE %s >= ?1",
                  run_fields[FIELD_created_at].name);
    result = sqlite_prepare(&statement, store, &sql);
    if (!result)
        result = sqlite3_bind_text(statement, 1, figures->since, -1, SQLITE_STATIC);
    if (result)
        return result;
    result = sqlite3_step(statement);
    if (result != SQLITE_ROW)
        return result;
    figures->recent = sqlite3_column_int64(statement, 0);
    return SQLITE_OK;
}

tel_error store_figures(struct store *store, struct run_figures *figures, tel_fault *fault)
{
    tel_error error = sqlite_ready(store, fault);
    int result;

    figures->stats = (tel_run_stats){0};
    figures->recent = 0;
    if (error)
        return error;
    result = sqlite_begin(store); /* all counts are of one moment */
    if (!result)
        result = count_by_agent(store, figures);
    if (!result)
        result = count_pending(store, &figures->stats.pending_api_posts);
    if (!result && figures->since)
        result = count_recent(store, figures);
    error = sqlite_fault(store, result, "read", fault);
    if (!sqlite3_get_autocommit(store->db))
        (void)sqlite_exec(store, "ROLLBACK"); /* nothing was written */
    return error;
}

tel_error store_stats(struct store *store, tel_run_stats *stats, tel_fault *fault)
{
    struct run_figures figures = {0};
    tel_error error = store_figures(store, &figures, fault);

    *stats = figures.stats;
    return error;
}
