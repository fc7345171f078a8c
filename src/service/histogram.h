/* SPDX-License-Identifier: MIT
 *
 * How often something took how long. Whoever has one sees to its lock.
 */
#ifndef SERVICE_HISTOGRAM_H
#define SERVICE_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

#define HISTOGRAM_BOUNDS_MAX 16

struct histogram {
    const double *bounds; /* seconds, ascending; static */
    size_t bound_count;
    uint64_t counts[HISTOGRAM_BOUNDS_MAX + 1]; /* of what is within a bound, and not within the one
                                                  before; the last: beyond all */
    uint64_t count;
    double sum;
};

/* From half a millisecond to ten seconds: what a request waits for. */
struct histogram histogram_of_waits(void);

/* From a tenth of a second to a day: what runs take. */
struct histogram histogram_of_runs(void);

void histogram_observe(struct histogram *histogram, double seconds);

#endif
