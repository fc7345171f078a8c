/* SPDX-License-Identifier: MIT */
#include "support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "cli/options.h"
#include "cli/source.h"
#include "support/database.h"

#define RUNS 2100 /* more than two pages */

/* A write-ahead log lets others write in the middle of a page. */
#define MAKE_RUNS                                                                                 \
    "PRAGMA journal_mode = WAL;"                                                                  \
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)"                \
    " INSERT INTO agent_runs (event_id, run_id, agent_name, job_type, status, start_time,"        \
    " created_at) SELECT 'e' || i, 'run-' || i, 'a', 'j', 'success', '2025-12-10T12:00:00Z', %s " \
    "FROM n"

struct reading {
    const char *path;
    const char *others_do; /* after the first page */
    int64_t count;
    int64_t ids[RUNS + 1];
};

static int note(void *arg, const struct tel_record *run)
{
    struct reading *reading = arg;

    assert_true(reading->count <= RUNS);
    reading->ids[reading->count++] = record_int(run, FIELD_id);
    if (reading->count == QUERY_LIMIT_MAX && reading->others_do)
        other_exec(reading->path, reading->others_do);
    return 0;
}

/* Read all runs, newest first, of a database where they were made at these times. */
static void read_all(struct reading *reading, struct fixture *fixture, const char *created_at)
{
    CLEANUP(freep) char *sql = NULL;
    struct common_options options;
    struct run_query query = {.limit = LIMIT_MAX};
    struct source *source;

    store_close(fixture_open(fixture));
    fixture->store = NULL;
    assert_true(asprintf(&sql, MAKE_RUNS, RUNS, created_at) > 0);
    other_exec(fixture->path, sql);
    reading->path = fixture->path;
    assert_int_equal(setenv("TELEMETRY_DB_PATH", fixture->path, 1), 0);
    assert_int_equal(common_options_init(&options), TEL_OK);
    options.has_base = true; /* no service is asked */
    assert_int_equal(source_open(&source, &options, NULL), TEL_OK);
    assert_int_equal(source_query(source, &query, note, reading, NULL), TEL_OK);
    source_close(source);
    common_options_clear(&options);
}

static void assert_from_new_to_old(const struct reading *reading)
{
    assert_int_equal(reading->count, RUNS);
    for (int64_t i = 0; i < RUNS; i++)
        assert_int_equal(reading->ids[i], RUNS - i);
}

/* ---- Tests ----------------------------------------------------------------------------------- */

static void source_query__repeats_no_run_when_others_come_meanwhile(void **state)
{
    struct reading reading = {
        .others_do =
            "INSERT INTO agent_runs (event_id, run_id, agent_name, job_type, status,"
            " start_time, created_at) VALUES ('new', 'new', 'a', 'j', 'running', '3', '3')"};

    read_all(&reading, *state, "'2025-12-10T12:00:00Z'");
    assert_from_new_to_old(&reading);
}

static void source_query__passes_over_no_run_when_others_go_meanwhile(void **state)
{
    struct reading reading = {.others_do = "DELETE FROM agent_runs WHERE id > 2000"};

    read_all(&reading, *state, "'2025-12-10T12:00:00Z'");
    assert_from_new_to_old(&reading);
}

static void source_query__finds_its_place_among_times_of_any_length(void **state)
{
    struct reading reading = {0};

    read_all(&reading, *state, "printf('%0500d', i)");
    assert_from_new_to_old(&reading);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(source_query__repeats_no_run_when_others_come_meanwhile,
                                        fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(source_query__passes_over_no_run_when_others_go_meanwhile,
                                        fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(source_query__finds_its_place_among_times_of_any_length,
                                        fixture_setup, fixture_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
