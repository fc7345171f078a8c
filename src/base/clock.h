/* SPDX-License-Identifier: MIT
 *
 * Wall time as microseconds since 1970, monotonic time as milliseconds, and the one text form in
 * which times are stored: 2025-12-10T12:05:30.000000+00:00, so that text order is time order.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "telemetry.h"

#define US_PER_SECOND INT64_C(1000000)

int64_t clock_now_us(void);
int64_t clock_monotonic_us(void);
int64_t clock_monotonic_ms(void);

/* A point on the monotonic clock. */
struct deadline {
    int64_t at_ms;
};

struct deadline deadline_in(int64_t ms);

/* Return the milliseconds left, 0 when it has passed. */
int64_t deadline_left_ms(struct deadline deadline);

/* Sleep, but not beyond the deadline. */
void deadline_sleep(struct deadline deadline, int64_t ms);

/* Format in the stored form. Times outside the years 0000 to 9999 are moved to the nearest end. */
void timestamp_format(char out[TEL_TIMESTAMP_SIZE], int64_t us);

/*
 * Parse RFC 3339, 'T' or a blank between date and time, any number of decimals (more than six are
 * cut off), offset optional (UTC). A leap second counts as the second after it. false: no time.
 */
bool timestamp_parse(int64_t *us, const char *text);

/* The same, taking also a date alone (midnight). */
bool timestamp_parse_date(int64_t *us, const char *text);

/* Break a time down into UTC fields: "20251210" and "120530". */
void timestamp_compact(char date[9], char time[7], int64_t us);

#endif
