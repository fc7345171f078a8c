/* SPDX-License-Identifier: MIT
 *
 * The database as other programs see it: what a new one looks like, which existing ones are taken,
 * and that what is refused is left as it was.
 */
#include "support/cmocka_all.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "model/status.h"
#include "store/run_sql.h"
#include "store/summaries_sql.h"
#include "support/database.h"
#include "support/scratch.h"

/* The service's table as it was written out by hand before there was a table of fields. */
#define RUNS_BY_HAND                                                                           \
    "CREATE TABLE agent_runs (id INTEGER PRIMARY KEY AUTOINCREMENT, event_id TEXT NOT NULL"    \
    " UNIQUE, run_id TEXT NOT NULL, schema_version INTEGER, created_at TEXT NOT NULL DEFAULT"  \
    " (datetime('now')), updated_at TEXT DEFAULT (datetime('now')), start_time TEXT NOT NULL," \
    " end_time TEXT, agent_name TEXT NOT NULL, agent_owner TEXT, job_type TEXT NOT NULL,"      \
    " status TEXT NOT NULL DEFAULT 'running' CHECK (status IN ('running', 'success',"          \
    " 'failure', 'partial', 'timeout', 'cancelled')), product TEXT, product_family TEXT,"      \
    " platform TEXT, subdomain TEXT, website TEXT, website_section TEXT, item_name TEXT,"      \
    " items_discovered INTEGER DEFAULT 0 CHECK (items_discovered >= 0), items_succeeded"       \
    " INTEGER DEFAULT 0 CHECK (items_succeeded >= 0), items_failed INTEGER DEFAULT 0 CHECK"    \
    " (items_failed >= 0), items_skipped INTEGER DEFAULT 0 CHECK (items_skipped >= 0),"        \
    " duration_ms INTEGER DEFAULT 0 CHECK (duration_ms >= 0), input_summary TEXT,"             \
    " output_summary TEXT, source_ref TEXT, target_ref TEXT, error_summary TEXT,"              \
    " error_details TEXT, git_repo TEXT, git_branch TEXT, git_run_tag TEXT, git_commit_hash"   \
    " TEXT, git_commit_source TEXT, git_commit_author TEXT, git_commit_timestamp TEXT,"        \
    " host TEXT, environment TEXT, trigger_type TEXT, metrics_json TEXT, context_json TEXT,"   \
    " api_posted INTEGER DEFAULT 0, api_posted_at TEXT, api_retry_count INTEGER DEFAULT 0"     \
    " CHECK (api_retry_count >= 0), insight_id TEXT, parent_run_id TEXT);"

#define RUN_BY_HAND                                                                       \
    "INSERT INTO agent_runs (event_id, run_id, agent_name, job_type, start_time, status)" \
    " VALUES ('by-hand', 'r', 'old', 'j', '2024-01-01 10:00:00', 'running');"

/* ---- A new database -------------------------------------------------------------------------- */

struct column {
    char type[16];
    char initial[40];
    bool not_null;
    bool found;
};

static void read_columns(const char *path, struct column columns[RUN_FIELD_COUNT])
{
    sqlite3 *db = NULL;
    sqlite3_stmt *statement = NULL;

    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "PRAGMA table_info(agent_runs)", -1, &statement, NULL),
                     SQLITE_OK);
    for (int i = 0; sqlite3_step(statement) == SQLITE_ROW; i++) {
        const char *initial = (const char *)sqlite3_column_text(statement, 4);

        assert_true(i < RUN_FIELD_COUNT);
        assert_string_equal(sqlite3_column_text(statement, 1), run_fields[i].name);
        (void)snprintf(columns[i].type, sizeof columns[i].type, "%s",
                       sqlite3_column_text(statement, 2));
        (void)snprintf(columns[i].initial, sizeof columns[i].initial, "%s", initial ? initial : "");
        columns[i].not_null = sqlite3_column_int(statement, 3) != 0;
        columns[i].found = true;
    }
    assert_int_equal(sqlite3_finalize(statement), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static bool is_required_column(int index)
{
    switch (index) {
    case FIELD_event_id:
    case FIELD_run_id:
    case FIELD_created_at:
    case FIELD_start_time:
    case FIELD_agent_name:
    case FIELD_job_type:
    case FIELD_status:
        return true;
    default:
        return false;
    }
}

static const char *expected_initial(int index)
{
    switch (index) {
    case FIELD_created_at:
    case FIELD_updated_at:
        return "datetime('now')";
    case FIELD_status:
        return "'running'";
    case FIELD_api_posted:
        return "0";
    default:
        return run_fields[index].kind == KIND_COUNT ? "0" : "";
    }
}

static void new_database__has_every_field_as_a_column_in_order(void **state)
{
    struct fixture *fixture = *state;
    struct column columns[RUN_FIELD_COUNT] = {0};

    fixture_open(fixture);
    read_columns(fixture->path, columns);
    for (int i = 0; i < RUN_FIELD_COUNT; i++) {
        assert_true(columns[i].found);
        assert_string_equal(columns[i].type, kind_is_text(run_fields[i].kind) ? "TEXT" : "INTEGER");
        assert_string_equal(columns[i].initial, expected_initial(i));
        assert_int_equal(columns[i].not_null, is_required_column(i));
    }
}

/* SQLite keeps a table's text as it was given, but for blanks between words that differ. */
static void squeeze(char *text)
{
    char *out = text;

    for (const char *c = text; *c; c++) {
        if (*c != ' ' && *c != '\n')
            *out++ = *c;
    }
    *out = '\0';
}

static void new_database__has_the_table_that_existing_programs_know(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(freep) char *made = NULL;
    char by_hand[] = RUNS_BY_HAND;

    fixture_open(fixture);
    made = other_text(fixture->path, "SELECT sql FROM sqlite_schema WHERE name = 'agent_runs'");
    squeeze(made);
    squeeze(by_hand);
    by_hand[strlen(by_hand) - 1] = '\0'; /* the semicolon */
    assert_string_equal(made, by_hand);
}

static void new_database__has_the_indexes_and_triggers_of_version_8(void **state)
{
    struct fixture *fixture = *state;

    fixture_open(fixture);
    assert_int_equal(other_int(fixture->path,
                               "SELECT count(*) FROM sqlite_schema WHERE"
                               " name GLOB 'telemetry_*' AND type IN ('index', 'trigger', 'view')"),
                     SUMMARIES_COUNT);
    assert_int_equal(other_int(fixture->path,
                               "SELECT count(*) FROM pragma_index_list('agent_runs')"),
                     9); /* with that of UNIQUE */
}

static void new_database__has_the_other_tables_and_records_its_version(void **state)
{
    struct fixture *fixture = *state;

    fixture_open(fixture);
    other_exec(fixture->path,
               "INSERT INTO run_events (run_id, event_type, timestamp, payload_json)"
               " VALUES ('r', 'page', '2025-01-01', '{}');"
               "INSERT INTO commits (commit_hash, run_id, agent_name, repo, branch, commit_date,"
               " author, message, files_changed, insertions, deletions)"
               " VALUES ('abc', 'r', 'a', 'repo', 'main', 'd', 'au', 'm', 1, 2, 3);");
    assert_int_equal(other_int(fixture->path,
                               "SELECT count(*) FROM commits WHERE created_at IS NOT NULL"),
                     1);
    assert_int_equal(other_int(fixture->path, "SELECT max(version) FROM schema_migrations"
                                              " WHERE applied_at IS NOT NULL"),
                     SCHEMA_VERSION);
}

static void new_database__belongs_to_its_owner_whatever_the_umask_is(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(freep) char *directory = scratch_path(fixture->directory, "db");
    mode_t umask_before = umask(0);
    struct stat status;

    fixture_open(fixture);
    (void)umask(umask_before);
    assert_int_equal(stat(fixture->path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    assert_int_equal(stat(directory, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0700);
}

static void new_database__is_shared_with_the_group_when_asked(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(freep) char *directory = scratch_path(fixture->directory, "db");
    mode_t umask_before = umask(0077);
    struct stat status;

    fixture->options.group_access = true;
    fixture_open(fixture);
    (void)umask(umask_before);
    assert_int_equal(stat(fixture->path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0660);
    assert_int_equal(stat(directory, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0770);
}

static int open_and_insert(void *arg, size_t number)
{
    struct fixture *fixture = arg;
    struct store *store;
    CLEANUP(record_clear) struct tel_record record = RECORD();
    struct write write = {.kind = WRITE_CREATE, .record = &record};
    struct write *writes[] = {&write};
    char event_id[20];
    tel_fault fault;

    (void)snprintf(event_id, sizeof event_id, "e%zu", number);
    make_run(&record, event_id, TEL_RUNNING);
    if (store_open(&store, &fixture->options, &fault) || store_apply(store, writes, 1, &fault)) {
        (void)fprintf(stderr, "%s\n", fault.text);
        return 1;
    }
    store_close(store);
    return write.result == WRITE_CREATED ? 0 : 1;
}

static void new_database__is_made_once_when_many_processes_open_it(void **state)
{
    static const char *const modes[] = {"DELETE", "WAL"};
    struct fixture *fixture = *state;

    for (size_t i = 0; i < 2; i++) {
        fixture->options.journal_mode = modes[i];
        assert_int_equal(run_processes(8, open_and_insert, fixture), 8);
        assert_int_equal(other_int(fixture->path, "SELECT count(*) FROM agent_runs"), 8);
        assert_int_equal(other_int(fixture->path, "SELECT count(*) FROM schema_migrations"), 1);
        assert_int_equal(unlink(fixture->path), 0);
    }
}

static void store_schema_sql__makes_the_tables_of_a_new_database(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(freep) char *sql = store_schema_sql();
    CLEANUP(freep) char *path = scratch_path(fixture->directory, "printed.sqlite");
    static const char all[] = "SELECT group_concat(sql, '|') FROM sqlite_schema";
    CLEANUP(freep) char *printed = NULL;
    CLEANUP(freep) char *made = NULL;

    fixture_open(fixture);
    other_exec(path, sql);
    printed = other_text(path, all);
    made = other_text(fixture->path, all);
    assert_string_equal(printed, made);
}

/* ---- Existing databases ---------------------------------------------------------------------- */

static void make_directory(struct fixture *fixture)
{
    CLEANUP(freep) char *directory = scratch_path(fixture->directory, "db");

    assert_int_equal(mkdir(directory, 0700), 0);
}

static void existing_database__goes_on_being_used_by_other_programs(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(record_clear) struct tel_record record = RECORD();
    CLEANUP(freep) char *status = NULL;
    struct store *store;

    make_directory(fixture);
    other_exec(fixture->path,
               RUNS_BY_HAND "CREATE INDEX idx_jobs ON agent_runs (job_type);" RUN_BY_HAND);
    store = fixture_open(fixture);
    assert_int_equal(store_get(store, "by-hand", &record, NULL), TEL_OK);
    assert_string_equal(record_text(&record, FIELD_start_time), "2024-01-01 10:00:00");
    assert_int_equal(create_run(store, "by-us", TEL_SUCCESS), WRITE_CREATED);
    assert_int_equal(other_int(fixture->path, "SELECT count(*) FROM agent_runs"
                                              " WHERE api_posted = 0 AND status != 'running'"
                                              " AND created_at >= datetime('now', '-1 day')"),
                     1);
    other_exec(fixture->path, "UPDATE agent_runs SET status = 'failure' WHERE event_id = 'by-us'");
    assert_int_equal(create_run(store, "by-us", TEL_SUCCESS), WRITE_DUPLICATE);
    status = other_text(fixture->path, "SELECT status FROM agent_runs WHERE event_id = 'by-us'");
    assert_string_equal(status, TEL_FAILURE);
    assert_int_equal(other_int(fixture->path, "SELECT count(*) FROM sqlite_schema"
                                              " WHERE name LIKE 'idx%'"),
                     1);
}

static void new_database__takes_plain_inserts_of_other_programs(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(record_clear) struct tel_record record = RECORD();
    struct store *store = fixture_open(fixture);

    other_exec(fixture->path, RUN_BY_HAND);
    assert_int_equal(store_get(store, "by-hand", &record, NULL), TEL_OK);
    assert_non_null(record_text(&record, FIELD_created_at));
    assert_int_equal(record_int(&record, FIELD_items_failed), 0);
}

static void version_6_of_the_service__gets_the_indexes_it_lacks(void **state)
{
    struct fixture *fixture = *state;

    make_directory(fixture);
    other_exec(fixture->path, RUNS_BY_HAND RUN_BY_HAND
               "CREATE TABLE schema_migrations (version INTEGER PRIMARY KEY, applied_at TEXT NOT"
               " NULL, description TEXT);"
               "INSERT INTO schema_migrations VALUES (6, '2024-01-01', 'six');");
    fixture->options.migrates = true;
    fixture_open(fixture);
    assert_int_equal(other_int(fixture->path, "SELECT count(*) FROM sqlite_schema"
                                              " WHERE name = 'telemetry_status'"),
                     1);
    assert_int_equal(other_int(fixture->path, "SELECT count(*) FROM schema_migrations"), 3);
    assert_int_equal(other_int(fixture->path, "SELECT count(*) FROM agent_runs"), 1);
}

static void new_database__is_none_while_another_program_has_the_lock(void **state)
{
    struct fixture *fixture = *state;
    struct store *store;
    void *other;

    make_directory(fixture);
    fixture->options.busy_timeout_ms = 20;
    other = other_begin(fixture->path, "BEGIN IMMEDIATE");
    assert_int_equal(chmod(fixture->path, 0600), 0);
    assert_int_equal(store_open(&store, &fixture->options, NULL), TEL_E_BUSY);
    assert_null(store);
    other_end(other);
    assert_int_equal(create_run(fixture_open(fixture), "e1", TEL_RUNNING), WRITE_CREATED);
}

static void empty_file__becomes_a_database(void **state)
{
    struct fixture *fixture = *state;

    make_directory(fixture);
    scratch_write(fixture->path, "");
    assert_int_equal(create_run(fixture_open(fixture), "e1", TEL_RUNNING), WRITE_CREATED);
}

static void tables_of_somebody_else__stay_as_they_were(void **state)
{
    struct fixture *fixture = *state;

    make_directory(fixture);
    other_exec(fixture->path, "CREATE TABLE notes (text TEXT); INSERT INTO notes VALUES ('mine');"
                              "CREATE TABLE commits (commit_hash TEXT PRIMARY KEY, mine TEXT);");
    assert_int_equal(create_run(fixture_open(fixture), "e1", TEL_RUNNING), WRITE_CREATED);
    assert_int_equal(other_int(fixture->path, "SELECT count(*) FROM notes"), 1);
    assert_int_equal(other_int(fixture->path, "SELECT count(mine) FROM commits"), 0);
}

static void link_to_a_database__is_followed(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(freep) char *real = scratch_path(fixture->directory, "elsewhere.sqlite");

    make_directory(fixture);
    other_exec(real, RUNS_BY_HAND);
    assert_int_equal(symlink(real, fixture->path), 0);
    assert_int_equal(create_run(fixture_open(fixture), "e1", TEL_RUNNING), WRITE_CREATED);
    assert_string_equal(store_path(fixture->store), fixture->path);
    assert_int_equal(other_int(real, "SELECT count(*) FROM agent_runs"), 1);
}

/* ---- What is refused ------------------------------------------------------------------------- */

struct bytes {
    char data[200000];
    size_t count;
};

static void read_bytes(struct bytes *bytes, const char *path)
{
    FILE *file = fopen(path, "re");

    assert_non_null(file);
    bytes->count = fread(bytes->data, 1, sizeof bytes->data, file);
    assert_int_equal(fclose(file), 0);
}

/* Opening fails so, says all of `words`, and leaves not a byte changed and no file beside it. */
static void assert_refused(struct fixture *fixture, tel_error error, const char *first,
                           const char *second)
{
    static struct bytes before;
    static struct bytes after;
    CLEANUP(freep) char *journal = scratch_path(fixture->directory, "db/telemetry.sqlite-journal");
    CLEANUP(freep) char *wal = scratch_path(fixture->directory, "db/telemetry.sqlite-wal");
    struct store *store;
    tel_fault fault = {0};

    read_bytes(&before, fixture->path);
    assert_int_equal(store_open(&store, &fixture->options, &fault), error);
    assert_null(store);
    assert_int_equal(fault.code, error);
    assert_non_null(strstr(fault.text, fixture->path));
    assert_non_null(strstr(fault.text, first));
    assert_non_null(strstr(fault.text, second));
    read_bytes(&after, fixture->path);
    assert_int_equal(before.count, after.count);
    assert_memory_equal(before.data, after.data, before.count);
    assert_int_equal(access(journal, F_OK), -1);
    assert_int_equal(access(wal, F_OK), -1);
}

static void file_that_is_no_database__is_refused_untouched(void **state)
{
    static const char *const contents[] = {
        "x",
        "A shopping list: bread, butter, tea.\n",
        "SQLite format 2 is another one",
    };
    struct fixture *fixture = *state;
    CLEANUP(freep) char *large = calloc(1, 20001);

    make_directory(fixture);
    for (size_t i = 0; i < sizeof contents / sizeof *contents; i++) {
        scratch_write(fixture->path, contents[i]);
        assert_refused(fixture, TEL_E_CORRUPT, "is not a SQLite database", "set TELEMETRY_DB_PATH");
    }
    memset(large, 'y', 20000);
    scratch_write(fixture->path, large);
    assert_refused(fixture, TEL_E_CORRUPT, "is not a SQLite database", "move it away");
}

static void table_of_somebody_else_by_our_name__is_refused_untouched(void **state)
{
    struct fixture *fixture = *state;

    make_directory(fixture);
    other_exec(fixture->path, "CREATE TABLE agent_runs (id INTEGER PRIMARY KEY, pages INTEGER)");
    for (int i = 0; i < 2; i++) { /* nobody is told that it could be brought up */
        fixture->options.migrates = i;
        assert_refused(fixture, TEL_E_SCHEMA, "cannot use", "its tables are not telemetry's");
    }
}

static void directory_or_fifo__is_refused_without_waiting(void **state)
{
    struct fixture *fixture = *state;
    struct store *store;
    tel_fault fault = {0};

    make_directory(fixture);
    assert_int_equal(mkdir(fixture->path, 0700), 0);
    assert_int_equal(store_open(&store, &fixture->options, &fault), TEL_E_CORRUPT);
    assert_non_null(strstr(fault.text, "is a directory, not a SQLite database"));
    assert_int_equal(rmdir(fixture->path), 0);
    assert_int_equal(mkfifo(fixture->path, 0600), 0);
    assert_int_equal(store_open(&store, &fixture->options, &fault), TEL_E_CORRUPT);
    assert_non_null(strstr(fault.text, "is no regular file"));
    assert_null(store);
}

static void database_from_the_future__is_refused_untouched(void **state)
{
    static const char *const modes[] = {"PRAGMA journal_mode = WAL",
                                        "PRAGMA journal_mode = DELETE"};
    struct fixture *fixture = *state;

    fixture_open(fixture);
    store_close(fixture->store);
    fixture->store = NULL;
    other_exec(fixture->path, "INSERT INTO schema_migrations VALUES (9, '2030-01-01', 'nine')");
    for (size_t i = 0; i < 2; i++) {
        other_exec(fixture->path, modes[i]);
        assert_refused(fixture, TEL_E_SCHEMA, "newer version of telemetry (schema version 9",
                       "upgrade telemetry");
    }
}

static void old_database__is_refused_untouched_and_its_version_is_named(void **state)
{
    static const struct {
        const char *columns;
        const char *named;
    } cases[] = {
        {"", "has schema version 1"},
        {", insight_id TEXT", "has schema version 2"},
        {", insight_id TEXT, product_family TEXT", "has schema version 3"},
        {", insight_id TEXT, product_family TEXT, git_commit_hash TEXT", "has schema version 4"},
        {", product_family TEXT, git_commit_hash TEXT, website TEXT", "has schema version 5"},
        {", git_commit_hash TEXT, website TEXT, event_id TEXT NOT NULL UNIQUE",
         "has schema version 6"},
    };
    struct fixture *fixture = *state;
    char sql[600];

    make_directory(fixture);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        (void)snprintf(sql, sizeof sql,
                       "CREATE TABLE agent_runs (run_id TEXT PRIMARY KEY, agent_name TEXT NOT NULL,"
                       " start_time TEXT NOT NULL%s);"
                       "INSERT INTO agent_runs (run_id, agent_name, start_time%s)"
                       " VALUES ('r', 'a', 't'%s);",
                       cases[i].columns, i == 5 ? ", event_id" : "", i == 5 ? ", 'e'" : "");
        other_exec(fixture->path, sql);
        assert_refused(fixture, TEL_E_SCHEMA, cases[i].named, "start telemetryd");
        assert_int_equal(unlink(fixture->path), 0);
    }
}

static void link_to_nothing__is_refused(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(freep) char *target = scratch_path(fixture->directory, "nowhere");
    struct store *store;
    tel_fault fault = {0};

    make_directory(fixture);
    assert_int_equal(symlink(target, fixture->path), 0);
    assert_int_equal(store_open(&store, &fixture->options, &fault), TEL_E_IO);
    assert_non_null(strstr(fault.text, "symbolic link to nothing"));
    assert_int_equal(access(target, F_OK), -1);
}

static void directory_that_cannot_be_made__is_named(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(freep) char *file = scratch_path(fixture->directory, "db");
    struct store *store;
    tel_fault fault = {0};

    scratch_write(file, "in the way");
    assert_int_equal(store_open(&store, &fixture->options, &fault), TEL_E_IO);
    assert_non_null(strstr(fault.text, file));
    fixture->options.path = "/proc/telemetry/db.sqlite";
    assert_int_equal(store_open(&store, &fixture->options, &fault), TEL_E_IO);
    assert_non_null(strstr(fault.text, "/proc/telemetry"));
}

static int open_read_only_file(void *arg, size_t number)
{
    struct fixture *fixture = arg;
    struct store *store;
    tel_fault fault = {0};

    (void)number;
    if (geteuid() == 0 && seteuid(65534))
        return 2;
    if (store_open(&store, &fixture->options, &fault) != TEL_E_IO)
        return 1;
    if (!strstr(fault.text, "read-only"))
        return 3;
    fixture->options.read_only = true;
    return store_open(&store, &fixture->options, &fault) == TEL_OK ? 0 : 4;
}

static void read_only_file__is_refused_for_writing_and_taken_for_reading(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(freep) char *directory = scratch_path(fixture->directory, "db");

    create_run(fixture_open(fixture), "e1", TEL_RUNNING);
    assert_int_equal(chmod(fixture->path, 0444), 0);
    assert_int_equal(chmod(directory, 0755), 0);
    assert_int_equal(chmod(fixture->directory, 0755), 0);
    assert_int_equal(run_processes(1, open_read_only_file, fixture), 1);
}

static void absurd_options__are_refused(void **state)
{
    struct fixture *fixture = *state;
    struct store_options options = fixture->options;
    struct store *store;
    tel_fault fault = {0};

    options.synchronous = "NORMAL";
    assert_int_equal(store_open(&store, &options, &fault), TEL_E_INVALID);
    assert_non_null(strstr(fault.text, "FULL or EXTRA"));
    options = fixture->options;
    options.journal_mode = "OFF";
    assert_int_equal(store_open(&store, &options, &fault), TEL_E_INVALID);
    options = fixture->options;
    options.path = NULL;
    assert_int_equal(store_open(&store, &options, NULL), TEL_E_INVALID);
    options.path = "";
    assert_int_equal(store_open(&store, &options, NULL), TEL_E_INVALID);
    assert_int_equal(access(fixture->path, F_OK), -1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(new_database__has_every_field_as_a_column_in_order),
        TEST(new_database__has_the_table_that_existing_programs_know),
        TEST(new_database__has_the_indexes_and_triggers_of_version_8),
        TEST(new_database__has_the_other_tables_and_records_its_version),
        TEST(new_database__belongs_to_its_owner_whatever_the_umask_is),
        TEST(new_database__is_shared_with_the_group_when_asked),
        TEST(new_database__is_made_once_when_many_processes_open_it),
        TEST(store_schema_sql__makes_the_tables_of_a_new_database),
        TEST(existing_database__goes_on_being_used_by_other_programs),
        TEST(new_database__takes_plain_inserts_of_other_programs),
        TEST(version_6_of_the_service__gets_the_indexes_it_lacks),
        TEST(new_database__is_none_while_another_program_has_the_lock),
        TEST(empty_file__becomes_a_database),
        TEST(tables_of_somebody_else__stay_as_they_were),
        TEST(table_of_somebody_else_by_our_name__is_refused_untouched),
        TEST(link_to_a_database__is_followed),
        TEST(file_that_is_no_database__is_refused_untouched),
        TEST(directory_or_fifo__is_refused_without_waiting),
        TEST(database_from_the_future__is_refused_untouched),
        TEST(old_database__is_refused_untouched_and_its_version_is_named),
        TEST(link_to_nothing__is_refused),
        TEST(directory_that_cannot_be_made__is_named),
        TEST(read_only_file__is_refused_for_writing_and_taken_for_reading),
        TEST(absurd_options__are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
