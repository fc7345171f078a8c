/* SPDX-License-Identifier: MIT */
#include "service/histogram.h"

#define COUNT(bounds) (sizeof(bounds) / sizeof *(bounds))

static const double waits[] = {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                               0.1,    0.25,  0.5,    1,     2.5,  5,     10};
static const double runs[] = {0.1, 0.5, 1,    5,    10,    30,    60,
                              300, 900, 1800, 3600, 10800, 28800, 86400};

_Static_assert(COUNT(waits) <= HISTOGRAM_BOUNDS_MAX && COUNT(runs) <= HISTOGRAM_BOUNDS_MAX,
               "a histogram has no room for more bounds");

struct histogram histogram_of_waits(void)
{
    return (struct histogram){.bounds = waits, .bound_count = COUNT(waits)};
}

struct histogram histogram_of_runs(void)
{
    return (struct histogram){.bounds = runs, .bound_count = COUNT(runs)};
}

void histogram_observe(struct histogram *histogram, double seconds)
{
    size_t bucket = 0;

    while (bucket < histogram->bound_count && seconds > histogram->bounds[bucket])
        bucket++;
    histogram->counts[bucket]++;
    histogram->count++;
    histogram->sum += seconds;
}
