/* SPDX-License-Identifier: MIT
 *
 * Whatever another program does to the table of runs, in whatever order: counts and spans stay right.
 * The statements are random, and so few runs and times are named in them that they meet all the time.
 *
 * The first argument is a seed.
 */
#include "support/cmocka_all.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "support/database.h"
#include "support/random.h"
#include "support/summaries.h"

#define SEED 20261127
#define RUNS 1300 /* at first: 512 of them are in a closed span... */
#define LATE 509  /* ...into which these come, so that three more have it cut */
#define SOME 150  /* that come at once, from time to time */
#define STEPS 400
#define STEPS_BETWEEN_LOOKS 5
#define SQL_BYTES_MAX ((size_t)1024 * 1024)

/* Numbers of runs, which are ids and event_ids: of closed spans, of the open one, of none. */
static const char *const numbers[] = {"2",    "3",    "4",    "700",  "701",  "1290",
                                      "1291", "1292", "1300", "9001", "9002", "9003"};

#define OPEN "(SELECT max(since) FROM telemetry_spans)"
static const char *const times[] = {"'t-0002'", "'t-0003'", "'t-0700'", "'t-1290'", "'t-1291'",
                                    "'t-2000'", "'s'",      OPEN,       OPEN};
static const char *const ids[] = {"id", "rowid", "oid"};
static const char *const agents[] = {"'a'", "'b'", "'c'"};
static const char *const statuses[] = {"'running'", "'success'", "'failure'"};
static const char *const flags[] = {"0", "0", "1", "NULL"};
static const char *const products[] = {"'p'", "'q'", "NULL"};
static const char *const reactions[] = {"", " OR REPLACE", " OR REPLACE", " OR IGNORE", " OR FAIL"};

/* ---- Statements ------------------------------------------------------------------------------ */

/* Some of what a run may change, at least one of it. */
static void put_changes(struct strbuf *sql)
{
    strbuf_printf(sql, " SET job_type = 'j%zu'", random_below(3));
    if (one_in(6))
        strbuf_printf(sql, ", %s = %s", ONE_OF(ids), ONE_OF(numbers));
    if (one_in(3))
        strbuf_printf(sql, ", event_id = '%s'", ONE_OF(numbers));
    if (one_in(6))
        strbuf_puts(sql, one_in(2) ? ", id = id" : ", event_id = event_id");
    if (one_in(3))
        strbuf_printf(sql, ", created_at = %s", ONE_OF(times));
    if (one_in(3))
        strbuf_printf(sql, ", agent_name = %s, status = %s", ONE_OF(agents), ONE_OF(statuses));
    if (one_in(4))
        strbuf_printf(sql, ", api_posted = %s, product = %s", ONE_OF(flags), ONE_OF(products));
    if (one_in(6))
        strbuf_printf(sql, ", start_time = %s, end_time = %s", ONE_OF(times), ONE_OF(times));
}

static void put_insert(struct strbuf *sql)
{
    strbuf_printf(sql,
                  "INSERT%s INTO agent_runs (id, event_id, run_id, created_at, start_time,"
                  " agent_name, job_type, status, api_posted, product)"
                  " VALUES (%s, '%s', 'r', %s, %s, %s, 'j', %s, %s, %s)",
                  ONE_OF(reactions), one_in(2) ? "NULL" : ONE_OF(numbers), ONE_OF(numbers),
                  ONE_OF(times), ONE_OF(times), ONE_OF(agents), ONE_OF(statuses), ONE_OF(flags),
                  ONE_OF(products));
}

static void put_upsert(struct strbuf *sql)
{
    put_insert(sql);
    strbuf_puts(sql, " ON CONFLICT (event_id) DO");
    if (one_in(4)) {
        strbuf_puts(sql, " NOTHING");
        return;
    }
    strbuf_puts(sql, " UPDATE");
    put_changes(sql);
}

static void put_condition(struct strbuf *sql)
{
    const char *number = ONE_OF(numbers);

    if (one_in(3))
        strbuf_printf(sql, " WHERE id BETWEEN %s AND %s + 2", number, number);
    else
        strbuf_printf(sql, " WHERE event_id = '%s'", number);
}

static void put_update(struct strbuf *sql)
{
    strbuf_printf(sql, "UPDATE%s agent_runs", ONE_OF(reactions));
    put_changes(sql);
    put_condition(sql);
}

static void put_delete(struct strbuf *sql)
{
    strbuf_puts(sql, "DELETE FROM agent_runs");
    put_condition(sql);
}

/* New runs that are numbered from one up, each made at a time that may depend on its place, i. */
static void put_many(struct strbuf *sql, size_t from, size_t count, const char *time)
{
    strbuf_printf(sql,
                  "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %zu)"
                  " INSERT INTO agent_runs (event_id, run_id, created_at, start_time, agent_name,"
                  " job_type, status, api_posted, product) SELECT %zu + i, 'r', %s, 't', 'a', 'j',"
                  " 'running', 0, 'p' FROM n",
                  count, from, time);
}

static void put_some(struct strbuf *sql)
{
    static const char *const places[] = {"'t-3' || printf('%04d', i)", "'t-0700'", "'t-3'",
                                         "printf('t-%04d', i)", OPEN};

    static size_t from = 10000;

    put_many(sql, from += SOME, SOME, ONE_OF(places));
}

static void put_statement(struct strbuf *sql)
{
    static void (*const kinds[])(struct strbuf *) = {put_insert, put_insert, put_upsert, put_upsert,
                                                     put_update, put_update, put_delete};

    if (one_in(25))
        put_some(sql);
    else
        ONE_OF(kinds)(sql);
    strbuf_puts(sql, ";\n");
}

/* ---- The test -------------------------------------------------------------------------------- */

/* A statement may fail for a run that is there already, but for nothing that is kept beside them. */
static void run(sqlite3 *db, const char *sql)
{
    int result = sqlite3_exec(db, sql, NULL, NULL, NULL);

    if (result && !(result == SQLITE_CONSTRAINT && strstr(sqlite3_errmsg(db), "agent_runs.")))
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
}

static void write_at_random(struct fixture *fixture, const char *setting)
{
    CLEANUP(strbuf_clear) struct strbuf first = STRBUF(SQL_BYTES_MAX);
    sqlite3 *db;

    (void)fixture_open(fixture);
    db = other_begin(fixture->path, setting);
    put_many(&first, 0, RUNS, "printf('t-%04d', i)");
    strbuf_putc(&first, ';');
    put_many(&first, RUNS, LATE, "printf('t-%04d', i)");
    run(db, first.text);
    for (int i = 0; i < STEPS; i += STEPS_BETWEEN_LOOKS) {
        CLEANUP(strbuf_clear) struct strbuf sql = STRBUF(SQL_BYTES_MAX);

        for (int k = 0; k < STEPS_BETWEEN_LOOKS; k++) {
            size_t begin = sql.length;

            put_statement(&sql);
            assert_false(strbuf_failed(&sql));
            run(db, sql.text + begin);
        }
        assert_sound(fixture->path, sql.text);
    }
    assert_true(other_int(fixture->path, "SELECT count(*) FROM telemetry_spans") >= 3);
    other_end(db);
}

static void random_writes__counts_and_spans_are_right(void **state)
{
    write_at_random(*state, "PRAGMA synchronous = OFF");
}

static void they_are_right_where_replacing_fires_triggers_too(void **state)
{
    write_at_random(*state, "PRAGMA synchronous = OFF; PRAGMA recursive_triggers = ON");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(random_writes__counts_and_spans_are_right),
        TEST(they_are_right_where_replacing_fires_triggers_too),
    };

    random_begin(argc, argv, SEED);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
