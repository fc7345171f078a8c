/* SPDX-License-Identifier: MIT
 *
 * Times as people write and read them. Local time unless UTC is asked for.
 */
#ifndef CLI_WHEN_H
#define CLI_WHEN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/strbuf.h"

struct when_context {
    int64_t now_us;
    bool utc;
};

/*
 * Read "-1h" or "1h" (ago; s, m, h, d, w), "now", "today", "yesterday" (midnight), a date (its
 * midnight), RFC 3339 (without an offset: local time). false: none of these.
 */
bool when_parse(int64_t *us, const char *text, const struct when_context *context);

/* Append a stored time as "12 s ago", "7 m ago", "5 h ago", else "02:10", "Jan 30 02:10" or
 * "2025-01-30"; a text that is no time comes as it is, escaped. */
void when_append_short(struct strbuf *buf, const char *time, const struct when_context *context);

/* Append it as "2026-01-31 02:10:00", with the zone. */
void when_append_exact(struct strbuf *buf, const char *time, const struct when_context *context);

/* Append a duration as "350ms", "1.2s", "42s", "3m12s", "41m", "2h05m" or "3d04h". */
void duration_append(struct strbuf *buf, int64_t ms);

#endif
