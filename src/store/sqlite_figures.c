/* SPDX-License-Identifier: MIT
 *
 * What can be said about all runs at once, from what is kept of them.
 */
#include <inttypes.h>
#include <sqlite3.h>
#include <string.h>

#include "base/cleanup.h"
#include "store/run_sql.h"
#include "store/sqlite.h"
#include "store/summaries_sql.h"

/* ---- Different values ------------------------------------------------------------------------ */

/* The values that spans have: the next larger one is asked for again and again, so that the cost grows
 * with the values, not with the runs. Those that a span may have lost are looked for in it, and those
 * of the last, which is open, too. */
static void put_values_of_spans(struct strbuf *sql, int field)
{
    const char *name = run_fields[field].name;

    strbuf_printf(sql,
                  "WITH RECURSIVE found (value) AS"
                  " (SELECT min(value) FROM telemetry_span_values WHERE field = '%s' UNION ALL"
                  " SELECT (SELECT min(value) FROM telemetry_span_values WHERE field = '%s'"
                  " AND value > found.value) FROM found WHERE value IS NOT NULL)"
                  " SELECT value FROM found WHERE value IS NOT NULL AND EXISTS"
                  " (SELECT 1 FROM telemetry_span_values AS kept CROSS JOIN telemetry_spans AS span"
                  " ON span.since >= kept.since AND span.since < kept.until"
                  " WHERE kept.field = '%s' AND kept.value = found.value"
                  " AND (span.is_exact OR EXISTS"
                  " (SELECT 1 FROM agent_runs INDEXED BY telemetry_created_at"
                  " WHERE created_at >= span.since AND created_at < " END_OF_SPAN(
                      "span.since") " AND %s = found.value)))",
                  name, name, name, name);
    strbuf_printf(sql,
                  " UNION SELECT %s FROM agent_runs INDEXED BY telemetry_created_at WHERE"
                  " created_at >= " LAST_SPAN " AND %s IS NOT NULL",
                  name, name);
}

static void put_values(struct strbuf *sql, int field)
{
    if (field == FIELD_agent_name || field == FIELD_status)
        summaries_sql_counted(sql, run_fields[field].name);
    else
        put_values_of_spans(sql, field);
    strbuf_puts(sql, " ORDER BY 1");
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

    if (!(run_fields[field].access & CATEGORY))
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

/* How many runs an agent has in a status, and how many of them were not exported. Whoever writes to
 * version 7 without bringing it up has to count them. */
static const char kept_counts[] = "SELECT agent_name, status, runs, unposted FROM telemetry_totals"
                                  " WHERE runs > 0 ORDER BY agent_name, status";
static const char new_counts[] = "SELECT agent_name, status, count(*), sum(api_posted IS 0)"
                                 " FROM agent_runs GROUP BY agent_name, status";

static void add(struct run_figures *figures, const struct run_count *count, int64_t unposted)
{
    int64_t *counter = counter_of(&figures->stats, count->status);

    figures->stats.total += count->count;
    if (counter)
        *counter += count->count;
    if (*count->status && strcmp(count->status, TEL_RUNNING) != 0)
        figures->stats.pending_api_posts += unposted;
    if (figures->each)
        figures->each(figures->arg, count);
}

static int count_by_agent(struct store *store, struct run_figures *figures)
{
    CLEANUP(statementp_free) struct sqlite3_stmt *statement = NULL;
    int result = sqlite3_prepare_v2(store->db, store->has_summaries ? kept_counts : new_counts, -1,
                                    &statement, NULL);

    while (!result && (result = sqlite3_step(statement)) == SQLITE_ROW) {
        const struct run_count count = {
            .agent_name = text_of(statement, 0),
            .status = text_of(statement, 1),
            .count = sqlite3_column_int64(statement, 2),
        };

        add(figures, &count, sqlite3_column_int64(statement, 3));
        result = SQLITE_OK;
    }
    return result == SQLITE_DONE ? SQLITE_OK : result;
}

/* Of closed spans it is known how many runs they have; those of the one that the time lies in are counted,
 * and those of the last. */
#define RUNS_FROM                                                      \
    "(SELECT count(*) FROM agent_runs INDEXED BY telemetry_created_at" \
    " WHERE created_at >= "
#define OF_THE_SAME_SPAN " AND created_at < " END_OF_SPAN("?1") ")"
static const char kept_recent[] =
    "SELECT (SELECT coalesce(sum(runs), 0) FROM telemetry_spans WHERE since > ?1)"
    " + " RUNS_FROM "?1" OF_THE_SAME_SPAN " + " RUNS_FROM LAST_SPAN " AND " LAST_SPAN " > ?1)";
static const char new_recent[] = "SELECT count(*) FROM agent_runs WHERE created_at >= ?1";

static int count_recent(struct store *store, struct run_figures *figures)
{
    CLEANUP(statementp_free) struct sqlite3_stmt *statement = NULL;
    int result = sqlite3_prepare_v2(store->db, store->has_summaries ? kept_recent : new_recent, -1,
                                    &statement, NULL);

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
    if (!result && figures->since)
        result = count_recent(store, figures);
    error = sqlite_fault(store, result, "read", fault);
    sqlite_end_reading(store);
    return error;
}

tel_error store_stats(struct store *store, tel_run_stats *stats, tel_fault *fault)
{
    struct run_figures figures = {0};
    tel_error error = store_figures(store, &figures, fault);

    *stats = figures.stats;
    return error;
}
