/* SPDX-License-Identifier: MIT
 *
 * How long something took, many times, and what is said of it. Programs of the bench print one JSON
 * object on stdout; bench.py reads it.
 */
#ifndef BENCH_SAMPLES_H
#define BENCH_SAMPLES_H

#include <stddef.h>
#include <stdint.h>

struct samples {
    const char *name;
    size_t count;
    size_t max; /* what comes beyond it is not kept */
    int64_t total_ns;
    int64_t *ns;
};

/* The monotonic clock. */
int64_t now_ns(void);

/* Make room for `max` samples, or end the program. */
struct samples samples_new(const char *name, size_t max);
void samples_free(struct samples *samples);

void samples_add(struct samples *samples, int64_t ns);

/* Print "name": {"count", "seconds" (their sum), "p50", "p99", "p100" (milliseconds)}; `samples` is
 * sorted by it. */
void samples_print(struct samples *samples);

/* End the program, saying what could not be done and errno's reason. */
_Noreturn void die(const char *what);

#endif
