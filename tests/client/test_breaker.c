/* SPDX-License-Identifier: MIT */
#include "support/cmocka_all.h"

#include <pthread.h>

#include "client/breaker.h"

#define NOW 5000000

static void breaker__lets_everybody_through_until_something_fails(void **state)
{
    struct breaker breaker = {0};

    (void)state;
    for (int i = 0; i < 10; i++)
        assert_true(breaker_allows(&breaker, NOW));
    breaker_note_success(&breaker);
    assert_true(breaker_allows(&breaker, NOW));
    breaker_note_failure(&breaker, NOW);
    assert_false(breaker_allows(&breaker, NOW));
}

static void breaker__lets_one_caller_probe_after_the_pause(void **state)
{
    struct breaker breaker = {0};
    int64_t now = NOW;

    (void)state;
    breaker_note_failure(&breaker, now);
    assert_false(breaker_allows(&breaker, now + BREAKER_PAUSE_MIN_MS - 1));
    now += BREAKER_PAUSE_MIN_MS;
    assert_true(breaker_allows(&breaker, now));
    assert_false(breaker_allows(&breaker, now));
    breaker_note_success(&breaker);
    assert_true(breaker_allows(&breaker, now));
    assert_true(breaker_allows(&breaker, now));
}

static void breaker__waits_twice_as_long_each_time_up_to_a_maximum(void **state)
{
    struct breaker breaker = {0};
    int64_t pause = BREAKER_PAUSE_MIN_MS;
    int64_t now = NOW;

    (void)state;
    breaker_note_failure(&breaker, now);
    for (int i = 0; i < 10; i++) {
        assert_false(breaker_allows(&breaker, now + pause - 1));
        now += pause;
        assert_true(breaker_allows(&breaker, now));
        breaker_note_failure(&breaker, now);
        pause = 2 * pause < BREAKER_PAUSE_MAX_MS ? 2 * pause : BREAKER_PAUSE_MAX_MS;
    }
    assert_int_equal(pause, BREAKER_PAUSE_MAX_MS);
    now += pause;
    assert_true(breaker_allows(&breaker, now));
    breaker_note_success(&breaker);
    breaker_note_failure(&breaker, now); /* it begins anew */
    assert_true(breaker_allows(&breaker, now + BREAKER_PAUSE_MIN_MS));
}

static void breaker__counts_calls_that_fail_together_as_one_failure(void **state)
{
    struct breaker breaker = {0};

    (void)state;
    for (int i = 0; i < 10; i++)
        breaker_note_failure(&breaker, NOW + i);
    assert_true(breaker_allows(&breaker, NOW + BREAKER_PAUSE_MIN_MS));
}

static void breaker__lets_another_probe_when_nothing_is_heard_of_the_first(void **state)
{
    struct breaker breaker = {0};

    (void)state;
    breaker_note_failure(&breaker, NOW);
    assert_true(breaker_allows(&breaker, NOW + BREAKER_PAUSE_MIN_MS));
    assert_false(breaker_allows(&breaker, NOW + 2 * BREAKER_PAUSE_MIN_MS));
    assert_true(breaker_allows(&breaker, NOW + BREAKER_PAUSE_MIN_MS + BREAKER_PAUSE_MAX_MS));
}

struct crowd {
    struct breaker breaker;
    atomic_int allowed;
};

static void *ask(void *arg)
{
    struct crowd *crowd = arg;

    if (breaker_allows(&crowd->breaker, NOW + BREAKER_PAUSE_MIN_MS))
        atomic_fetch_add(&crowd->allowed, 1);
    return NULL;
}

static void breaker__lets_one_of_many_threads_probe(void **state)
{
    struct crowd crowd = {0};
    pthread_t threads[16];

    (void)state;
    breaker_note_failure(&crowd.breaker, NOW);
    for (size_t i = 0; i < 16; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask, &crowd), 0);
    for (size_t i = 0; i < 16; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(atomic_load(&crowd.allowed), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(breaker__lets_everybody_through_until_something_fails),
        cmocka_unit_test(breaker__lets_one_caller_probe_after_the_pause),
        cmocka_unit_test(breaker__waits_twice_as_long_each_time_up_to_a_maximum),
        cmocka_unit_test(breaker__counts_calls_that_fail_together_as_one_failure),
        cmocka_unit_test(breaker__lets_another_probe_when_nothing_is_heard_of_the_first),
        cmocka_unit_test(breaker__lets_one_of_many_threads_probe),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
