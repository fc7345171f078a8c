/* SPDX-License-Identifier: MIT
 *
 * Counts and spans are right whoever writes, and in whatever way.
 */
#include "support/cmocka_all.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "store/sqlite.h"
#include "support/database.h"
#include "support/summaries.h"

#define COLUMNS                                                                         \
    " INTO agent_runs (event_id, run_id, created_at, start_time, end_time, agent_name," \
    " job_type, status, product, api_posted, website_section, git_commit_source) "
#define MANY_BY(insert, first, last, time)                                                   \
    "WITH RECURSIVE n(i) AS (SELECT " first " UNION ALL SELECT i + 1 FROM n WHERE i < " last \
    ") " insert COLUMNS "SELECT i, 'r', " time ", i, i + 1, 'a' || (i % 3), 'j' || (i % 7)," \
    " iif(i % 2, 'success', 'running'), 'p' || (i / 100), i % 5 = 0, 's' || (i / 200),"      \
    " iif(i % 6, NULL, 'ci') FROM n"
#define MANY(first, last, time) MANY_BY("INSERT OR REPLACE", first, last, time)
#define ONE(event_id, time, more)                 \
    COLUMNS "VALUES ('" event_id "', 'r', '" time \
            "', '2024', NULL, 'b', 'j', 'running', 'new'" more ", 's', 'llm')"

static const char *const writes[] = {
    MANY("1", "3000", "printf('2025-%06d', i)"),
    "INSERT" ONE("one", "2025-002999", ", 0"),
    "INSERT OR IGNORE" ONE("one", "2026", ", 0"),
    "INSERT OR REPLACE" ONE("one", "2024", ", 1"),
    "REPLACE" ONE("7", "2025-000009", ", NULL"),
    "INSERT OR IGNORE" ONE("8", "2026", ", 0") "; DELETE FROM agent_runs WHERE event_id = '8'",
    "INSERT" ONE("8", "2026", ", 0"),
    "INSERT" ONE("8", "2026", ", 0") " ON CONFLICT (event_id) DO UPDATE SET status = 'failure',"
                                     " product = 'other', end_time = '9'",
    "INSERT" ONE("9", "2026", ", 0") " ON CONFLICT DO NOTHING",
    "REPLACE INTO agent_runs (id, event_id, run_id, created_at, start_time, agent_name, job_type)"
    " SELECT 20, event_id, 'r', '2027', '2027', 'c', 'j' FROM agent_runs WHERE id = 21",
    "UPDATE agent_runs SET status = 'success', end_time = '99', api_posted = 1 WHERE id < 50",
    "UPDATE agent_runs SET created_at = '2023', start_time = '0', agent_name = 'd' WHERE id = 60",
    "UPDATE agent_runs SET product = NULL WHERE id BETWEEN 100 AND 300",
    "UPDATE agent_runs SET git_commit_source = 'manual' WHERE id BETWEEN 900 AND 1300",
    "UPDATE agent_runs SET start_time = '00', end_time = '999' WHERE id = 301",
    "UPDATE OR REPLACE agent_runs SET event_id = '400' WHERE event_id = '401'",
    "UPDATE OR REPLACE agent_runs SET id = 402 WHERE id = 403",
    "UPDATE OR REPLACE agent_runs SET rowid = 406 WHERE id = 407",
    "INSERT OR IGNORE" ONE("408", "2026", ", 0") "; UPDATE agent_runs SET _rowid_ = 70001"
                                                 " WHERE event_id = '408'",
    "UPDATE agent_runs SET end_time = 'z' WHERE id = 409",
    "UPDATE OR IGNORE agent_runs SET event_id = '404' WHERE event_id = '405'",
    "UPDATE agent_runs SET event_id = event_id WHERE id BETWEEN 410 AND 420",
    "INSERT" ONE("430", "2026", ", 0") " ON CONFLICT (event_id) DO UPDATE SET"
                                       " event_id = excluded.event_id, status = 'failure'",
    MANY("500", "700", "printf('2025-%06d', i)"),
    /* The same in the last span, which is open, and into it and out of it. */
    "UPDATE agent_runs SET status = 'failure', api_posted = 1 WHERE created_at > '2025-0029'",
    "REPLACE" ONE("2990", "2025-002990", ", 0"),
    "REPLACE" ONE("2991", "2022", ", 0"),
    "REPLACE" ONE("71", "2026", ", 0"),
    "UPDATE agent_runs SET created_at = '2022', status = 'partial' WHERE event_id = '2992'",
    "UPDATE agent_runs SET created_at = '2026', agent_name = 'e' WHERE event_id = '72'",
    "DELETE FROM agent_runs WHERE event_id IN ('2993', '73')",
    "UPDATE OR REPLACE agent_runs SET event_id = '74' WHERE event_id = '2994'",
    "UPDATE OR REPLACE agent_runs SET event_id = '2995' WHERE event_id = '75'",
    "INSERT OR IGNORE" ONE("76", "2026", ", 0") "; UPDATE agent_runs SET created_at = '2026'"
                                                " WHERE event_id = '76';"
                                                " DELETE FROM agent_runs WHERE event_id = '76'",
    MANY("4000", "6000", "printf('2024-%06d', i)"),        /* late, and in order */
    MANY("7000", "9000", "printf('2024-%06d', 9999 - i)"), /* and the other way round */
    MANY_BY("INSERT", "10000", "12000", "'2028'"),         /* all at once */
    MANY_BY("INSERT", "13000", "16000", "'2024-004500'"),  /* and late */
    "BEGIN; DELETE FROM agent_runs WHERE created_at < '2025'; ROLLBACK",
    "DELETE FROM agent_runs WHERE created_at < '2025-001000'",
    "DELETE FROM agent_runs",
    MANY("1", "3000", "printf('2025-%06d', i)"),
};

static void write_all(struct fixture *fixture, const char *setting)
{
    (void)fixture_open(fixture);
    for (size_t i = 0; i < sizeof writes / sizeof *writes; i++) {
        CLEANUP(freep) char *sql = NULL;

        assert_true(asprintf(&sql, "%s; %s", setting, writes[i]) > 0);
        other_exec(fixture->path, sql);
        assert_sound(fixture->path, writes[i]);
    }
    assert_true(other_int(fixture->path, "SELECT count(*) FROM telemetry_spans") >= 5);
}

static void whatever_another_program_writes__counts_and_spans_are_right(void **state)
{
    write_all(*state, "SELECT 1");
}

static void they_are_right_where_replacing_fires_triggers_too(void **state)
{
    write_all(*state, "PRAGMA recursive_triggers = ON");
}

static void span__is_exact_until_a_value_gives_way_to_another(void **state)
{
    static const char not_exact[] = "SELECT count(*) FROM telemetry_spans WHERE NOT is_exact";
    struct fixture *fixture = *state;

    (void)fixture_open(fixture);
    other_exec(fixture->path, MANY("1", "3000", "printf('2025-%06d', i)"));
    other_exec(fixture->path, "UPDATE agent_runs SET git_commit_source = 'llm'"
                              " WHERE git_commit_source IS NULL");
    assert_int_equal(other_int(fixture->path, not_exact), 0);
    other_exec(fixture->path, "UPDATE agent_runs SET product = 'another' WHERE id = 5");
    assert_int_equal(other_int(fixture->path, not_exact), 1);
}

static int is_x(void *found, const char *value)
{
    *(bool *)found = strcmp(value, "x") == 0;
    return *(bool *)found;
}

static bool has_job_type_x(struct store *store)
{
    bool found = false;

    assert_int_equal(store_values(store, FIELD_job_type, is_x, &found, NULL), TEL_OK);
    return found;
}

static void value__is_known_as_long_as_one_of_its_spans_has_it(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture_open(fixture);

    other_exec(fixture->path, MANY("1", "3000", "printf('2025-%06d', i)"));
    other_exec(fixture->path, "UPDATE agent_runs SET job_type = 'x' WHERE id <= 1500");
    other_exec(fixture->path, "UPDATE agent_runs SET job_type = 'j' WHERE id < 1500");
    assert_true(has_job_type_x(store));
    other_exec(fixture->path, "UPDATE agent_runs SET job_type = 'j' WHERE id = 1500");
    assert_false(has_job_type_x(store));
    other_exec(fixture->path, "UPDATE agent_runs SET job_type = 'x' WHERE id = 5");
    assert_true(has_job_type_x(store));
}

/* A span of 1,023 runs is cut by the next one, which then counts those that are there. */
static void full_span__is_counted_without_those_that_were_replaced(void **state)
{
    static const char fill[] = MANY("1", "1400", "printf('2025-%06d', i)") ";" MANY(
        "5001", "5000 + 1023 - (SELECT runs FROM telemetry_spans ORDER BY since LIMIT 1)",
        "'2025-000003'");
    static const char *const replacing[] = {
        "REPLACE" ONE("7", "2025-000009", ", 0"),
        "UPDATE OR REPLACE agent_runs SET event_id = '7', created_at = '2025-000009'"
        " WHERE event_id = '1399'",
    };
    struct fixture *fixture = *state;

    (void)fixture_open(fixture);
    for (size_t i = 0; i < sizeof replacing / sizeof *replacing; i++) {
        other_exec(fixture->path, "DELETE FROM agent_runs");
        other_exec(fixture->path, fill);
        assert_int_equal(other_int(fixture->path,
                                   "SELECT runs FROM telemetry_spans ORDER BY since LIMIT 1"),
                         1023);
        other_exec(fixture->path, replacing[i]);
        assert_sound(fixture->path, replacing[i]);
    }
}

static int count_step(void *steps)
{
    (*(size_t *)steps)++;
    return 0;
}

/* What SQLite does for a statement, in hundreds of steps of its own. */
static size_t steps_of(sqlite3 *db, const char *sql)
{
    size_t steps = 0;

    sqlite3_progress_handler(db, 100, count_step, &steps);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_progress_handler(db, 0, NULL, NULL);
    return steps;
}

static void replaced_run__costs_the_same_however_many_there_are(void **state)
{
    struct fixture *fixture = *state;
    sqlite3 *db;

    (void)fixture_open(fixture);
    db = other_begin(fixture->path, MANY("1", "9000", "printf('2025-%06d', i)"));
    assert_true(steps_of(db, "REPLACE" ONE("7", "2025-000009", ", 0")) < 50);
    assert_true(steps_of(db, "INSERT OR IGNORE" ONE("8", "2026", ", 0")) < 50);
    assert_true(steps_of(db, "INSERT" ONE("new", "2026", ", 0")) < 50);
    other_end(db);
}

static void last_span__stays_small_where_runs_are_moved_there(void **state)
{
    struct fixture *fixture = *state;

    (void)fixture_open(fixture);
    other_exec(fixture->path, MANY("1", "9000", "printf('2025-%06d', i)"));
    other_exec(fixture->path, "UPDATE agent_runs SET created_at = printf('2026-%06d', id)");
    assert_sound(fixture->path, "moving all");
}

static void our_own_writes__are_counted(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture_open(fixture);
    CLEANUP(record_clear) struct tel_record change = RECORD();
    tel_run_stats stats;

    create_run(store, "1", TEL_RUNNING);
    create_run(store, "1", TEL_RUNNING);
    create_run(store, "2", TEL_SUCCESS);
    assert_int_equal(record_set_text(&change, FIELD_event_id, "1", NULL), TEL_OK);
    assert_int_equal(record_set_text(&change, FIELD_status, TEL_FAILURE, NULL), TEL_OK);
    assert_int_equal(apply_write(store, WRITE_UPDATE, &change), WRITE_UPDATED);
    assert_int_equal(store_stats(store, &stats, NULL), TEL_OK);
    assert_memory_equal(&stats, &((tel_run_stats){2, 0, 1, 1, 0, 0, 0, 2}), sizeof stats);
    assert_sound(fixture->path, "our own");
}

static void lost_trigger__is_noticed_and_all_is_made_anew(void **state)
{
    struct fixture *fixture = *state;
    tel_run_stats stats;

    create_run(fixture_open(fixture), "1", TEL_SUCCESS);
    other_exec(fixture->path, "DROP TRIGGER telemetry_insert; INSERT" ONE("2", "2025", ", 0"));
    assert_int_equal(store_stats(fixture_open(fixture), &stats, NULL), TEL_OK);
    assert_int_equal(stats.total, 2); /* who may not bring it up counts */
    fixture->options.migrates = true;
    assert_int_equal(store_stats(fixture_open(fixture), &stats, NULL), TEL_OK);
    assert_int_equal(stats.total, 2);
    assert_sound(fixture->path, "the migration");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(whatever_another_program_writes__counts_and_spans_are_right),
        TEST(they_are_right_where_replacing_fires_triggers_too),
        TEST(span__is_exact_until_a_value_gives_way_to_another),
        TEST(value__is_known_as_long_as_one_of_its_spans_has_it),
        TEST(full_span__is_counted_without_those_that_were_replaced),
        TEST(replaced_run__costs_the_same_however_many_there_are),
        TEST(last_span__stays_small_where_runs_are_moved_there),
        TEST(our_own_writes__are_counted),
        TEST(lost_trigger__is_noticed_and_all_is_made_anew),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
