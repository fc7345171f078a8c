/* SPDX-License-Identifier: MIT */
#include "support/cmocka_all.h"

#include <sched.h>
#include <unistd.h>

#include "base/condition.h"
#include "http/visits.h"
#include "support/together.h"

#define LONG_MS 10000

static void visits_wait_idle__is_back_at_once_when_there_are_none(void **state)
{
    struct visits visits;

    (void)state;
    visits_init(&visits, NULL);
    assert_true(visits_wait_idle(&visits, deadline_in(0)));
    visits_begin(&visits);
    visits_end(&visits);
    visits_quiesce(&visits);
    assert_true(visits_wait_idle(&visits, deadline_in(0)));
    visits_clear(&visits);
}

static void visits_wait_idle__gives_up_on_those_that_last(void **state)
{
    struct visits visits;

    (void)state;
    visits_init(&visits, NULL);
    visits_begin(&visits);
    visits_begin(&visits);
    visits_quiesce(&visits);
    visits_end(&visits);
    assert_false(visits_wait_idle(&visits, deadline_in(10)));
    visits_end(&visits);
    assert_true(visits_wait_idle(&visits, deadline_in(0)));
    visits_clear(&visits);
}

static void end_or_wait(void *arg, size_t number)
{
    if (number > 0)
        visits_end(arg);
    else
        (void)visits_wait_idle(arg, deadline_in(LONG_MS));
}

static void visits_end__wakes_whoever_waits(void **state)
{
    int64_t began_ms = clock_monotonic_ms();

    (void)state;
    for (int i = 0; i < 100; i++) {
        struct visits visits;

        visits_init(&visits, NULL);
        for (int k = 0; k < 3; k++)
            visits_begin(&visits);
        visits_quiesce(&visits);
        together(4, end_or_wait, &visits);
        visits_clear(&visits);
    }
    assert_true(clock_monotonic_ms() - began_ms < LONG_MS);
}

static void end_or_be_about_to_wait(void *arg, size_t number)
{
    struct visits *visits = arg;

    if (number > 0) {
        while (pthread_mutex_trylock(&visits->lock) == 0) {
            (void)pthread_mutex_unlock(&visits->lock);
            (void)sched_yield();
        }
        visits_end(visits);
        return;
    }
    pthread_mutex_lock(&visits->lock);
    (void)usleep(50000); /* ample time for it to come too early */
    (void)condition_wait(&visits->idle, &visits->lock, deadline_in(LONG_MS));
    pthread_mutex_unlock(&visits->lock);
}

static void visits_end__slips_by_nobody_who_is_about_to_wait(void **state)
{
    struct visits visits;
    int64_t began_ms = clock_monotonic_ms();

    (void)state;
    visits_init(&visits, NULL);
    visits_begin(&visits);
    visits_quiesce(&visits);
    together(2, end_or_be_about_to_wait, &visits);
    assert_true(clock_monotonic_ms() - began_ms < LONG_MS);
    visits_clear(&visits);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(visits_wait_idle__is_back_at_once_when_there_are_none),
        cmocka_unit_test(visits_wait_idle__gives_up_on_those_that_last),
        cmocka_unit_test(visits_end__wakes_whoever_waits),
        cmocka_unit_test(visits_end__slips_by_nobody_who_is_about_to_wait),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
