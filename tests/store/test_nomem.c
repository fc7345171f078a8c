/* SPDX-License-Identifier: MIT
 *
 * An allocation of an operation fails, of SQLite's too: it says that memory is short and has done
 * nothing, or gives the answer that it gives otherwise. The store goes on.
 *
 * The first argument is a seed; without one each run of the program has another.
 */
#include "support/cmocka_all.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "support/database.h"
#include "support/nomem.h"
#include "support/scratch.h"

#define LAST 6    /* allocations of each operation that are always tried, */
#define POINTS 30 /* and others by chance; TELEMETRY_TEST_LONG=1: all */
#define TIME "2025-01-01T00:00:00.000000+00:00"

static unsigned seed;
static bool is_long;

/* What an operation found out, in words. Writing it down needs memory too, which does not count. */
static struct strbuf findings = {.max = 1000000};

static void note(const char *text)
{
    nomem_is_spared = true;
    strbuf_printf(&findings, "%s;", text ? text : "");
    nomem_is_spared = false;
}

static void note_number(int64_t number)
{
    nomem_is_spared = true;
    strbuf_printf(&findings, "%" PRId64 ";", number);
    nomem_is_spared = false;
}

static int note_run(void *arg, const tel_record *run)
{
    (void)arg;
    note(record_text(run, FIELD_event_id));
    note(record_text(run, FIELD_metrics_json));
    return 0;
}

static int note_child(void *arg, size_t parent, const struct tel_record *child)
{
    note_number((int64_t)parent);
    return note_run(arg, child);
}

static int note_value(void *arg, const char *value)
{
    (void)arg;
    note(value);
    return 0;
}

static void note_count(void *arg, const struct run_count *count)
{
    (void)arg;
    note(count->agent_name);
    note_number(count->count);
}

/* ---- Reading --------------------------------------------------------------------------------- */

static tel_error list_by_prefixes(struct store *store)
{
    const struct run_query query = {.agent_prefix = "crawl",
                                    .commit = "0123456",
                                    .statuses = {TEL_RUNNING, TEL_SUCCESS},
                                    .status_count = 2,
                                    .created_before = "9",
                                    .limit = 10};

    return store_query(store, &query, note_run, NULL, NULL);
}

static tel_error list_by_spans(struct store *store)
{
    const struct run_query query = {.equals[FIELD_job_type] = "nightly",
                                    .start_from = TIME,
                                    .after_time = "3",
                                    .limit = 2};

    return store_query(store, &query, note_run, NULL, NULL);
}

static tel_error find_children(struct store *store)
{
    const struct run_parent parents[] = {{.id = 1, .event_id = "e1", .run_id = "a run"},
                                         {.id = 2, .event_id = "e2", .run_id = "a run"}};

    return store_children(store, parents, 2, note_child, NULL, NULL);
}

static tel_error list_values(struct store *store)
{
    tel_error error = store_values(store, FIELD_agent_name, note_value, NULL, NULL);

    return error ? error : store_values(store, FIELD_job_type, note_value, NULL, NULL);
}

static tel_error count(struct store *store)
{
    struct run_figures figures = {.since = TIME, .each = note_count};
    tel_error error = store_figures(store, &figures, NULL);

    if (!error)
        error = store_stats(store, &figures.stats, NULL);
    if (!error)
        note_number(figures.stats.total + figures.recent);
    return error;
}

static tel_error get(struct store *store)
{
    CLEANUP(record_clear) struct tel_record run = RECORD();
    CLEANUP(record_clear) struct tel_record newest = RECORD();
    tel_error error = store_get(store, "e1", &run, NULL);

    if (!error)
        error = store_get_by_run_id(store, "a run", &newest, NULL);
    if (!error)
        error = store_view(store, "e2", note_run, NULL, NULL);
    if (!error)
        (void)(note_run(NULL, &run) + note_run(NULL, &newest));
    return error;
}

static tel_error check(struct store *store)
{
    return store_check(store, /* full= */ true, NULL);
}

static tel_error probe(struct store *store)
{
    return store_probe(store, NULL);
}

static tel_error print_schema(struct store *store)
{
    CLEANUP(freep) char *sql = store_schema_sql();

    (void)store;
    note(sql);
    return sql ? TEL_OK : TEL_E_NOMEM;
}

/* ---- Writing --------------------------------------------------------------------------------- */

/* All at once, so that all or nothing is done. */
static tel_error write_all(struct store *store)
{
    CLEANUP(record_clear) struct tel_record run = RECORD();
    CLEANUP(record_clear) struct tel_record change = RECORD();
    struct write writes[] = {
        {.kind = WRITE_CREATE, .record = &run},
        {.kind = WRITE_UPDATE, .record = &change, .merges = true},
        {.kind = WRITE_LATE_UPDATE, .record = &change},
        {.kind = WRITE_RETRY_COUNT, .record = &change},
    };
    struct write *all[] = {&writes[0], &writes[1], &writes[2], &writes[3]};
    tel_error error;

    nomem_is_spared = true;
    make_run(&run, "new", TEL_RUNNING);
    assert_int_equal(record_set_text(&change, FIELD_event_id, "e1", NULL), TEL_OK);
    assert_int_equal(record_set_text(&change, FIELD_metrics_json, "{\"b\":{\"c\":2}}", NULL),
                     TEL_OK);
    nomem_is_spared = false;
    error = store_apply(store, all, 4, NULL);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(writes[i].result == WRITE_PENDING, error != TEL_OK);
    return error;
}

static void undo_writes(const char *path)
{
    other_exec(path, "DELETE FROM agent_runs WHERE event_id = 'new'; UPDATE agent_runs SET"
                     " metrics_json = '{\"a\":1}', api_retry_count = 0 WHERE event_id = 'e1'");
}

/* Half of it would be the one without the other. */
static void assert_all_or_nothing(const char *path, bool all)
{
    assert_int_equal(other_int(path, "SELECT count(*) FROM agent_runs WHERE event_id = 'new'"),
                     all);
    assert_int_equal(other_int(path,
                               "SELECT api_retry_count FROM agent_runs WHERE event_id = 'e1'"),
                     all);
}

/* ---- All of it ------------------------------------------------------------------------------- */

typedef tel_error operation(struct store *store);

static int set_up(void **state)
{
    struct fixture *fixture;
    struct store *store;

    if (fixture_setup(state))
        return -1;
    fixture = *state;
    store = fixture_open(fixture);
    (void)create_run(store, "e1", TEL_SUCCESS);
    (void)create_run(store, "e2", TEL_RUNNING);
    (void)create_run(store, "e3", TEL_RUNNING);
    other_exec(
        fixture->path,
        "UPDATE agent_runs SET git_commit_hash = '0123456' || id, metrics_json = '{\"a\":1}',"
        " parent_run_id = iif(id = 1, NULL, 'a run'), created_at = id");
    return 0;
}

static void assert_found(const char *expected)
{
    assert_string_equal(findings.text ? findings.text : "", expected);
    strbuf_reset(&findings);
}

/* Do it without what an earlier one has prepared, the n-th allocation failing. */
static void do_without_memory(struct fixture *fixture, operation *operate, long n,
                              const char *expected)
{
    struct store *store = fixture_open(fixture);
    tel_error error;

    nomem_arm(n, n);
    error = operate(store);
    (void)nomem_disarm();
    if (error)
        assert_int_equal(error, TEL_E_NOMEM);
    else
        assert_found(expected);
    strbuf_reset(&findings);
    if (operate == write_all)
        assert_all_or_nothing(fixture->path, !error);
    undo_writes(fixture->path);               /* nothing keeps others from writing... */
    assert_int_equal(operate(store), TEL_OK); /* ...or this one from going on */
    assert_found(expected);
    undo_writes(fixture->path);
}

/* Return the number of one allocation of `made`: the last ones are all tried, which end it. */
static long choose(long made, size_t i)
{
    return is_long || (long)i >= made ? (long)i + 1
           : i < LAST                 ? made - (long)i
                                      : 1 + (long)((size_t)rand_r(&seed) % (size_t)made);
}

static size_t points(long made)
{
    return is_long ? (size_t)made : POINTS;
}

static void operation__without_memory_does_nothing_or_all(void **state)
{
    static operation *const operations[] =
        {list_by_prefixes, list_by_spans, find_children, list_values, count, get, check, probe,
         print_schema,     write_all};
    struct fixture *fixture = *state;

    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++) {
        struct store *store = fixture_open(fixture);
        CLEANUP(freep) char *expected = NULL;
        long made;

        nomem_arm(0, 0);
        assert_int_equal(operations[i](store), TEL_OK);
        made = nomem_disarm();
        assert_true(made > 5);
        expected = strdup(findings.text ? findings.text : "");
        strbuf_reset(&findings);
        undo_writes(fixture->path);
        for (size_t k = 0; k < points(made); k++)
            do_without_memory(fixture, operations[i], choose(made, k), expected);
    }
}

static void open_without_memory(struct fixture *fixture, long n)
{
    long before = atomic_load(&nomem->in_use);
    struct store *store;
    tel_error error;

    nomem_arm(n, n);
    error = store_open(&store, &fixture->options, NULL);
    (void)nomem_disarm();
    if (error) {
        assert_int_equal(error, TEL_E_NOMEM);
        assert_null(store);
        assert_int_equal(atomic_load(&nomem->in_use), before);
    }
    store_close(store);
}

static void open__without_memory_fails_and_leaves_nothing_open(void **state)
{
    struct fixture *fixture = *state;
    long made;

    nomem_arm(0, 0);
    fixture_open(fixture);
    made = nomem_disarm();
    store_close(fixture->store);
    fixture->store = NULL;
    for (size_t i = 0; i < points(made); i++)
        open_without_memory(fixture, choose(made, i));
}

static void new_database__without_memory_is_none_or_whole(void **state)
{
    struct fixture *fixture = *state;
    long made;

    store_close(fixture->store);
    fixture->store = NULL;
    store_remove(fixture->path);
    nomem_arm(0, 0);
    fixture_open(fixture);
    made = nomem_disarm();
    for (size_t i = 0; i < points(made); i++) {
        store_close(fixture->store);
        fixture->store = NULL;
        store_remove(fixture->path);
        open_without_memory(fixture, choose(made, i));
        assert_int_equal(create_run(fixture_open(fixture), "e1", TEL_SUCCESS), WRITE_CREATED);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, fixture_teardown)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(operation__without_memory_does_nothing_or_all),
        TEST(open__without_memory_fails_and_leaves_nothing_open),
        TEST(new_database__without_memory_is_none_or_whole),
    };

    if (!MALLOC_MAY_BE_OURS)
        return SKIPPED;
    is_long = getenv("TELEMETRY_TEST_LONG") != NULL;
    seed = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : (unsigned)time(NULL);
    printf("seed %u\n", seed);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
