/* SPDX-License-Identifier: MIT */
#include "support/cmocka_all.h"

#include "service/histogram.h"

static void histogram_observe__counts_in_the_first_bound_that_is_not_less(void **state)
{
    static const double bounds[] = {1, 2, /* not one of them: */ 0.5};
    struct histogram histogram = {.bounds = bounds, .bound_count = 2};
    static const double seconds[] = {0, 1, 1.5, 2, 2.5, 1000};

    (void)state;
    for (size_t i = 0; i < sizeof seconds / sizeof *seconds; i++)
        histogram_observe(&histogram, seconds[i]);
    for (size_t i = 0; i <= histogram.bound_count; i++)
        assert_int_equal(histogram.counts[i], 2);
    assert_int_equal(histogram.count, 6);
    assert_true(histogram.sum == 1007);
}

static void assert_bounds(const struct histogram *histogram, double first, double last)
{
    assert_true(histogram->bounds[0] == first);
    assert_true(histogram->bounds[histogram->bound_count - 1] == last);
    for (size_t i = 1; i < histogram->bound_count; i++)
        assert_true(histogram->bounds[i - 1] < histogram->bounds[i]);
}

static void histogram_of__waits_and_runs_spans_what_they_take(void **state)
{
    struct histogram waits = histogram_of_waits();
    struct histogram runs = histogram_of_runs();

    (void)state;
    assert_bounds(&waits, 0.0005, 10);
    assert_bounds(&runs, 0.1, 86400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(histogram_observe__counts_in_the_first_bound_that_is_not_less),
        cmocka_unit_test(histogram_of__waits_and_runs_spans_what_they_take),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
