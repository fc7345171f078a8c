/* SPDX-License-Identifier: MIT */
#include "support/cmocka_all.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "service/reader.h"
#include "support/scratch.h"
#include "support/together.h"

#define STORES 2
#define THREADS 6
#define ROUNDS 50

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(reader_take__gives_each_connection_to_one_thread_at_a_time,
                                        scratch_set_up, scratch_tear_down),
        cmocka_unit_test_setup_teardown(reader_give__keeps_what_is_sound, scratch_set_up,
                                        scratch_tear_down),
        cmocka_unit_test_setup_teardown(reader_give__closes_what_a_fault_came_from, scratch_set_up,
                                        scratch_tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
