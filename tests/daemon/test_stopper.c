/* SPDX-License-Identifier: MIT */
#include "support/cmocka_all.h"

#include <sched.h>
#include <unistd.h>

#include "base/condition.h"
#include "daemon/stopper.h"
#include "support/together.h"

#define LONG_MS 10000

static void stopper_pause__lasts_as_long_as_asked(void **state)
{
    struct stopper stopper;
    int64_t began_ms = clock_monotonic_ms();

    (void)state;
    stopper_init(&stopper);
    assert_true(stopper_pause(&stopper, 20));
    assert_true(clock_monotonic_ms() - began_ms >= 20);
    assert_true(stopper_pause(&stopper, 0));
    stopper_clear(&stopper);
}

static void stopper_pause__does_not_begin_when_it_is_time_to_end(void **state)
{
    struct stopper stopper;
    int64_t began_ms = clock_monotonic_ms();

    (void)state;
    stopper_init(&stopper);
    assert_false(stopper_is_stopping(&stopper));
    stopper_stop(&stopper);
    assert_true(stopper_is_stopping(&stopper));
    assert_false(stopper_pause(&stopper, LONG_MS));
    assert_true(clock_monotonic_ms() - began_ms < LONG_MS);
    stopper_clear(&stopper);
}

static void pause_or_stop(void *arg, size_t number)
{
    if (number == 0)
        stopper_stop(arg);
    else
        (void)stopper_pause(arg, LONG_MS);
}

static void stopper_stop__ends_a_pause_whenever_it_comes(void **state)
{
    int64_t began_ms = clock_monotonic_ms();

    (void)state;
    for (int i = 0; i < 100; i++) {
        struct stopper stopper;

        stopper_init(&stopper);
        together(2, pause_or_stop, &stopper);
        stopper_clear(&stopper);
    }
    assert_true(clock_monotonic_ms() - began_ms < LONG_MS);
}

static void stop_or_be_about_to_wait(void *arg, size_t number)
{
    struct stopper *stopper = arg;

    if (number == 0) {
        while (pthread_mutex_trylock(&stopper->lock) == 0) {
            (void)pthread_mutex_unlock(&stopper->lock);
            (void)sched_yield();
        }
        stopper_stop(stopper);
        return;
    }
    pthread_mutex_lock(&stopper->lock);
    if (!stopper_is_stopping(stopper)) {
        (void)usleep(50000); /* ample time for it to come too early */
        (void)condition_wait(&stopper->stop, &stopper->lock, deadline_in(LONG_MS));
    }
    pthread_mutex_unlock(&stopper->lock);
}

static void stopper_stop__slips_by_nobody_who_is_about_to_wait(void **state)
{
    struct stopper stopper;
    int64_t began_ms = clock_monotonic_ms();

    (void)state;
    stopper_init(&stopper);
    together(2, stop_or_be_about_to_wait, &stopper);
    assert_true(clock_monotonic_ms() - began_ms < LONG_MS);
    stopper_clear(&stopper);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stopper_pause__lasts_as_long_as_asked),
        cmocka_unit_test(stopper_pause__does_not_begin_when_it_is_time_to_end),
        cmocka_unit_test(stopper_stop__ends_a_pause_whenever_it_comes),
        cmocka_unit_test(stopper_stop__slips_by_nobody_who_is_about_to_wait),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
