/* SPDX-License-Identifier: MIT */
#include "support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "support/calls.h"
#include "support/database.h"
#include "support/scratch.h"

static const char runs[] = "SELECT group_concat(event_id) FROM agent_runs";

/* Make a database of one run at `path`, which nobody has open afterwards. */
static void make_database(struct fixture *fixture, const char *path, const char *event_id)
{
    struct store_options options = fixture->options;
    struct store *store;

    options.path = path;
    assert_int_equal(store_open(&store, &options, NULL), TEL_OK);
    assert_int_equal(create_run(store, event_id, "success"), WRITE_CREATED);
    store_close(store);
}

static void assert_runs(const char *path, const char *expected)
{
    CLEANUP(freep) char *found = other_text(path, runs);

    assert_string_equal(found, expected);
}

static void store_install__puts_the_new_one_where_there_was_none(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(freep) char *path = scratch_path(fixture->directory, "db/new");
    char *kept;

    make_database(fixture, path, "new");
    assert_int_equal(store_install(&kept, path, fixture->path, NULL), TEL_OK);
    assert_null(kept);
    assert_runs(fixture->path, "new");
    assert_int_equal(access(path, F_OK), -1);
}

static void store_install__keeps_the_old_one_under_a_name_of_its_own(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(freep) char *path = scratch_path(fixture->directory, "db/new");
    CLEANUP(freep) char *first = NULL;
    CLEANUP(freep) char *second = NULL;

    make_database(fixture, fixture->path, "old");
    make_database(fixture, path, "new");
    assert_int_equal(store_install(&first, path, fixture->path, NULL), TEL_OK);
    make_database(fixture, path, "newer");
    assert_int_equal(store_install(&second, path, fixture->path, NULL), TEL_OK);
    assert_runs(first, "old");
    assert_runs(second, "new");
    assert_runs(fixture->path, "newer");
}

static void store_install__lets_no_journal_of_the_old_one_reach_the_new(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(freep) char *path = scratch_path(fixture->directory, "db/new");
    CLEANUP(freep) char *journal = scratch_path(fixture->directory, "db/telemetry.sqlite-wal");
    CLEANUP(freep) char *kept = NULL;

    make_database(fixture, path, "new");
    scratch_write(fixture->path, "no database at all");
    scratch_write(journal, "what was beside it");
    assert_int_equal(store_install(&kept, path, fixture->path, NULL), TEL_OK);
    assert_int_equal(access(journal, F_OK), -1);
    assert_runs(fixture->path, "new");
}

static void store_install__that_fails_leaves_the_old_one_as_it_was(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(freep) char *path = scratch_path(fixture->directory, "db/new");
    CLEANUP(freep) char *beside = scratch_path(fixture->directory, "db/telemetry.sqlite-shm");
    struct stat status;
    char *kept;

    store_close(fixture_open(fixture));
    fixture->store = NULL;
    scratch_write(fixture->path, "none of ours");
    scratch_write(beside, "its index");
    assert_int_equal(store_install(&kept, path, fixture->path, NULL), TEL_E_IO);
    assert_null(kept);
    assert_int_equal(stat(fixture->path, &status), 0);
    assert_int_equal(status.st_nlink, 1);
    assert_int_equal(access(beside, F_OK), 0);
}

/* The first such call is refused: the error says `words`, and all is as it was. */
static void assert_gives_up(struct fixture *fixture, const char *call, const char *words)
{
    CLEANUP(freep) char *path = scratch_path(fixture->directory, "db/new");
    CLEANUP(freep) char *beside = scratch_path(fixture->directory, "db/telemetry.sqlite-shm");
    CLEANUP(freep) char *content = NULL;
    tel_fault fault = {0};
    struct stat status;
    tel_error error;
    char *kept;

    store_remove(path);
    make_database(fixture, path, "new");
    scratch_write(fixture->path, "none of ours");
    scratch_write(beside, "its index");
    calls_arm(1, 1, EPERM, call);
    error = store_install(&kept, path, fixture->path, &fault);
    assert_true(calls_disarm() > 0);
    assert_int_equal(error, TEL_E_IO);
    assert_null(kept);
    assert_non_null(strstr(fault.text, words));
    assert_non_null(strstr(fault.text, fixture->path));
    content = scratch_read(fixture->path);
    assert_string_equal(content, "none of ours");
    assert_int_equal(stat(fixture->path, &status), 0);
    assert_int_equal(status.st_nlink, 1);
    assert_int_equal(access(beside, F_OK), 0);
    assert_runs(path, "new");
}

static void store_install__that_cannot_keep_the_old_one_gives_up(void **state)
{
    struct fixture *fixture = *state;

    store_close(fixture_open(fixture));
    fixture->store = NULL;
    assert_gives_up(fixture, "link", "cannot keep");
    assert_gives_up(fixture, "rename", "cannot move");
}

static void store_install__leaves_a_database_that_is_being_written_to(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(freep) char *path = scratch_path(fixture->directory, "db/new");
    char *kept;
    void *writer;

    make_database(fixture, fixture->path, "old");
    make_database(fixture, path, "new");
    writer = other_begin(fixture->path, "BEGIN EXCLUSIVE");
    assert_int_equal(store_install(&kept, path, fixture->path, NULL), TEL_E_BUSY);
    other_end(writer);
    assert_runs(fixture->path, "old");
    assert_runs(path, "new");
}

static void store_remove__removes_what_is_beside_it_too(void **state)
{
    struct fixture *fixture = *state;
    static const char *const names[] = {"db/new", "db/new-journal", "db/new-wal", "db/new-shm"};
    CLEANUP(freep) char *path = scratch_path(fixture->directory, names[0]);

    make_database(fixture, path, "new");
    for (size_t i = 1; i < sizeof names / sizeof *names; i++) {
        CLEANUP(freep) char *beside = scratch_path(fixture->directory, names[i]);

        scratch_write(beside, "");
    }
    store_remove(path);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        CLEANUP(freep) char *gone = scratch_path(fixture->directory, names[i]);

        assert_int_equal(access(gone, F_OK), -1);
    }
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(store_install__puts_the_new_one_where_there_was_none),
        TEST(store_install__keeps_the_old_one_under_a_name_of_its_own),
        TEST(store_install__lets_no_journal_of_the_old_one_reach_the_new),
        TEST(store_install__that_fails_leaves_the_old_one_as_it_was),
        TEST(store_install__that_cannot_keep_the_old_one_gives_up),
        TEST(store_install__leaves_a_database_that_is_being_written_to),
        TEST(store_remove__removes_what_is_beside_it_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
