/* SPDX-License-Identifier: MIT
 *
 * A new database is made from the table of fields, at the present version. Every other step is
 * history: its SQL is written out, and never touched again once it was released.
 */
#include "store/migrate.h"

#include "store/run_sql.h"

#define SQL_MIGRATIONS_TABLE                                    \
    "CREATE TABLE IF NOT EXISTS schema_migrations (\n"          \
    "    version INTEGER PRIMARY KEY,\n"                        \
    "    applied_at TEXT NOT NULL DEFAULT (datetime('now')),\n" \
    "    description TEXT\n"                                    \
    ");\n"

static void create_all(struct strbuf *sql)
{
    run_sql_create_table(sql);
    run_sql_create_indexes(sql);
    strbuf_puts(sql, "CREATE TABLE IF NOT EXISTS run_events (\n"
                     "    id INTEGER PRIMARY KEY AUTOINCREMENT,\n"
                     "    run_id TEXT NOT NULL,\n"
                     "    event_type TEXT NOT NULL,\n"
                     "    timestamp TEXT NOT NULL,\n"
                     "    payload_json TEXT\n"
                     ");\n"
                     "CREATE TABLE IF NOT EXISTS commits (\n"
                     "    commit_hash TEXT PRIMARY KEY,\n"
                     "    run_id TEXT,\n"
                     "    agent_name TEXT,\n"
                     "    repo TEXT,\n"
                     "    branch TEXT,\n"
                     "    commit_date TEXT,\n"
                     "    author TEXT,\n"
                     "    message TEXT,\n"
                     "    files_changed INTEGER,\n"
                     "    insertions INTEGER,\n"
                     "    deletions INTEGER,\n"
                     "    created_at TEXT DEFAULT (datetime('now'))\n"
                     ");\n" SQL_MIGRATIONS_TABLE);
}

static void index_job_type(struct strbuf *sql)
{
    strbuf_puts(
        sql,
        "CREATE INDEX IF NOT EXISTS idx_runs_job_type ON agent_runs (job_type);\n" SQL_MIGRATIONS_TABLE);
}

static const struct migration migrations[] = {
    {SCHEMA_NONE, SCHEMA_VERSION, "all tables and indexes", create_all},
    {6, 7, "index on job_type", index_job_type},
};

const struct migration *migration_from(int version)
{
    for (size_t i = 0; i < sizeof migrations / sizeof *migrations; i++) {
        if (migrations[i].from == version)
            return &migrations[i];
    }
    return NULL;
}

int schema_version_of(field_set columns)
{
    static const struct {
        int version;
        int field; /* that it brought */
    } marks[] = {
        {6, FIELD_event_id},       {5, FIELD_website},    {4, FIELD_git_commit_hash},
        {3, FIELD_product_family}, {2, FIELD_insight_id},
    };

    if (columns == SCHEMA_COLUMNS)
        return SCHEMA_VERSION;
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        if (columns & FIELD_BIT(marks[i].field))
            return marks[i].version;
    }
    return 1;
}
