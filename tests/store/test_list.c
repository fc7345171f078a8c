/* SPDX-License-Identifier: MIT
 *
 * What a list costs, counted and not timed: no plan reads or sorts the whole table, spans of time are
 * passed over, and whatever is looked at is looked at in slices.
 */
#include "support/cmocka_all.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "store/query_sql.h"
#include "store/run_sql.h"
#include "store/sqlite.h"
#include "support/database.h"

#define TIME "2025-01-01T00:00:00.000000+00:00"

/* ---- Plans ----------------------------------------------------------------------------------- */

static void assert_plan_is_good(const char *path, const struct strbuf *sql)
{
    CLEANUP(strbuf_clear) struct strbuf explained = STRBUF(65536);
    sqlite3_stmt *statement = NULL;
    sqlite3 *db = NULL;
    size_t steps = 0;

    strbuf_printf(&explained, "EXPLAIN QUERY PLAN %s", sql->text);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_prepare_v2(db, explained.text, -1, &statement, NULL))
        fail_msg("%s: %s", sqlite3_errmsg(db), sql->text);
    while (sqlite3_step(statement) == SQLITE_ROW) {
        const char *step = (const char *)sqlite3_column_text(statement, 3);

        if (strstr(step, "SCAN agent_runs") || strstr(step, "SCAN telemetry_") ||
            strstr(step, "SCAN span") || strstr(step, "TEMP B-TREE"))
            fail_msg("%s: %s", step, sql->text);
        steps++;
    }
    assert_true(steps > 0);
    assert_int_equal(sqlite3_finalize(statement), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* However it is paged through. */
static void assert_is_planned(struct fixture *fixture, struct run_query query)
{
    query.limit = 100;
    for (int i = 0; i < 4; i++) {
        CLEANUP(strbuf_clear) struct strbuf sql = STRBUF(65536);
        struct query_values values = {0};

        query.after_time = i % 2 ? TIME : NULL;
        query.oldest_first = i > 1;
        query_sql_walk(&sql, &values, &query);
        assert_plan_is_good(fixture->path, &sql);
        if (!query_has_spans(&query))
            continue;
        strbuf_reset(&sql);
        values.count = 0;
        query_sql_span(&sql, &values, &query);
        assert_plan_is_good(fixture->path, &sql);
    }
}

static const struct run_query conditions[] = {
    {.limit = 1},
    {.statuses = {TEL_FAILURE}, .status_count = 1},
    {.statuses = {TEL_FAILURE, TEL_TIMEOUT}, .status_count = 2},
    {.created_before = TIME},
    {.created_after = TIME},
    {.start_from = TIME},
    {.start_to = TIME},
    {.end_from = TIME},
    {.end_to = TIME},
    {.agent_prefix = "launch."},
    {.commit = "0123456789"},
    {.commit = "012345"},
    {.id_prefix = "0123456789"},
    {.roots = true},
    {.pending_export = true, .by_row = true, .end_from = TIME, .retries_below = 3},
    {.created_after = TIME, .created_before = TIME},
    {.start_from = TIME, .start_to = TIME, .end_from = TIME, .end_to = TIME},
    {.equals[FIELD_agent_name] = "a", .statuses = {TEL_FAILURE}, .status_count = 1},
    {.equals[FIELD_product] = "p", .equals[FIELD_host] = "h", .start_from = TIME},
    {.equals[FIELD_agent_name] = "a", .equals[FIELD_product] = "p"},
};

static void no_filter__reads_or_sorts_the_table(void **state)
{
    struct fixture *fixture = *state;

    (void)fixture_open(fixture);
    for (size_t i = 0; i < sizeof conditions / sizeof *conditions; i++)
        assert_is_planned(fixture, conditions[i]);
    for (int i = 0; i < RUN_FIELD_COUNT; i++) {
        struct run_query query = {.limit = 1};

        query.equals[i] = "x";
        if (run_fields[i].access & FILTER)
            assert_is_planned(fixture, query);
    }
}

/* The statistics of ANALYZE, as somebody may have run it, must not lead it astray. */
static void no_statistics__change_that(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture_open(fixture);

    create_run(store, "1", TEL_SUCCESS);
    create_run(store, "2", TEL_SUCCESS);
    other_exec(fixture->path, "ANALYZE");
    no_filter__reads_or_sorts_the_table(state);
}

static void runs_by_their_ids__are_searched_for(void **state)
{
    CLEANUP(strbuf_clear) struct strbuf sql = STRBUF(65536);
    struct fixture *fixture = *state;

    (void)fixture_open(fixture);
    run_sql_select_each(&sql);
    assert_plan_is_good(fixture->path, &sql);
}

/* ---- Slices ---------------------------------------------------------------------------------- */

#define ROWS 20000
#define MANY                                                                                   \
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)"          \
    " INSERT INTO agent_runs (event_id, run_id, created_at, start_time, end_time, agent_name," \
    " job_type, status, product, host) SELECT i, 'r' || i,"                                    \
    " strftime('%Y-%m-%dT%H:%M:%S', 1700000000 + i, 'unixepoch') || '.000000+00:00',"          \
    " strftime('%Y-%m-%dT%H:%M:%S', 1700000000 + i, 'unixepoch') || '.000000+00:00',"          \
    " strftime('%Y-%m-%dT%H:%M:%S', 1700000060 + i, 'unixepoch') || '.000000+00:00',"          \
    " 'agent-' || (i % 3), 'job', 'success', iif(i = 777, 'rare', 'common'), 'h' FROM n"

static struct store *open_many(struct fixture *fixture)
{
    (void)fixture_open(fixture);
    other_exec(fixture->path, MANY);
    return fixture->store;
}

static int count_run(void *arg, const tel_record *record)
{
    (void)record;
    ++*(size_t *)arg;
    return 0;
}

/* Return in how many slices the list was read. */
static uint64_t slices_of(struct store *store, struct run_query query, size_t expected)
{
    uint64_t before = store->slices;
    tel_fault fault = {0};
    size_t count = 0;

    query.limit = 100;
    if (store_query(store, &query, count_run, &count, &fault))
        fail_msg("%s", fault.text);
    assert_int_equal(count, expected);
    return store->slices - before;
}

static void what_is_there__is_found_in_one_slice(void **state)
{
    struct store *store = open_many(*state);

    assert_int_equal(slices_of(store, (struct run_query){0}, 100), 1);
    assert_int_equal(slices_of(store, (struct run_query){.equals[FIELD_agent_name] = "agent-1"},
                               100),
                     1);
    assert_int_equal(slices_of(store, (struct run_query){.equals[FIELD_run_id] = "r9"}, 1), 1);
    assert_int_equal(slices_of(store, (struct run_query){.equals[FIELD_run_id] = "none"}, 0), 1);
}

static void long_list__lets_writers_pass_again_and_again(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = open_many(fixture);
    struct run_query query = {.statuses = {"failure", "timeout"}, .status_count = 2};
    struct other_writer writer = {0};

    other_writer_begin(&writer, fixture);
    assert_true(slices_of(store, query, 0) >= ROWS / SLICE_RUNS);
    assert_true(writer.passed >= ROWS / SLICE_RUNS);
    query.oldest_first = true;
    assert_true(slices_of(store, query, 0) >= ROWS / SLICE_RUNS);
    assert_true(writer.passed >= 2 * ROWS / SLICE_RUNS);
    other_writer_end(&writer);
}

static int add_id(void *arg, const tel_record *record)
{
    struct strbuf *ids = arg;

    strbuf_printf(ids, "%s ", record_text(record, FIELD_event_id));
    return 0;
}

static void assert_ids(struct store *store, const struct run_query *query, const char *expected)
{
    CLEANUP(strbuf_clear) struct strbuf ids = STRBUF(1000);

    strbuf_puts(&ids, ":");
    assert_int_equal(store_query(store, query, add_id, &ids, NULL), TEL_OK);
    assert_string_equal(ids.text, expected);
}

static void list_over_many_slices__is_complete_and_in_order(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = open_many(fixture);
    struct run_query query = {.retries_below = 1, .limit = 3};

    other_exec(fixture->path,
               "UPDATE agent_runs SET api_retry_count = id % 4000 != 0;"
               "UPDATE agent_runs SET created_at = (SELECT created_at FROM agent_runs"
               " WHERE id = 8000) WHERE id BETWEEN 6000 AND 8000");
    assert_ids(store, &query, ":20000 16000 12000 ");
    query.offset = 3;
    assert_ids(store, &query, ":8000 4000 ");
    query.oldest_first = true;
    assert_ids(store, &query, ":16000 20000 ");
    query.offset = 0;
    assert_ids(store, &query, ":4000 8000 12000 ");
    query.pending_export = query.by_row = true;
    query.after_id = 4000;
    assert_ids(store, &query, ":8000 12000 16000 ");
}

static void rare_value_or_distant_time__is_found_without_looking_at_all_others(void **state)
{
    struct store *store = open_many(*state);
    static const char early[] = "2023-11-14T22:14:00.000000+00:00"; /* the 40th */

    assert_true(slices_of(store, (struct run_query){.equals[FIELD_product] = "rare"}, 1) < 6);
    assert_true(slices_of(store, (struct run_query){.equals[FIELD_product] = "none"}, 0) < 6);
    assert_true(slices_of(store, (struct run_query){.start_to = early}, 40) < 6);
    assert_true(slices_of(store, (struct run_query){.end_to = early}, 0) < 6);
    assert_true(slices_of(store, (struct run_query){.agent_prefix = "none."}, 0) < 6);
    assert_true(slices_of(store, (struct run_query){.commit = "0123456789"}, 0) < 6);
}

/* Compare the last runs that started, or ended, in this range with those that SQLite finds by itself. */
static void assert_range(struct fixture *fixture, const char *column, const char *from,
                         const char *to)
{
    CLEANUP(strbuf_clear) struct strbuf sql = STRBUF(1000);
    CLEANUP(freep) char *expected = NULL;
    struct run_query query = {.limit = 20};
    bool is_start = strcmp(column, "start_time") == 0;

    *(is_start ? &query.start_from : &query.end_from) = *from ? from : NULL;
    *(is_start ? &query.start_to : &query.end_to) = *to < '9' ? to : NULL;
    strbuf_printf(&sql,
                  "SELECT ':' || coalesce(group_concat(event_id || ' ', ''), '') FROM"
                  " (SELECT event_id FROM agent_runs WHERE %s >= '%s' AND %s <= '%s'"
                  " ORDER BY created_at DESC LIMIT 20)",
                  column, from, column, to);
    expected = other_text(fixture->path, sql.text);
    assert_ids(fixture->store, &query, expected);
}

static void times__are_found_in_spans_near_and_far(void **state)
{
    static const char *const times[] = {
        "",
        "2023-11-14T22:00:00",
        "2023-11-14T22:20:00",
        "2023-11-14T22:50:00",
        "2023-11-15T00:30:00",
        "2023-11-15T01:10:00",
        "2023-11-15T03:40:00",
        "2023-11-16T00:00:00",
        "9",
    };
    enum { COUNT = sizeof times / sizeof *times };
    struct fixture *fixture = *state;

    (void)open_many(fixture);
    fixture->store->near_spans = 3; /* of 39 */
    fixture->store->few_spans = 10;
    for (int i = 0; i < COUNT * COUNT; i++) {
        assert_range(fixture, "start_time", times[i % COUNT], times[i / COUNT]);
        assert_range(fixture, "end_time", times[i % COUNT], times[i / COUNT]);
    }
}

static void values_together__are_found_where_all_are(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = open_many(fixture);
    struct run_query query = {.limit = 5, .equals[FIELD_agent_name] = "agent-0"};

    query.equals[FIELD_product] = "rare";
    assert_ids(store, &query, ":777 ");
    query.start_to = "2023-11-14T22:20:00";
    assert_ids(store, &query, ":");
    query.start_to = "2023-11-14T22:30:00";
    assert_ids(store, &query, ":777 ");
    query.equals[FIELD_agent_name] = "agent-1";
    assert_ids(store, &query, ":");
}

/* In every other span is one of the values, in the others the other. */
static void values_that_never_meet__are_passed_over(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = open_many(fixture);
    struct run_query query = {.equals[FIELD_product] = "odd", .equals[FIELD_host] = "even"};

    other_exec(fixture->path,
               "UPDATE agent_runs SET product = iif((id - 1) / 512 % 2, 'odd', 'none'),"
               " host = iif((id - 1) / 512 % 2, 'none', 'even') WHERE id BETWEEN 15000 AND 19400");
    assert_true(slices_of(store, query, 0) < 6);
}

static void runs_of_one_time__are_found_from_page_to_page(void **state)
{
    static const char first[] = "2023-11-14T22:21:53.000000+00:00"; /* of the second span */
    struct fixture *fixture = *state;
    struct store *store = open_many(fixture);
    struct run_query query = {.limit = 1, .equals[FIELD_product] = "twice"};

    other_exec(fixture->path, "UPDATE agent_runs SET product = 'twice', created_at = (SELECT"
                              " created_at FROM agent_runs WHERE id = 513) WHERE id IN (513, 514)");
    assert_int_equal(other_int(fixture->path,
                               "SELECT count(*) FROM telemetry_spans WHERE since ="
                               " (SELECT created_at FROM agent_runs WHERE id = 513)"),
                     1);
    assert_ids(store, &query, ":514 ");
    query.after_time = first;
    query.after_id = 514;
    assert_ids(store, &query, ":513 ");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(no_filter__reads_or_sorts_the_table),
        TEST(no_statistics__change_that),
        TEST(runs_by_their_ids__are_searched_for),
        TEST(what_is_there__is_found_in_one_slice),
        TEST(long_list__lets_writers_pass_again_and_again),
        TEST(list_over_many_slices__is_complete_and_in_order),
        TEST(times__are_found_in_spans_near_and_far),
        TEST(values_together__are_found_where_all_are),
        TEST(values_that_never_meet__are_passed_over),
        TEST(runs_of_one_time__are_found_from_page_to_page),
        TEST(rare_value_or_distant_time__is_found_without_looking_at_all_others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
