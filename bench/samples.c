/* SPDX-License-Identifier: MIT */
#include "samples.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define NS_PER_MS 1e6
#define NS_PER_SECOND 1000000000LL

int64_t now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * NS_PER_SECOND + now.tv_nsec;
}

struct samples samples_new(const char *name, size_t max)
{
    struct samples samples = {.name = name, .max = max, .ns = calloc(max, sizeof *samples.ns)};

    if (!samples.ns)
        die("calloc");
    return samples;
}

void samples_free(struct samples *samples)
{
    free(samples->ns);
    samples->ns = NULL;
}

void samples_add(struct samples *samples, int64_t ns)
{
    if (samples->count == samples->max)
        return;
    samples->ns[samples->count++] = ns;
    samples->total_ns += ns;
}

static int compare(const void *left, const void *right)
{
    int64_t a = *(const int64_t *)left;
    int64_t b = *(const int64_t *)right;

    return (a > b) - (a < b);
}

/* The smallest sample that so many percent do not exceed. */
static double percentile_ms(const struct samples *samples, size_t percent)
{
    size_t rank = (samples->count * percent + 99) / 100;

    return samples->count ? (double)samples->ns[rank ? rank - 1 : 0] / NS_PER_MS : 0;
}

void samples_print(struct samples *samples)
{
    qsort(samples->ns, samples->count, sizeof *samples->ns, compare);
    printf("\"%s\": {\"count\": %zu, \"seconds\": %.6f, \"p50\": %.6f, \"p99\": %.6f, "
           "\"p100\": %.6f}",
           samples->name, samples->count, (double)samples->total_ns / NS_PER_SECOND,
           percentile_ms(samples, 50), percentile_ms(samples, 99), percentile_ms(samples, 100));
}

void die(const char *what)
{
    perror(what);
    exit(EXIT_FAILURE);
}
