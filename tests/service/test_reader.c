/* SPDX-License-Identifier: MIT */
#include "support/cmocka_all.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "http/rest.h"
#include "service/reader.h"
#include "store/sqlite.h"
#include "support/database.h"
#include "support/scratch.h"
#include "support/together.h"

#define STORES 2
#define THREADS 6
#define ROUNDS 50
#define MINUTE_MS 60000

static struct reader *make_reader(const char *directory, char **path)
{
    struct store_options options = {.busy_timeout_ms = 1000};
    struct reader *reader;
    struct store *store;

    *path = scratch_path(directory, "runs.sqlite");
    options.path = *path;
    assert_int_equal(store_open(&store, &options, NULL), TEL_OK);
    store_close(store);
    assert_int_equal(reader_new(&reader, &options, STORES, NULL), TEL_OK);
    return reader;
}

struct crowd {
    struct reader *reader;
    atomic_size_t reading;
    atomic_size_t most;
    atomic_size_t read;
};

static int pass_over(void *arg, const tel_record *run)
{
    (void)arg;
    (void)run;
    return 0;
}

static void read_often(void *arg, size_t number)
{
    struct crowd *crowd = arg;
    struct run_query query = {.limit = 1};

    (void)number;
    for (int i = 0; i < ROUNDS; i++) {
        struct store *store;
        size_t reading;
        tel_error error;

        if (reader_take(crowd->reader, &store, NULL))
            continue;
        reading = atomic_fetch_add(&crowd->reading, 1) + 1;
        if (reading > atomic_load(&crowd->most))
            atomic_store(&crowd->most, reading);
        error = store_query(store, &query, pass_over, NULL, NULL);
        atomic_fetch_add(&crowd->read, error == TEL_OK);
        atomic_fetch_sub(&crowd->reading, 1);
        reader_give(crowd->reader, store, error);
    }
}

static void reader_take__gives_each_connection_to_one_thread_at_a_time(void **state)
{
    CLEANUP(freep) char *path = NULL;
    struct crowd crowd = {.reader = make_reader(*state, &path)};

    together(THREADS, read_often, &crowd);
    assert_int_equal(crowd.read, THREADS * ROUNDS);
    assert_in_range(crowd.most, 1, STORES);
    reader_free(crowd.reader);
}

static void reader_give__keeps_what_is_sound(void **state)
{
    static const tel_error sound[] = {TEL_OK, TEL_E_NOT_FOUND, TEL_E_BUSY};
    CLEANUP(freep) char *path = NULL;
    struct reader *reader = make_reader(*state, &path);
    struct store *first;
    struct store *again;

    assert_int_equal(reader_take(reader, &first, NULL), TEL_OK);
    for (size_t i = 0; i < sizeof sound / sizeof *sound; i++) {
        reader_give(reader, first, sound[i]);
        assert_int_equal(reader_take(reader, &again, NULL), TEL_OK);
        assert_ptr_equal(again, first);
    }
    reader_give(reader, first, TEL_OK);
    reader_free(reader);
    reader_free(NULL);
}

/* A connection that saw a damaged or moved file would go on seeing it. */
static void reader_give__closes_what_a_fault_came_from(void **state)
{
    CLEANUP(freep) char *path = NULL;
    CLEANUP(freep) char *aside = scratch_path(*state, "aside.sqlite");
    struct reader *reader = make_reader(*state, &path);
    struct store *store;
    tel_fault fault = {0};

    assert_int_equal(reader_take(reader, &store, NULL), TEL_OK);
    reader_give(reader, store, TEL_E_IO);
    assert_int_equal(rename(path, aside), 0);
    for (int i = 0; i < STORES + 1; i++) { /* it takes no place either */
        assert_int_not_equal(reader_take(reader, &store, &fault), TEL_OK);
        assert_true(*fault.text);
    }
    assert_int_equal(rename(aside, path), 0);
    assert_int_equal(reader_take(reader, &store, NULL), TEL_OK);
    reader_give(reader, store, TEL_OK);
    reader_free(reader);
}

/* ---- What a thread keeps --------------------------------------------------------------------- */

/* A read of this thread, which holds what it may hold for longer than any test takes. */
static struct store *read_on(struct reader *reader, bool may_hold)
{
    struct store *store;
    tel_error error = reader_take_kept(reader, &store, NULL);

    if (error)
        return NULL;
    store->hold_ms = MINUTE_MS;
    error = store_view(store, "e1", pass_over, NULL, NULL);
    reader_keep(reader, store, error, may_hold);
    return error == TEL_E_NOT_FOUND ? store : NULL;
}

static struct store *read_one(struct reader *reader, bool may_hold)
{
    struct store *store = read_on(reader, may_hold);

    assert_non_null(store);
    return store;
}

static void reader_keep__holds_others_up_from_the_second_read_until_the_thread_rests(void **state)
{
    CLEANUP(freep) char *path = NULL;
    struct reader *reader = make_reader(*state, &path);
    struct store *first;

    rest_before_waiting();
    for (int i = 0; i < 2; i++) {
        first = read_one(reader, true);
        assert_true(other_can_commit(path));
        for (int more = 0; more < 3; more++) {
            assert_ptr_equal(read_one(reader, true), first);
            assert_false(other_can_commit(path));
        }
        rest_now();
        assert_true(other_can_commit(path));
    }
    reader_free(reader);
}

static void reader_keep__holds_nobody_up_when_it_may_not(void **state)
{
    CLEANUP(freep) char *path = NULL;
    struct reader *reader = make_reader(*state, &path);

    rest_before_waiting();
    (void)read_one(reader, true);
    (void)read_one(reader, true);
    assert_false(other_can_commit(path));
    for (int i = 0; i < 2; i++) {
        (void)read_one(reader, false);
        assert_true(other_can_commit(path));
    }
    (void)read_one(reader, true);
    assert_false(other_can_commit(path));
    rest_now();
    reader_free(reader);
}

static void reader_keep__holds_nobody_up_when_its_turn_is_over(void **state)
{
    CLEANUP(freep) char *path = NULL;
    struct reader *reader = make_reader(*state, &path);
    struct store *store;

    rest_before_waiting();
    (void)read_one(reader, true);
    assert_int_equal(reader_take_kept(reader, &store, NULL), TEL_OK);
    store->hold_ms = 0;
    assert_int_equal(store_view(store, "e1", pass_over, NULL, NULL), TEL_E_NOT_FOUND);
    assert_false(other_can_commit(path));
    reader_keep(reader, store, TEL_OK, true);
    assert_true(other_can_commit(path));
    rest_now();
    reader_free(reader);
}

/* With as many connections as threads, each would wait for itself. */
static void reader_take__takes_what_the_thread_kept(void **state)
{
    CLEANUP(freep) char *path = NULL;
    struct reader *reader = make_reader(*state, &path);
    struct store *stores[STORES];

    rest_before_waiting();
    (void)read_one(reader, true);
    (void)read_one(reader, true);
    for (size_t i = 0; i < STORES; i++)
        assert_int_equal(reader_take(reader, &stores[i], NULL), TEL_OK);
    assert_true(other_can_commit(path));
    for (size_t i = 0; i < STORES; i++)
        reader_give(reader, stores[i], TEL_OK);
    reader_free(reader);
}

static void reader_keep__gives_back_what_a_fault_came_from(void **state)
{
    static const tel_error faults[] = {TEL_E_BUSY, TEL_E_IO};
    CLEANUP(freep) char *path = NULL;
    struct reader *reader = make_reader(*state, &path);
    struct store *store;

    rest_before_waiting();
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        (void)read_one(reader, true);
        (void)read_one(reader, true);
        assert_int_equal(reader_take_kept(reader, &store, NULL), TEL_OK);
        reader_keep(reader, store, faults[i], true);
        assert_true(other_can_commit(path));
        rest_now();
    }
    read_one(reader, true);
    rest_now();
    reader_free(reader);
}

static void reader_take_kept__that_fails_can_be_tried_again(void **state)
{
    CLEANUP(freep) char *path = NULL;
    CLEANUP(freep) char *aside = scratch_path(*state, "aside.sqlite");
    struct reader *reader = make_reader(*state, &path);
    struct store *store;

    rest_before_waiting();
    store = read_one(reader, true);
    sqlite_disconnect(store);
    assert_int_equal(rename(path, aside), 0);
    for (int i = 0; i < STORES + 1; i++)
        assert_int_not_equal(reader_take_kept(reader, &store, NULL), TEL_OK);
    assert_int_equal(rename(aside, path), 0);
    for (int i = 0; i < 3; i++)
        (void)read_one(reader, true);
    assert_false(other_can_commit(path));
    rest_now();
    reader_free(reader);
}

struct leaving {
    struct reader *reader;
    const char *path;
    bool waits; /* for requests, now and then */
    bool has_read;
    bool could_commit;
};

/* A thread that ends in the middle of what it keeps. */
static void leave(void *arg, size_t number)
{
    struct leaving *leaving = arg;

    (void)number;
    if (leaving->waits)
        rest_before_waiting();
    leaving->has_read = read_on(leaving->reader, true) && read_on(leaving->reader, true);
    leaving->could_commit = other_can_commit(leaving->path);
}

static void end_of_a_thread__lets_go_of_what_it_kept(void **state)
{
    CLEANUP(freep) char *path = NULL;
    struct leaving leaving = {.reader = make_reader(*state, &path), .path = path, .waits = true};

    together(1, leave, &leaving);
    assert_true(leaving.has_read);
    assert_false(leaving.could_commit);
    assert_true(other_can_commit(path));
    reader_free(leaving.reader);
}

static void thread_that_never_waits__keeps_nothing(void **state)
{
    CLEANUP(freep) char *path = NULL;
    struct leaving leaving = {.reader = make_reader(*state, &path), .path = path};

    together(1, leave, &leaving);
    assert_true(leaving.has_read);
    assert_true(leaving.could_commit);
    reader_free(leaving.reader);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scratch_set_up, scratch_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(reader_take__gives_each_connection_to_one_thread_at_a_time),
        TEST(reader_give__keeps_what_is_sound),
        TEST(reader_give__closes_what_a_fault_came_from),
        TEST(reader_keep__holds_others_up_from_the_second_read_until_the_thread_rests),
        TEST(reader_keep__holds_nobody_up_when_it_may_not),
        TEST(reader_keep__holds_nobody_up_when_its_turn_is_over),
        TEST(reader_take__takes_what_the_thread_kept),
        TEST(reader_keep__gives_back_what_a_fault_came_from),
        TEST(reader_take_kept__that_fails_can_be_tried_again),
        TEST(end_of_a_thread__lets_go_of_what_it_kept),
        TEST(thread_that_never_waits__keeps_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
