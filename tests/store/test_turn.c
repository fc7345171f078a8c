/* SPDX-License-Identifier: MIT
 *
 * Reads that share a transaction, and what others can do meanwhile.
 */
#include "support/cmocka_all.h"

#include "store/sqlite.h"
#include "support/database.h"

#define MINUTE_MS 60000

/* One that holds what it holds until it is told to let go. */
static struct store *open_patient(struct fixture *fixture)
{
    struct store *store = fixture_open(fixture);

    store->hold_ms = MINUTE_MS;
    (void)create_run(store, "e1", TEL_SUCCESS);
    return store;
}

static int keep_host(void *arg, const struct tel_record *run)
{
    const char *host = record_text(run, FIELD_host);

    *(char *)arg = host ? *host : '\0';
    return 0;
}

static char read_host(struct store *store)
{
    char first = '?';

    assert_int_equal(store_view(store, "e1", keep_host, &first, NULL), TEL_OK);
    return first;
}

static void turn__holds_up_others_until_it_ends(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = open_patient(fixture);

    for (int i = 0; i < 2; i++) {
        assert_int_equal(store_begin_turn(store, NULL), TEL_OK);
        assert_true(other_can_commit(fixture->path)); /* nothing was read yet */
        for (int read = 0; read < 3; read++) {
            (void)read_host(store);
            assert_false(store_turn_is_over(store));
            assert_false(other_can_commit(fixture->path));
            assert_int_equal(store_begin_turn(store, NULL), TEL_OK); /* it goes on */
        }
        store_end_turn(store);
        assert_true(other_can_commit(fixture->path));
    }
}

static void turn__sees_all_that_was_committed_before(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = open_patient(fixture);

    assert_int_equal(store_begin_turn(store, NULL), TEL_OK);
    other_exec(fixture->path, "UPDATE agent_runs SET host = 'x'");
    assert_int_equal(read_host(store), 'x');
    store_end_turn(store);
    other_exec(fixture->path, "UPDATE agent_runs SET host = 'y'");
    assert_int_equal(store_begin_turn(store, NULL), TEL_OK);
    assert_int_equal(read_host(store), 'y');
    store_end_turn(store);
}

static void turn__is_over_after_its_time(void **state)
{
    struct store *store = open_patient(*state);

    store->hold_ms = 0;
    assert_int_equal(store_begin_turn(store, NULL), TEL_OK);
    (void)read_host(store);
    assert_true(store_turn_is_over(store));
    store_end_turn(store);
}

static void turn__is_over_where_none_began(void **state)
{
    struct store *store = open_patient(*state);

    assert_true(store_turn_is_over(store));
    (void)read_host(store);
    assert_true(store_turn_is_over(store));
    store_end_turn(store);
    sqlite_disconnect(store);
    assert_true(store_turn_is_over(store));
    store_end_turn(store);
    assert_int_equal(store_begin_turn(store, NULL), TEL_OK); /* which opens the database again */
    (void)read_host(store);
    assert_false(store_turn_is_over(store));
    store_end_turn(store);
}

/* In WAL mode its reads would miss what is committed meanwhile. */
static void turn__is_over_at_once_when_the_mode_has_become_wal(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = open_patient(fixture);

    other_exec(fixture->path, "PRAGMA journal_mode = WAL");
    assert_int_equal(store_begin_turn(store, NULL), TEL_OK);
    (void)read_host(store);
    assert_true(store_turn_is_over(store));
    store_end_turn(store);
}

static void turn__that_cannot_read_can_be_ended(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = open_patient(fixture);
    void *other = other_begin(fixture->path, "BEGIN EXCLUSIVE");
    char first;

    store->options.busy_timeout_ms = 10;
    assert_int_equal(store_begin_turn(store, NULL), TEL_OK);
    assert_int_equal(store_view(store, "e1", keep_host, &first, NULL), TEL_E_BUSY);
    store_end_turn(store);
    other_end(other);
    assert_true(other_can_commit(fixture->path));
    (void)read_host(store);
    assert_true(other_can_commit(fixture->path));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(turn__holds_up_others_until_it_ends),
        TEST(turn__sees_all_that_was_committed_before),
        TEST(turn__is_over_after_its_time),
        TEST(turn__is_over_where_none_began),
        TEST(turn__is_over_at_once_when_the_mode_has_become_wal),
        TEST(turn__that_cannot_read_can_be_ended),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
