/* SPDX-License-Identifier: MIT
 *
 * Which schema a database has, and the way to the present one. Looking comes first and writes
 * nothing, so that a database that is refused stays as it was.
 */
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "store/sqlite_copy.h"
#include "store/sqlite_migrate.h"
#include "store/run_sql.h"
#include "store/sqlite.h"
#include "store/summaries_sql.h"

/* What was found. */
struct schema {
    field_set columns; /* of the table of runs; none: there is no such table */
    int64_t recorded;  /* the highest version in schema_migrations; 0: none */
    int64_t has_job_type_index;
    int64_t summaries; /* how many of what keeps them there is */
};

static int find_columns(struct store *store, field_set *columns)
{
    CLEANUP(statementp_free) struct sqlite3_stmt *statement = NULL;
    int result =
        sqlite3_prepare_v2(store->db, "PRAGMA table_info(agent_runs)", -1, &statement, NULL);

    while (!result && (result = sqlite3_step(statement)) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(statement, 1);
        int index = name ? run_field_find(name) : -1;
        bool is_key = sqlite3_column_int(statement, 5) != 0;

        if (index >= 0 && (index != FIELD_id || is_key))
            *columns |= FIELD_BIT(index);
        result = SQLITE_OK;
    }
    return result == SQLITE_DONE ? SQLITE_OK : result;
}

static int inspect(struct store *store, struct schema *schema)
{
    int64_t has_record;
    int result;

    *schema = (struct schema){0};
    result = find_columns(store, &schema->columns);
    if (!result)
        result = sqlite_query_int(store,
                                  "SELECT count(*) FROM sqlite_schema"
                                  " WHERE type = 'table' AND name = 'schema_migrations'",
                                  &has_record);
    if (!result && has_record)
        result = sqlite_query_int(store, "SELECT max(version) FROM schema_migrations",
                                  &schema->recorded);
    if (!result)
        result = sqlite_query_int(store,
                                  "SELECT count(*) FROM pragma_index_list('agent_runs') AS list,"
                                  " pragma_index_info(list.name) AS info"
                                  " WHERE info.seqno = 0 AND info.name = 'job_type'",
                                  &schema->has_job_type_index);
    if (!result)
        result =
            sqlite_query_int(store,
                             "SELECT count(*) FROM sqlite_schema"
                             " WHERE (tbl_name = 'agent_runs' OR tbl_name GLOB '" SUMMARIES_NAMES
                             "') AND type IN ('index', 'trigger', 'view')"
                             " AND name GLOB '" SUMMARIES_NAMES "'",
                             &schema->summaries);
    return result;
}

static int version_of(const struct schema *schema)
{
    int version;

    if (!schema->columns)
        return SCHEMA_NONE;
    version = schema_version_of(schema->columns);
    if (version == 7 && schema->summaries == SUMMARIES_COUNT)
        return 8; /* columns alone do not tell it from version 7 */
    if (version == 7 && schema->recorded < 7 && !schema->has_job_type_index)
        return 6; /* that index is all that version 7 brought to the service's files */
    return version;
}

tel_error sqlite_schema_check(struct store *store, int *version, tel_fault *fault)
{
    struct schema schema;
    int result = inspect(store, &schema);

    if (result)
        return sqlite_fault(store, result, "read", fault);
    if (schema.recorded > SCHEMA_VERSION)
        return fault_set(fault, TEL_E_SCHEMA,
                         "the database %s was written by a newer version of telemetry (schema "
                         "version %" PRId64 ", this one handles %d); upgrade telemetry",
                         store->path, schema.recorded, SCHEMA_VERSION);
    *version = version_of(&schema);
    if (*version != SCHEMA_NONE && (schema.columns & SCHEMA_COLUMNS_LEAST) != SCHEMA_COLUMNS_LEAST)
        return sqlite_fault(store, SQLITE_ERROR, "use", fault);
    /* Version 7 has all columns: whoever may not bring it up can still write to it. */
    if (schema.columns && !store->options.migrates &&
        (schema.columns != SCHEMA_COLUMNS ||
         (store->options.read_only && *version < SCHEMA_VERSION)))
        return fault_set(
            fault, TEL_E_SCHEMA,
            "the database %s has schema version %d, and this version of telemetry "
            "handles %d; start telemetryd or run \"telemetry list\", which bring it up",
            store->path, *version, SCHEMA_VERSION);
    return TEL_OK;
}

/* ---- Migrating ------------------------------------------------------------------------------- */

static int record_step(struct store *store, const struct migration *migration)
{
    CLEANUP(strbuf_clear) struct strbuf sql = STRBUF(SQL_BYTES_MAX);

    schema_write_record(&sql);
    strbuf_printf(&sql,
                  "INSERT OR IGNORE INTO schema_migrations (version, applied_at, description)"
                  " VALUES (%d, datetime('now'), '%s');\n",
                  migration->to, migration->description);
    return strbuf_failed(&sql) ? SQLITE_NOMEM : sqlite_exec(store, sql.text);
}

static int take_steps(struct store *store, int version)
{
    const struct migration *migration;
    int result = SQLITE_OK;

    while (!result && (migration = migration_from(version)) != NULL) {
        result = migration->apply(store);
        if (!result)
            result = record_step(store, migration);
        version = migration->to;
    }
    return result;
}

static tel_error make_new(struct store *store, tel_fault *fault)
{
    int result = take_steps(store, SCHEMA_NONE);

    if (!result)
        result = sqlite_exec(store, "COMMIT");
    return sqlite_fault(store, result, "set up", fault);
}

/* What a row has that the table no longer takes, only SQLite's own words tell. */
static tel_error step_fault(const struct store *store, int result, int version, tel_fault *fault)
{
    if ((result & 0xff) != SQLITE_CONSTRAINT)
        return sqlite_fault(store, result, "migrate", fault);
    return fault_set(fault, TEL_E_SCHEMA,
                     "the database %s cannot be brought up from schema version %d: %.100s; mend "
                     "that row, or set TELEMETRY_DB_PATH to another file",
                     store->path, version, sqlite3_errmsg(store->db));
}

/* *copy: the file as it was, when it got a name. */
static tel_error bring_up(struct store *store, int version, char **copy, tel_fault *fault)
{
    tel_error error;
    int result;

    log_write(&store->options.log, TEL_LOG_INFO,
              "bringing the database %s up from schema version %d, which may take a while",
              store->path, version);
    error = sqlite_copy_make(store, fault);
    if (error)
        return error;
    error = step_fault(store, take_steps(store, version), version, fault);
    if (!error)
        error = sqlite_copy_name(copy, store, version, fault);
    if (error)
        return error;
    sqlite_begin_wait(store); /* what was done so far may have taken long */
    result = sqlite_exec(store, "COMMIT");
    return sqlite_fault(store, result, "migrate", fault);
}

static tel_error migrate_old(struct store *store, int version, tel_fault *fault)
{
    CLEANUP(freep) char *copy = NULL;
    tel_error error = bring_up(store, version, &copy, fault);

    if (error)
        sqlite_copy_remove(store, copy);
    else
        log_write(&store->options.log, TEL_LOG_WARNING,
                  "the database %s was brought from schema version %d to %d; as it was, it is kept "
                  "as %s",
                  store->path, version, SCHEMA_VERSION, copy);
    return error;
}

tel_error sqlite_schema_migrate(struct store *store, tel_fault *fault)
{
    int result = sqlite_exec(store, "BEGIN IMMEDIATE");
    tel_error error = sqlite_fault(store, result, "set up", fault);
    int version = SCHEMA_NONE;

    if (error)
        return error;
    error = sqlite_schema_check(store, &version, fault); /* somebody may have been faster */
    if (!error && version == SCHEMA_NONE)
        error = make_new(store, fault);
    else if (!error && version < SCHEMA_VERSION)
        error = migrate_old(store, version, fault);
    if (!sqlite3_get_autocommit(store->db))
        (void)sqlite_exec(store, "ROLLBACK"); /* if it fails, the connection is closed anyway */
    return error;
}

char *store_schema_sql(void)
{
    CLEANUP(strbuf_clear) struct strbuf sql = STRBUF(SQL_BYTES_MAX);

    schema_write(&sql);
    return strbuf_take(&sql);
}
