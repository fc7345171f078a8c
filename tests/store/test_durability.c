/* SPDX-License-Identifier: MIT
 *
 * The disk refuses a sync of ours (SQLite's own are fdatasync()): what it was for is not said to be
 * done. It is counted, so each sync is there.
 */
#include "support/cmocka_all.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "store/sqlite.h"
#include "support/calls.h"
#include "support/database.h"
#include "support/scratch.h"

static void refuse_sync(long n)
{
    calls_arm(n, n, EIO, "fsync");
}

/* What a killed writer committed may not be durable yet. */
static void open__makes_durable_what_it_finds(void **state)
{
    struct fixture *fixture = *state;
    tel_fault fault = {0};
    tel_error error;

    fixture_open(fixture);
    store_close(fixture->store);
    refuse_sync(1);
    error = store_open(&fixture->store, &fixture->options, &fault);
    assert_int_equal(calls_disarm(), 1);
    assert_int_equal(error, TEL_E_IO);
    assert_non_null(strstr(fault.text, "cannot sync"));
    assert_null(fixture->store);
}

static void write__is_not_acknowledged_until_its_commit_is_durable(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture_open(fixture);
    CLEANUP(record_clear) struct tel_record record = RECORD();
    struct write write = {.kind = WRITE_CREATE, .record = &record};
    struct write *writes[] = {&write};
    tel_error error;

    make_run(&record, "e1", TEL_SUCCESS);
    refuse_sync(1);
    error = store_apply(store, writes, 1, NULL);
    assert_int_equal(calls_disarm(), 1);
    assert_int_equal(error, TEL_E_IO);
    assert_int_equal(write.result, WRITE_PENDING);
    assert_int_equal(store_health(store, NULL), TEL_E_IO);
    assert_int_equal(store_apply(store, writes, 1, NULL), TEL_OK);
    assert_int_equal(write.result, WRITE_DUPLICATE);
}

static long syncs_of(struct store *store, enum write_kind kind, const struct tel_record *record,
                     enum write_result expected)
{
    enum write_result result;
    long syncs;

    calls_arm(LONG_MAX, LONG_MAX, EIO, "fdatasync");
    result = apply_write(store, kind, record);
    syncs = calls_disarm();
    assert_int_equal(result, expected);
    return syncs;
}

/* Of the journal two, and one each of its name and of the database, whatever is changed: few pages, or
 * new ones, too. */
static void commit__takes_four_syncs_of_sqlite(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture_open(fixture);
    CLEANUP(record_clear) struct tel_record change = RECORD();

    other_exec(fixture->path, "PRAGMA user_version = -7");
    for (int i = 0; i < 40; i++) {
        CLEANUP(record_clear) struct tel_record record = RECORD();
        char event_id[20];

        (void)snprintf(event_id, sizeof event_id, "e%d", i);
        make_run(&record, event_id, TEL_RUNNING);
        assert_int_equal(syncs_of(store, WRITE_CREATE, &record, WRITE_CREATED), 4);
        assert_int_equal(syncs_of(store, WRITE_CREATE, &record, WRITE_DUPLICATE), 0);
    }
    assert_int_equal(record_set_text(&change, FIELD_event_id, "e1", NULL), TEL_OK);
    assert_int_equal(record_set_text(&change, FIELD_status, TEL_SUCCESS, NULL), TEL_OK);
    assert_int_equal(syncs_of(store, WRITE_UPDATE, &change, WRITE_UPDATED), 4);
    assert_int_equal(other_int(fixture->path, "PRAGMA user_version"), -7);
}

static void probe__finds_the_disk_that_takes_writes_but_loses_them(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture_open(fixture);
    tel_error error;

    refuse_sync(1);
    error = store_probe(store, NULL);
    assert_int_equal(calls_disarm(), 1);
    assert_int_equal(error, TEL_E_IO);
    assert_int_equal(store_probe(store, NULL), TEL_OK);
}

static void probe__keeps_the_connection(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture_open(fixture);
    void *other;

    assert_int_equal(store_probe(store, NULL), TEL_OK);
    assert_non_null(store->db);
    other = other_begin(fixture->path, "BEGIN IMMEDIATE");
    assert_int_equal(store_probe(store, NULL), TEL_E_BUSY);
    other_end(other);
    assert_non_null(store->db);
}

static void probe__leaves_what_is_in_the_way_of_its_trial(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture_open(fixture);
    CLEANUP(freep) char *trial = scratch_path(fixture->directory, "db/telemetry.sqlite.trial");
    tel_fault fault = {0};
    tel_error error;

    assert_int_equal(mkdir(trial, 0700), 0);
    assert_int_equal(store_probe(store, &fault), TEL_E_CORRUPT);
    assert_non_null(strstr(fault.text, trial));
    assert_int_equal(rmdir(trial), 0);
    calls_arm(1, 1, EPERM, "unlink");
    error = store_probe(store, &fault);
    assert_int_equal(calls_disarm(), 1);
    assert_int_equal(error, TEL_E_IO);
    assert_non_null(strstr(fault.text, "cannot remove"));
    assert_int_equal(store_probe(store, NULL), TEL_OK);
    assert_int_equal(access(trial, F_OK), -1);
}

static void probe__finds_that_the_database_is_gone(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture_open(fixture);
    tel_fault fault = {0};

    assert_int_equal(unlink(fixture->path), 0);
    assert_int_equal(store_probe(store, &fault), TEL_E_IO);
    assert_non_null(strstr(fault.text, fixture->path));
}

static int no_run(void *arg, const struct tel_record *run)
{
    (void)arg;
    (void)run;
    fail();
    return 1;
}

static int no_child(void *arg, size_t parent, const struct tel_record *child)
{
    (void)parent;
    return no_run(arg, child);
}

static int no_value(void *arg, const char *value)
{
    (void)value;
    return no_run(arg, NULL);
}

static void no_count(void *arg, const struct run_count *count)
{
    (void)count;
    (void)no_run(arg, NULL);
}

/* After a sync that failed the database is opened again, by whoever needs it next. */
static void read__says_why_it_finds_nothing_when_the_database_cannot_be_opened_again(void **state)
{
    struct fixture *fixture = *state;
    struct run_parent parent = {.id = 1, .run_id = "a run"};
    struct run_figures figures = {.since = "", .each = no_count};
    CLEANUP(record_clear) struct tel_record record = RECORD();
    CLEANUP(record_clear) struct tel_record stored = RECORD();
    struct write write = {.kind = WRITE_CREATE, .record = &record};
    struct write *writes[] = {&write};
    struct store *store;
    void *other;

    fixture->options.busy_timeout_ms = 0;
    store = fixture_open(fixture);
    (void)create_run(store, "e1", TEL_SUCCESS);
    make_run(&record, "e2", TEL_SUCCESS);
    refuse_sync(1);
    assert_int_equal(store_apply(store, writes, 1, NULL), TEL_E_IO);
    (void)calls_disarm();
    other = other_begin(fixture->path, "BEGIN EXCLUSIVE");
    assert_int_equal(store_get(store, "e1", &RECORD(), NULL), TEL_E_BUSY);
    assert_int_equal(store_get_by_run_id(store, "a run", &RECORD(), NULL), TEL_E_BUSY);
    assert_int_equal(store_view(store, "e1", no_run, NULL, NULL), TEL_E_BUSY);
    assert_int_equal(store_query(store, &(struct run_query){.limit = 1}, no_run, NULL, NULL),
                     TEL_E_BUSY);
    assert_int_equal(store_children(store, &parent, 1, no_child, NULL, NULL), TEL_E_BUSY);
    assert_int_equal(store_values(store, FIELD_host, no_value, NULL, NULL), TEL_E_BUSY);
    assert_int_equal(store_figures(store, &figures, NULL), TEL_E_BUSY);
    assert_int_equal(store_stats(store, &figures.stats, NULL), TEL_E_BUSY);
    assert_int_equal(store_check(store, false, NULL), TEL_E_BUSY);
    assert_int_equal(store_probe(store, NULL), TEL_E_BUSY);
    other_end(other);
    assert_int_equal(store_get(store, "e1", &stored, NULL), TEL_OK);
}

/* Install a new file where there is none, the n-th sync refused; return how many there were. */
static long install(struct fixture *fixture, long n, const char *path, tel_error expected)
{
    char *kept;
    tel_error error;
    long syncs;

    scratch_write(path, "the new one");
    refuse_sync(n);
    error = store_install(&kept, path, fixture->path, NULL);
    syncs = calls_disarm();
    assert_int_equal(error, expected);
    assert_null(kept);
    return syncs;
}

static void install__is_done_when_what_was_there_and_what_came_are_durable(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(freep) char *path = scratch_path(fixture->directory, "db/new");

    fixture_open(fixture);
    store_close(fixture->store);
    fixture->store = NULL;
    store_remove(fixture->path);
    assert_int_equal(install(fixture, 1, path, TEL_E_IO), 1); /* the old one's journal is away */
    assert_int_equal(access(fixture->path, F_OK), -1);
    assert_int_equal(install(fixture, 2, path, TEL_E_IO), 2);
    assert_int_equal(unlink(fixture->path), 0);
    assert_int_equal(install(fixture, 3, path, TEL_OK), 2);
    assert_int_equal(access(fixture->path, F_OK), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(open__makes_durable_what_it_finds),
        TEST(write__is_not_acknowledged_until_its_commit_is_durable),
        TEST(commit__takes_four_syncs_of_sqlite),
        TEST(probe__finds_the_disk_that_takes_writes_but_loses_them),
        TEST(probe__keeps_the_connection),
        TEST(probe__leaves_what_is_in_the_way_of_its_trial),
        TEST(probe__finds_that_the_database_is_gone),
        TEST(read__says_why_it_finds_nothing_when_the_database_cannot_be_opened_again),
        TEST(install__is_done_when_what_was_there_and_what_came_are_durable),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
