/* SPDX-License-Identifier: MIT
 *
 * A new database is made from the table of fields, at the present version. Every other step is
 * history: its SQL is written out, and never touched again once it was released.
 */
#include "store/sqlite_migrate.h"

#include <sqlite3.h>

#include "base/cleanup.h"
#include "store/run_sql.h"
#include "store/sqlite.h"
#include "store/summaries_sql.h"

void schema_write_record(struct strbuf *sql)
{
    strbuf_puts(sql, "CREATE TABLE IF NOT EXISTS schema_migrations (\n"
                     "    version INTEGER PRIMARY KEY,\n"
                     "    applied_at TEXT NOT NULL DEFAULT (datetime('now')),\n"
                     "    description TEXT\n"
                     ");\n");
}

void schema_write(struct strbuf *sql)
{
    run_sql_create_table(sql);
    summaries_sql_make(sql);
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
                     ");\n");
    schema_write_record(sql);
}

static int create_all(struct store *store)
{
    CLEANUP(strbuf_clear) struct strbuf sql = STRBUF(SQL_BYTES_MAX);

    schema_write(&sql);
    return strbuf_failed(&sql) ? SQLITE_NOMEM : sqlite_exec(store, sql.text);
}

static const struct migration migrations[] = {
    {SCHEMA_NONE, SCHEMA_NONE, SCHEMA_VERSION, "all tables and indexes", create_all},
    {1, 6, 7, "one table for all versions; times, counts and event ids made good", migrate_to_7},
    {7, 7, 8, "indexes in the order of lists; counts and summaries", migrate_to_8},
};

const struct migration *migration_from(int version)
{
    for (size_t i = 0; i < sizeof migrations / sizeof *migrations; i++) {
        if (version >= migrations[i].first && version <= migrations[i].last)
            return &migrations[i];
    }
    return NULL;
}

int schema_version_of(field_set columns)
{
    static const struct {
        int version;
        field_set brought;
    } marks[] = {
        {7, FIELD_BIT(FIELD_parent_run_id + 1) - 1}, /* made good all columns up to that one */
        {6, FIELD_BIT(FIELD_event_id)},
        {5, FIELD_BIT(FIELD_website)},
        {4, FIELD_BIT(FIELD_git_commit_hash)},
        {3, FIELD_BIT(FIELD_product_family)},
        {2, FIELD_BIT(FIELD_insight_id)},
    };

    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        if ((columns & marks[i].brought) == marks[i].brought)
            return marks[i].version;
    }
    return 1;
}
