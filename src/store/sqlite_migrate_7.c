/* SPDX-License-Identifier: MIT
 *
 * Versions 1 to 6 had one table for the library and another for the service, and columns that came
 * one by one, not always all. So the way does not go from version to version: whatever columns are
 * there, the table is made anew as version 7 has it. This is history: it stays when the table of
 * fields goes on.
 */
#include <sqlite3.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/uuid.h"
#include "store/sqlite_migrate.h"
#include "store/sqlite_rebuild.h"
#include "store/run_sql.h"
#include "store/sqlite.h"

#define UNKNOWN_TIME "'1970-01-01T00:00:00.000000+00:00'"

/* A counter, and a time; what was null or negative was never meant. */
#define COUNT(name)                                                                       \
    {                                                                                     \
#name, "INTEGER DEFAULT 0 CHECK (" #name " >= 0)",                                \
            "CASE WHEN " #name " IS NULL OR " #name " < 0 THEN 0 ELSE " #name " END", "0" \
    }
#define TEXT(name)                \
    {                             \
#name, "TEXT", NULL, NULL \
    }
#define TIME(name)                                 \
    {                                              \
#name, "TEXT", "tel_time(" #name ")", NULL \
    }

/* clang-format off */
static const struct rebuilt_column run_columns[] = {
    /* The row number, which is the id where there is one, and what an index of somebody else's for
     * full text refers to. */
    {"id", "INTEGER PRIMARY KEY AUTOINCREMENT", "rowid", "rowid"},
    {"event_id", "TEXT NOT NULL UNIQUE", "coalesce(nullif(event_id, ''), tel_uuid())", "tel_uuid()"},
    {"run_id", "TEXT NOT NULL", "coalesce(run_id, 'unknown')", NULL}, /* a primary key may be null */
    {"schema_version", "INTEGER", NULL, NULL},
    {"created_at", "TEXT NOT NULL DEFAULT (datetime('now'))",
     "tel_time(coalesce(created_at, start_time, " UNKNOWN_TIME "))",
     "tel_time(coalesce(start_time, " UNKNOWN_TIME "))"},
    {"updated_at", "TEXT DEFAULT (datetime('now'))", "tel_time(updated_at)", NULL},
    {"start_time", "TEXT NOT NULL", "tel_time(coalesce(start_time, " UNKNOWN_TIME "))", NULL},
    TIME(end_time),
    {"agent_name", "TEXT NOT NULL", "coalesce(agent_name, 'unknown')", NULL},
    TEXT(agent_owner),
    {"job_type", "TEXT NOT NULL", "coalesce(job_type, 'unknown')", "'unknown'"},
    {"status", "TEXT NOT NULL DEFAULT 'running' CHECK (status IN ('running', 'success', 'failure',"
               " 'partial', 'timeout', 'cancelled'))", "coalesce(status, 'running')", "'running'"},
    TEXT(product),
    TEXT(product_family),
    TEXT(platform),
    TEXT(subdomain),
    TEXT(website),
    TEXT(website_section),
    TEXT(item_name),
    COUNT(items_discovered),
    COUNT(items_succeeded),
    COUNT(items_failed),
    COUNT(items_skipped),
    COUNT(duration_ms),
    TEXT(input_summary),
    TEXT(output_summary),
    TEXT(source_ref),
    TEXT(target_ref),
    TEXT(error_summary),
    TEXT(error_details),
    TEXT(git_repo),
    TEXT(git_branch),
    TEXT(git_run_tag),
    TEXT(git_commit_hash),
    TEXT(git_commit_source),
    TEXT(git_commit_author),
    TEXT(git_commit_timestamp),
    TEXT(host),
    TEXT(environment),
    TEXT(trigger_type),
    TEXT(metrics_json),
    TEXT(context_json),
    {"api_posted", "INTEGER DEFAULT 0",
     "CASE WHEN api_posted IS NULL OR api_posted < 0 THEN 0 ELSE api_posted END", "0"},
    TEXT(api_posted_at),
    COUNT(api_retry_count),
    TEXT(insight_id),
    TEXT(parent_run_id),
};

static const struct rebuilt_column event_columns[] = {
    {"id", "INTEGER PRIMARY KEY AUTOINCREMENT", NULL, NULL},
    {"run_id", "TEXT NOT NULL", NULL, NULL},
    {"event_type", "TEXT NOT NULL", NULL, NULL},
    {"timestamp", "TEXT NOT NULL", NULL, NULL},
    TEXT(payload_json),
};

static const struct rebuilt_column commit_columns[] = {
    {"commit_hash", "TEXT PRIMARY KEY", NULL, NULL},
    TEXT(run_id),
    TEXT(agent_name),
    TEXT(repo),
    TEXT(branch),
    TEXT(commit_date),
    TEXT(author),
    TEXT(message),
    {"files_changed", "INTEGER", NULL, NULL},
    {"insertions", "INTEGER", NULL, NULL},
    {"deletions", "INTEGER", NULL, NULL},
    {"created_at", "TEXT DEFAULT (datetime('now'))", NULL, NULL},
};
/* clang-format on */

#define TABLE(name, columns)                               \
    {                                                      \
        name, columns, sizeof(columns) / sizeof *(columns) \
    }
static const struct rebuilt_table runs = TABLE("agent_runs", run_columns);
static const struct rebuilt_table others[] = {
    TABLE("run_events", event_columns),
    TABLE("commits", commit_columns),
};

/* The columns of the indexes; some files have them under other names. */
static const struct {
    const char *name;
    const char *columns;
} indexes[] = {
    {"idx_runs_event_id", "event_id"},
    {"idx_runs_agent_name", "agent_name"},
    {"idx_runs_status", "status"},
    {"idx_runs_start_time", "start_time"},
    {"idx_runs_created_at", "created_at DESC"},
    {"idx_runs_agent_name_status_created_at", "agent_name, status, created_at DESC"},
    {"idx_runs_agent_name_created_at", "agent_name, created_at DESC"},
    {"idx_runs_job_type", "job_type"},
    {"idx_runs_parent_run_id", "parent_run_id"},
    {"idx_runs_api_posted", "api_posted"},
    {"idx_runs_insight_id", "insight_id"},
    {"idx_runs_git_commit_hash", "git_commit_hash"},
    {"idx_runs_website", "website"},
    {"idx_runs_website_website_section", "website, website_section"},
};

/* ---- Functions for SQL ----------------------------------------------------------------------- */

/* A time in stored form; what is no time stays what it is. */
static void make_time(sqlite3_context *context, int count, sqlite3_value **values)
{
    const char *text = (const char *)sqlite3_value_text(values[0]);
    char stored[TEL_TIMESTAMP_SIZE];
    int64_t us;

    (void)count;
    if (!text || !timestamp_parse(&us, text)) {
        sqlite3_result_value(context, values[0]);
        return;
    }
    timestamp_format(stored, us);
    sqlite3_result_text(context, stored, -1, SQLITE_TRANSIENT);
}

static void make_uuid(sqlite3_context *context, int count, sqlite3_value **values)
{
    char uuid[UUID_SIZE];

    (void)count;
    (void)values;
    uuid_make(uuid);
    sqlite3_result_text(context, uuid, -1, SQLITE_TRANSIENT);
}

static int add_functions(struct store *store)
{
    int flags = SQLITE_UTF8 | SQLITE_DIRECTONLY;
    int result = sqlite3_create_function_v2(store->db, "tel_time", 1, flags | SQLITE_DETERMINISTIC,
                                            NULL, make_time, NULL, NULL, NULL);

    return result ? result
                  : sqlite3_create_function_v2(store->db, "tel_uuid", 0, flags, NULL, make_uuid,
                                               NULL, NULL, NULL);
}

/* ---- The migration --------------------------------------------------------------------------- */

/* A run_id may now come twice, so nothing can refer to it as to a key. */
static int free_of_foreign_key(struct store *store, const struct rebuilt_table *table)
{
    CLEANUP(strbuf_clear) struct strbuf sql = STRBUF(SQL_BYTES_MAX);
    int64_t keys;
    int result;

    strbuf_printf(&sql,
                  "SELECT count(*) FROM pragma_foreign_key_list('%s')"
                  " WHERE \"table\" = 'agent_runs' COLLATE NOCASE",
                  table->name);
    if (strbuf_failed(&sql))
        return SQLITE_NOMEM;
    result = sqlite_query_int(store, sql.text, &keys);
    return result || !keys ? result : table_rebuild(store, table);
}

static int index_where_missing(struct store *store, const char *name, const char *columns)
{
    CLEANUP(strbuf_clear) struct strbuf sql = STRBUF(SQL_BYTES_MAX);
    int64_t same;
    int result;

    strbuf_printf(&sql,
                  "SELECT count(*) FROM pragma_index_list('agent_runs') AS list"
                  " WHERE list.origin = 'c' AND list.partial = 0 AND '%s' ="
                  " (SELECT group_concat(coalesce(name, '?') || iif(\"desc\", ' DESC', ''), ', ')"
                  " FROM pragma_index_xinfo(list.name) WHERE key)",
                  columns);
    if (strbuf_failed(&sql))
        return SQLITE_NOMEM;
    result = sqlite_query_int(store, sql.text, &same);
    if (result || same)
        return result;
    strbuf_reset(&sql);
    strbuf_printf(&sql, "CREATE INDEX IF NOT EXISTS %s ON agent_runs (%s)", name, columns);
    return strbuf_failed(&sql) ? SQLITE_NOMEM : sqlite_exec(store, sql.text);
}

int migrate_to_7(struct store *store)
{
    int result = add_functions(store);

    if (!result)
        result = table_rebuild(store, &runs);
    for (size_t i = 0; i < sizeof indexes / sizeof *indexes && !result; i++)
        result = index_where_missing(store, indexes[i].name, indexes[i].columns);
    for (size_t i = 0; i < sizeof others / sizeof *others && !result; i++) {
        result = free_of_foreign_key(store, &others[i]);
        if (!result)
            result = table_make(store, &others[i]);
    }
    return result;
}
