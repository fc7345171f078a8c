/* SPDX-License-Identifier: MIT */
#include "support/database.h"

#include "support/cmocka_all.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "store/sqlite.h"
#include "support/scratch.h"

int fixture_setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);

    if (!fixture)
        return -1;
    fixture->directory = scratch_make();
    fixture->path = scratch_path(fixture->directory, "db/telemetry.sqlite");
    fixture->options = (struct store_options){.path = fixture->path, .busy_timeout_ms = 20000};
    *state = fixture;
    return 0;
}

int fixture_teardown(void **state)
{
    struct fixture *fixture = *state;

    store_close(fixture->store);
    free(fixture->path);
    scratch_remove(fixture->directory);
    free(fixture);
    return 0;
}

struct store *fixture_open(struct fixture *fixture)
{
    tel_fault fault = {0};

    store_close(fixture->store);
    if (store_open(&fixture->store, &fixture->options, &fault))
        fail_msg("%s", fault.text);
    return fixture->store;
}

void make_run(struct tel_record *record, const char *event_id, const char *status)
{
    assert_int_equal(record_set_text(record, FIELD_event_id, event_id, NULL), TEL_OK);
    assert_int_equal(record_set_text(record, FIELD_status, status, NULL), TEL_OK);
    assert_int_equal(record_set_text(record, FIELD_run_id, "a run", NULL), TEL_OK);
    assert_int_equal(record_set_text(record, FIELD_agent_name, "crawler", NULL), TEL_OK);
    assert_int_equal(record_set_text(record, FIELD_job_type, "nightly", NULL), TEL_OK);
    assert_int_equal(record_set_text(record, FIELD_start_time, "2025-12-10T12:00:00Z", NULL),
                     TEL_OK);
}

enum write_result apply_write(struct store *store, enum write_kind kind,
                              const struct tel_record *record)
{
    struct write write = {.kind = kind, .record = record};
    struct write *writes[] = {&write};
    tel_fault fault = {0};

    if (store_apply(store, writes, 1, &fault))
        fail_msg("%s", fault.text);
    return write.result;
}

enum write_result create_run(struct store *store, const char *event_id, const char *status)
{
    CLEANUP(record_clear) struct tel_record record = RECORD();

    make_run(&record, event_id, status);
    return apply_write(store, WRITE_CREATE, &record);
}

static sqlite3 *other_open(const char *path)
{
    sqlite3 *db = NULL;

    if (sqlite3_open(path, &db))
        fail_msg("%s: %s", path, sqlite3_errmsg(db));
    (void)sqlite3_busy_timeout(db, 20000);
    return db;
}

void other_exec(const char *path, const char *sql)
{
    sqlite3 *db = other_open(path);

    if (sqlite3_exec(db, sql, NULL, NULL, NULL))
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

char *other_text(const char *path, const char *sql)
{
    sqlite3 *db = other_open(path);
    sqlite3_stmt *statement = NULL;
    const unsigned char *text = NULL;
    char *copy;

    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL))
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    if (sqlite3_step(statement) == SQLITE_ROW)
        text = sqlite3_column_text(statement, 0);
    copy = strdup(text ? (const char *)text : "");
    assert_int_equal(sqlite3_finalize(statement), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    return copy;
}

int64_t other_int(const char *path, const char *sql)
{
    char *text = other_text(path, sql);
    int64_t value = strtoll(text, NULL, 10);

    free(text);
    return value;
}

void *other_begin(const char *path, const char *sql)
{
    sqlite3 *db = other_open(path);

    if (sqlite3_exec(db, sql, NULL, NULL, NULL))
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    return db;
}

void other_end(void *connection)
{
    assert_int_equal(sqlite3_close(connection), SQLITE_OK);
}

bool other_can_commit(const char *path)
{
    sqlite3 *db;
    bool can;

    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK); /* which waits for no lock */
    can = sqlite3_exec(db, "BEGIN EXCLUSIVE", NULL, NULL, NULL) == SQLITE_OK;
    other_end(db);
    return can;
}

static int write_before_each_begin(unsigned kind, void *arg, void *statement, void *text)
{
    struct other_writer *writer = arg;

    (void)kind;
    (void)statement;
    if (strcmp(text, "BEGIN") == 0 &&
        sqlite3_exec(writer->connection, "UPDATE agent_runs SET host = 'x' WHERE id = 1", NULL,
                     NULL, NULL) == SQLITE_OK)
        writer->passed++;
    return 0;
}

void other_writer_begin(struct other_writer *writer, struct fixture *fixture)
{
    sqlite3 *db;

    fixture->store->hold_ms = 0;
    assert_int_equal(sqlite3_open(fixture->path, &db), SQLITE_OK);
    *writer = (struct other_writer){.store = fixture->store, .connection = db};
    assert_int_equal(sqlite3_trace_v2(fixture->store->db, SQLITE_TRACE_STMT,
                                      write_before_each_begin, writer),
                     SQLITE_OK);
}

void other_writer_end(struct other_writer *writer)
{
    assert_int_equal(sqlite3_trace_v2(writer->store->db, 0, NULL, NULL), SQLITE_OK);
    other_end(writer->connection);
}

size_t run_processes(size_t count, int (*body)(void *arg, size_t number), void *arg)
{
    size_t good = 0;
    int status;

    for (size_t i = 0; i < count; i++) {
        pid_t pid = fork();

        assert_true(pid >= 0);
        if (pid == 0)
            _exit(body(arg, i));
    }
    for (size_t i = 0; i < count; i++) {
        if (wait(&status) > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0)
            good++;
    }
    return good;
}
