/* SPDX-License-Identifier: MIT */
#include "support/cmocka_all.h"

#include <stdatomic.h>
#include <string.h>

#include "http/rate_limiter.h"
#include "support/together.h"

static struct rate_limiter *limiter_of(unsigned requests_max)
{
    struct rate_limiter *limiter;

    assert_int_equal(rate_limiter_new(&limiter, requests_max, NULL), TEL_OK);
    return limiter;
}

static struct address client(unsigned number)
{
    struct address address = {{0x20, 0x01}};

    memcpy(address.bytes + 4, &number, sizeof number);
    return address;
}

static struct quota take(struct rate_limiter *limiter, unsigned number, int64_t now_ms)
{
    struct address address = client(number);

    return rate_limiter_take(limiter, &address, now_ms);
}

static void rate_limiter_take__allows_so_many_in_any_minute(void **state)
{
    struct rate_limiter *limiter = limiter_of(3);
    struct quota quota;

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        quota = take(limiter, 1, 1000 * i);
        assert_false(quota.is_exceeded);
        assert_int_equal(quota.limit, 3);
        assert_int_equal(quota.remaining, 2 - i);
    }
    quota = take(limiter, 1, 3000);
    assert_true(quota.is_exceeded);
    assert_int_equal(quota.remaining, 0);
    assert_int_equal(quota.retry_after_s, 57);
    assert_true(take(limiter, 1, 59999).is_exceeded);
    assert_false(take(limiter, 1, 60000).is_exceeded); /* the first has left the window */
    quota = take(limiter, 1, 60000);
    assert_true(quota.is_exceeded);
    assert_int_equal(quota.retry_after_s, 1);
    rate_limiter_free(limiter);
}

static void rate_limiter_take__lets_in_whoever_waited_as_told(void **state)
{
    struct rate_limiter *limiter = limiter_of(2);
    int64_t now_ms = 5000;

    (void)state;
    for (int i = 0; i < 50; i++) {
        struct quota quota = take(limiter, 1, now_ms);

        if (quota.is_exceeded) {
            now_ms += quota.retry_after_s * 1000;
            assert_false(take(limiter, 1, now_ms).is_exceeded);
        }
        now_ms += 777;
    }
    rate_limiter_free(limiter);
}

static void rate_limiter_take__does_not_count_what_it_refuses(void **state)
{
    struct rate_limiter *limiter = limiter_of(1);

    (void)state;
    assert_false(take(limiter, 1, 0).is_exceeded);
    for (int64_t now_ms = 1; now_ms < RATE_WINDOW_MS; now_ms += 100)
        assert_true(take(limiter, 1, now_ms).is_exceeded);
    assert_false(take(limiter, 1, RATE_WINDOW_MS).is_exceeded);
    rate_limiter_free(limiter);
}

static void rate_limiter_take__counts_each_client_by_itself(void **state)
{
    struct rate_limiter *limiter = limiter_of(1);

    (void)state;
    for (unsigned i = 1; i <= RATE_CLIENTS_MAX; i++)
        assert_false(take(limiter, i, 0).is_exceeded);
    for (unsigned i = 1; i <= RATE_CLIENTS_MAX; i++)
        assert_true(take(limiter, i, 1).is_exceeded);
    rate_limiter_free(limiter);
}

static void rate_limiter_take__is_not_got_around_by_many_addresses(void **state)
{
    struct rate_limiter *limiter = limiter_of(5);
    unsigned allowed = 0;

    (void)state;
    for (unsigned i = 0; i < RATE_CLIENTS_MAX; i++)
        (void)take(limiter, i, 0);
    for (unsigned i = 0; i < 10000; i++)
        allowed += !take(limiter, RATE_CLIENTS_MAX + i, 1).is_exceeded;
    assert_int_equal(allowed, 5);
    /* Those who were there first still have their own. */
    assert_int_equal(take(limiter, 0, 2).remaining, 3);
    /* And their places are given to others when they have gone. */
    assert_int_equal(take(limiter, 10000, RATE_WINDOW_MS + 2).remaining, 4);
    rate_limiter_free(limiter);
}

static void rate_limiter_take__counts_many_requests_too(void **state)
{
    struct rate_limiter *limiter = limiter_of(100000);
    unsigned allowed = 0;

    (void)state;
    for (int64_t now_ms = 0; now_ms < RATE_WINDOW_MS; now_ms += 100) {
        for (int i = 0; i < 200; i++)
            allowed += !take(limiter, 1, now_ms).is_exceeded;
    }
    assert_int_equal(allowed, 100000);
    /* A whole window later all of it is open again, but not more than half a second before. */
    assert_true(take(limiter, 1, RATE_WINDOW_MS - 1).is_exceeded);
    assert_false(take(limiter, 1, RATE_WINDOW_MS + 500).is_exceeded);
    assert_int_equal(take(limiter, 1, INT64_C(10) * RATE_WINDOW_MS).remaining, 99999);
    rate_limiter_free(limiter);
}

static void rate_limiter_look__counts_nothing(void **state)
{
    struct rate_limiter *limiter = limiter_of(2);
    struct address address = client(1);

    (void)state;
    for (int i = 0; i < 10; i++)
        assert_int_equal(rate_limiter_look(limiter, &address, i).remaining, 2);
    (void)take(limiter, 1, 10);
    assert_int_equal(rate_limiter_look(limiter, &address, 11).remaining, 1);
    assert_false(rate_limiter_look(limiter, &address, 11).is_exceeded);
    rate_limiter_free(limiter);
    rate_limiter_free(NULL);
}

struct crowd {
    struct rate_limiter *limiter;
    atomic_size_t allowed;
};

static void ask_often(void *arg, size_t number)
{
    struct crowd *crowd = arg;
    struct address address = client(1);

    (void)number;
    for (int i = 0; i < 1000; i++) {
        struct quota quota = take(crowd->limiter, 1, 0);

        atomic_fetch_add(&crowd->allowed, !quota.is_exceeded);
        (void)rate_limiter_look(crowd->limiter, &address, 0);
    }
}

static void rate_limiter_take__is_exact_in_many_threads(void **state)
{
    struct crowd crowd = {.limiter = limiter_of(2500)};

    (void)state;
    together(4, ask_often, &crowd);
    assert_int_equal(crowd.allowed, 2500);
    rate_limiter_free(crowd.limiter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rate_limiter_take__allows_so_many_in_any_minute),
        cmocka_unit_test(rate_limiter_take__lets_in_whoever_waited_as_told),
        cmocka_unit_test(rate_limiter_take__does_not_count_what_it_refuses),
        cmocka_unit_test(rate_limiter_take__counts_each_client_by_itself),
        cmocka_unit_test(rate_limiter_take__is_not_got_around_by_many_addresses),
        cmocka_unit_test(rate_limiter_take__counts_many_requests_too),
        cmocka_unit_test(rate_limiter_look__counts_nothing),
        cmocka_unit_test(rate_limiter_take__is_exact_in_many_threads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
