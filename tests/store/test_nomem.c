/* SPDX-License-Identifier: MIT
 *
 * An allocation of an operation fails, each of ours and, of the many more that SQLite makes, some: it
 * says that memory is short and has done nothing, or gives the answer that it gives otherwise. The
 * store goes on. The same when it cannot read its file.
 *
 * The first argument is a seed.
 */
#include "support/cmocka_all.h"

#include <glob.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "store/lock.h"
#include "support/database.h"
#include "support/nomem.h"
#include "support/nomem_sqlite.h"
#include "support/random.h"
#include "support/scratch.h"
#include "support/sqlite_faults.h"

#define SEED 20251210
#define LAST 6    /* allocations of each operation that are always tried, */
#define POINTS 30 /* and others by chance; TELEMETRY_TEST_LONG=1: all, but no more than... */
#define LONG_POINTS 6000
#define TIME "2025-01-01T00:00:00.000000+00:00"

static bool is_long;

/* ---- Findings -------------------------------------------------------------------------------- */

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
        (void)(note_run(NULL, &run) + note_run(NULL, &newest));
    return error;
}

static tel_error view(struct store *store)
{
    return store_view(store, "e2", note_run, NULL, NULL);
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
    CLEANUP(freep) char *run_id = NULL;
    struct write writes[] = {
        {.kind = WRITE_CREATE, .record = &run},
        {.kind = WRITE_UPDATE, .record = &change, .merges = true, .run_id = &run_id},
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
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(writes[i].result == WRITE_PENDING, error != TEL_OK);
        note_number(writes[i].result);
    }
    note(run_id);
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
    assert_int_equal(other_int(path, "SELECT api_retry_count + (metrics_json = '{\"a\":1,\"b\":"
                                     "{\"c\":2}}') FROM agent_runs WHERE event_id = 'e1'"),
                     2 * (int)all);
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

static size_t points(long made)
{
    return !is_long ? POINTS : made < LONG_POINTS ? (size_t)made : LONG_POINTS;
}

/* Return the number of one allocation of `made`: the last ones are all tried, which end it. */
static long choose(long made, size_t i)
{
    return points(made) >= (size_t)made ? (long)i + 1
           : i < LAST                   ? made - (long)i
                                        : 1 + (long)random_below((size_t)made);
}

/* Do something, its n-th allocation failing, and judge it. n 0: none fails. Return how many there
 * were. */
typedef long attempt(struct fixture *fixture, const void *arg, long n);

static void at_each_point(attempt *try, struct fixture *fixture, const void *arg)
{
    long made = try(fixture, arg, 0);

    for (long n = 1; n <= made; n++)
        (void)try(fixture, arg, n);
}

static void at_points(attempt *try, struct fixture *fixture, const void *arg)
{
    long made;

    nomem_spares_sqlite = true;
    at_each_point(try, fixture, arg);
    nomem_spares_sqlite = false;
    made = try(fixture, arg, 0);
    for (size_t i = 0; i < points(made); i++)
        (void)try(fixture, arg, choose(made, i));
}

/* It said so, and kept nothing. */
static void assert_out_of_memory(tel_error error, long n, long blocks_before)
{
    assert_int_equal(error, n ? TEL_E_NOMEM : TEL_OK);
    assert_int_equal(atomic_load(&nomem->in_use), blocks_before);
}

static void close_store(struct fixture *fixture)
{
    store_close(fixture->store);
    fixture->store = NULL;
}

/* ---- Operations ------------------------------------------------------------------------------ */

/* What fails, and what is said then. */
struct kind {
    void (*arm)(long n);
    long (*disarm)(void);
    tel_error errors[2]; /* one of them */
};

static void memory_arm(long n)
{
    nomem_arm(n, n);
}

static void reads_arm(long n)
{
    sqlite_fail_read_at(n ? (size_t)n : SIZE_MAX);
}

static long reads_disarm(void)
{
    long made = (long)sqlite_calls();

    sqlite_fail_read_at(0);
    return made;
}

static const struct kind memory = {memory_arm, nomem_disarm, {TEL_E_NOMEM, TEL_E_NOMEM}};
/* To SQLite, what the disk fails to give is damage. */
static const struct kind reads = {reads_arm, reads_disarm, {TEL_E_CORRUPT, TEL_E_IO}};

struct expected {
    const struct kind *kind;
    operation *operate;
    char *findings;
};

/* Do it without what an earlier one has prepared. */
static long operate_with_fault(struct fixture *fixture, const void *arg, long n)
{
    const struct expected *expected = arg;
    struct store *store = fixture_open(fixture);
    tel_error error;
    long made;

    expected->kind->arm(n);
    error = expected->operate(store);
    made = expected->kind->disarm();
    if (error)
        assert_true(n &&
                    (error == expected->kind->errors[0] || error == expected->kind->errors[1]));
    else
        assert_found(expected->findings);
    strbuf_reset(&findings);
    if (expected->operate == write_all)
        assert_all_or_nothing(fixture->path, !error);
    undo_writes(fixture->path);                         /* nothing keeps others from writing... */
    assert_int_equal(expected->operate(store), TEL_OK); /* ...or this one from going on */
    assert_found(expected->findings);
    undo_writes(fixture->path);
    return made;
}

/* Have `try` do each operation with such faults. */
static void at_all(struct fixture *fixture, const struct kind *kind,
                   void (*try)(attempt *attempt, struct fixture *fixture, const void *arg))
{
    static operation *const operations[] = {
        list_by_prefixes, list_by_spans, find_children, list_values, count, get, view, check, probe,
        print_schema,     write_all};

    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++) {
        struct expected expected = {.kind = kind, .operate = operations[i]};

        assert_int_equal(operations[i](fixture_open(fixture)), TEL_OK);
        expected.findings = strdup(findings.text ? findings.text : "");
        strbuf_reset(&findings);
        undo_writes(fixture->path);
        try(operate_with_fault, fixture, &expected);
        free(expected.findings);
    }
}

static void operation__without_memory_does_nothing_or_all(void **state)
{
    at_all(*state, &memory, at_points);
}

static void operation__on_a_disk_that_fails_to_read_says_so_and_does_nothing(void **state)
{
    at_all(*state, &reads, at_each_point);
}

/* ---- Files ----------------------------------------------------------------------------------- */

static long open_without_memory(struct fixture *fixture, const void *arg, long n)
{
    long before = atomic_load(&nomem->in_use);
    struct store *store;
    tel_error error;
    long made;

    (void)arg;
    nomem_arm(n, n);
    error = store_open(&store, &fixture->options, NULL);
    made = nomem_disarm();
    if (error) {
        assert_null(store);
        assert_out_of_memory(error, n, before);
    }
    store_close(store);
    return made;
}

static void open__without_memory_fails_and_leaves_nothing_open(void **state)
{
    close_store(*state);
    at_points(open_without_memory, *state, NULL);
}

static long make_without_memory(struct fixture *fixture, const void *arg, long n)
{
    long made;

    close_store(fixture);
    store_remove(fixture->path);
    made = open_without_memory(fixture, arg, n);
    assert_int_equal(create_run(fixture_open(fixture), "e1", TEL_SUCCESS), WRITE_CREATED);
    return made;
}

static void new_database__without_memory_is_none_or_whole(void **state)
{
    at_points(make_without_memory, *state, NULL);
}

/* Version 1, with a column, an index and a reference of its own. */
static const char old_database[] =
    "CREATE TABLE agent_runs (run_id TEXT PRIMARY KEY, agent_name TEXT, start_time TEXT, \"a\"\"b\""
    " INT); CREATE INDEX theirs ON agent_runs (run_id, agent_name); CREATE TABLE run_events (id INTEGER"
    " PRIMARY KEY AUTOINCREMENT, run_id TEXT NOT NULL REFERENCES agent_runs (run_id), event_type"
    " TEXT NOT NULL, timestamp TEXT NOT NULL, payload_json TEXT); INSERT INTO agent_runs VALUES"
    " ('1', 'crawler', '2024-01-01', 7);";
static char *schema_of(const char *path)
{
    return other_text(path, "SELECT group_concat(sql) FROM sqlite_schema");
}

/* Count the copies of the database, or all files of such a name. */
static size_t count_copies(const struct fixture *fixture, const char *names)
{
    CLEANUP(freep) char *pattern = scratch_path(fixture->directory, names);
    glob_t copies;
    size_t count;

    (void)glob(pattern, 0, NULL, &copies);
    count = copies.gl_pathc;
    globfree(&copies);
    return count;
}

/* `arg`: the schema that it is brought to. */
static long migrate_without_memory(struct fixture *fixture, const void *arg, long n)
{
    CLEANUP(freep) char *before = NULL;
    CLEANUP(freep) char *after = NULL;
    CLEANUP(freep) char *at_last = NULL;
    size_t copies = count_copies(fixture, "db/*.v1-*.copy");
    long made;

    close_store(fixture);
    store_remove(fixture->path);
    other_exec(fixture->path, old_database);
    before = schema_of(fixture->path);
    made = open_without_memory(fixture, arg, n);
    after = schema_of(fixture->path);
    copies += strcmp(after, before) != 0;
    assert_int_equal(count_copies(fixture, "db/*.copy"), copies);
    assert_int_equal(count_copies(fixture, "db/*.v1-*.copy"), copies);
    fixture_open(fixture);
    at_last = schema_of(fixture->path);
    assert_string_equal(at_last, arg);
    assert_int_equal(other_int(fixture->path, "SELECT \"a\"\"b\" FROM agent_runs"), 7);
    return made;
}

static void old_database__without_memory_stays_or_is_brought_up(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(freep) char *schema = NULL;

    close_store(fixture);
    store_remove(fixture->path);
    other_exec(fixture->path, old_database);
    fixture->options.migrates = true;
    fixture_open(fixture);
    schema = schema_of(fixture->path);
    assert_non_null(strstr(schema, "INDEX theirs"));
    at_points(migrate_without_memory, fixture, schema);
}

static void make_database(const char *path, const char *event_id)
{
    const struct store_options options = {.path = path};
    struct store *store;

    assert_int_equal(store_open(&store, &options, NULL), TEL_OK);
    assert_int_equal(create_run(store, event_id, TEL_SUCCESS), WRITE_CREATED);
    store_close(store);
}

static void assert_holds(const char *path, const char *event_id)
{
    CLEANUP(freep) char *found = other_text(path, "SELECT group_concat(event_id) FROM agent_runs");

    assert_string_equal(found, event_id);
}

static long install_without_memory(struct fixture *fixture, const void *arg, long n)
{
    CLEANUP(freep) char *path = scratch_path(fixture->directory, "db/new");
    CLEANUP(freep) char *kept = NULL;
    long before;
    long made;
    tel_error error;

    (void)arg;
    store_remove(fixture->path);
    make_database(fixture->path, "old");
    make_database(path, "new");
    before = atomic_load(&nomem->in_use);
    nomem_arm(n, n);
    error = store_install(&kept, path, fixture->path, NULL);
    made = nomem_disarm();
    if (error) {
        assert_null(kept);
        assert_out_of_memory(error, n, before);
    }
    assert_holds(fixture->path, error ? "old" : "new");
    assert_holds(error ? path : kept, error ? "new" : "old");
    store_remove(error ? path : kept);
    return made;
}

static void install__without_memory_leaves_both_as_they_were(void **state)
{
    close_store(*state);
    at_points(install_without_memory, *state, NULL);
}

static long lock_without_memory(struct fixture *fixture, const void *arg, long n)
{
    CLEANUP(freep) char *path = scratch_path(fixture->directory, "locks/writer.lock");
    struct writer_lock lock = WRITER_LOCK();
    long before = atomic_load(&nomem->in_use);
    tel_error error;
    long made;

    (void)arg;
    nomem_arm(n, n);
    error = writer_lock_take(&lock, path, FILE_OWNER_ONLY, deadline_in(0), NULL);
    made = nomem_disarm();
    assert_int_equal(lock.fd >= 0, error == TEL_OK);
    if (error)
        assert_out_of_memory(error, n, before);
    writer_lock_release(&lock);
    return made;
}

static void writer_lock__without_memory_is_not_held(void **state)
{
    at_points(lock_without_memory, *state, NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, fixture_teardown)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(operation__without_memory_does_nothing_or_all),
        TEST(operation__on_a_disk_that_fails_to_read_says_so_and_does_nothing),
        TEST(open__without_memory_fails_and_leaves_nothing_open),
        TEST(new_database__without_memory_is_none_or_whole),
        TEST(old_database__without_memory_stays_or_is_brought_up),
        TEST(install__without_memory_leaves_both_as_they_were),
        TEST(writer_lock__without_memory_is_not_held),
    };

    if (!MALLOC_MAY_BE_OURS)
        return SKIPPED;
    nomem_watch_sqlite();
    is_long = getenv("TELEMETRY_TEST_LONG") != NULL;
    random_begin(argc, argv, SEED);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
