/* SPDX-License-Identifier: MIT */
#include "cli/when.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "cli/escape.h"

#define MINUTE INT64_C(60)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define AGO_SECONDS_MAX (INT64_C(1000) * 366 * DAY)
#define RELATIVE_SECONDS_MAX (6 * HOUR)

static bool break_down(struct tm *out, int64_t us, bool utc)
{
    time_t seconds = (time_t)(us / US_PER_SECOND);

    return (utc ? gmtime_r(&seconds, out) : localtime_r(&seconds, out)) != NULL;
}

static bool put_together(int64_t *us, struct tm *fields, bool utc)
{
    time_t seconds;

    fields->tm_isdst = -1;
    errno = 0;
    seconds = utc ? timegm(fields) : mktime(fields);
    if (seconds == (time_t)-1 && errno)
        return false;
    *us = (int64_t)seconds * US_PER_SECOND;
    return true;
}

static bool midnight(int64_t *us, int days_ago, const struct when_context *context)
{
    struct tm fields;

    if (!break_down(&fields, context->now_us, context->utc))
        return false;
    fields.tm_hour = fields.tm_min = fields.tm_sec = 0;
    fields.tm_mday -= days_ago;
    return put_together(us, &fields, context->utc);
}

static bool parse_ago(int64_t *us, const char *text, const struct when_context *context)
{
    static const char units[] = "smhdw";
    static const int64_t seconds_of[] = {1, MINUTE, HOUR, DAY, 7 * DAY};
    const char *unit;
    char *end;
    long long count;

    text += *text == '-';
    if (!isdigit((unsigned char)*text))
        return false;
    errno = 0;
    count = strtoll(text, &end, 10);
    unit = *end ? strchr(units, *end) : NULL;
    if (errno || !unit || end[1] || count > AGO_SECONDS_MAX / seconds_of[unit - units])
        return false;
    *us = context->now_us - (int64_t)count * seconds_of[unit - units] * US_PER_SECOND;
    return true;
}

/* Does the text say which zone it is in? A '-' before the time of day belongs to the date. */
static bool has_offset(const char *text)
{
    const char *time = strpbrk(text, "Tt ");

    return time && strpbrk(time + 1, "Zz+-") != NULL;
}

static bool parse_point(int64_t *us, const char *text, const struct when_context *context)
{
    struct tm fields;
    int64_t rest;

    if (!timestamp_parse_date(us, text))
        return false;
    if (context->utc || has_offset(text))
        return true;
    rest = *us % US_PER_SECOND;
    if (!break_down(&fields, *us - rest, /* utc= */ true) ||
        !put_together(us, &fields, /* utc= */ false))
        return false;
    *us += rest;
    return true;
}

bool when_parse(int64_t *us, const char *text, const struct when_context *context)
{
    *us = context->now_us;
    if (strcmp(text, "now") == 0)
        return true;
    if (strcmp(text, "today") == 0)
        return midnight(us, 0, context);
    if (strcmp(text, "yesterday") == 0)
        return midnight(us, 1, context);
    return parse_ago(us, text, context) || parse_point(us, text, context);
}

static void append_format(struct strbuf *buf, const char *format, const struct tm *fields)
{
    char text[64];

    if (strftime(text, sizeof text, format, fields))
        strbuf_puts(buf, text);
}

static void append_ago(struct strbuf *buf, int64_t seconds)
{
    if (seconds < MINUTE)
        strbuf_printf(buf, "%" PRId64 " s ago", seconds);
    else if (seconds < HOUR)
        strbuf_printf(buf, "%" PRId64 " m ago", seconds / MINUTE);
    else
        strbuf_printf(buf, "%" PRId64 " h ago", seconds / HOUR);
}

void when_append_short(struct strbuf *buf, const char *time, const struct when_context *context)
{
    int64_t us = 0;
    int64_t age;
    struct tm then;
    struct tm now;

    if (!timestamp_parse(&us, time) || !break_down(&then, us, context->utc) ||
        !break_down(&now, context->now_us, context->utc)) {
        escape_append(buf, time, ESCAPE_LINE);
        return;
    }
    age = (context->now_us - us) / US_PER_SECOND;
    if (age >= 0 && age < RELATIVE_SECONDS_MAX)
        append_ago(buf, age);
    else if (then.tm_year != now.tm_year)
        append_format(buf, "%Y-%m-%d", &then);
    else if (then.tm_yday != now.tm_yday)
        append_format(buf, "%b %d %H:%M", &then);
    else
        append_format(buf, "%H:%M", &then);
}

void when_append_exact(struct strbuf *buf, const char *time, const struct when_context *context)
{
    int64_t us = 0;
    struct tm then;

    if (!timestamp_parse(&us, time) || !break_down(&then, us, context->utc))
        escape_append(buf, time, ESCAPE_LINE);
    else
        append_format(buf, context->utc ? "%Y-%m-%d %H:%M:%SZ" : "%Y-%m-%d %H:%M:%S%z", &then);
}

void duration_append(struct strbuf *buf, int64_t ms)
{
    int64_t seconds = ms / 1000;

    if (ms < 1000)
        strbuf_printf(buf, "%" PRId64 "ms", ms);
    else if (seconds < 10)
        strbuf_printf(buf, "%" PRId64 ".%" PRId64 "s", seconds, ms / 100 % 10);
    else if (seconds < MINUTE)
        strbuf_printf(buf, "%" PRId64 "s", seconds);
    else if (seconds < 10 * MINUTE)
        strbuf_printf(buf, "%" PRId64 "m%02" PRId64 "s", seconds / MINUTE, seconds % MINUTE);
    else if (seconds < HOUR)
        strbuf_printf(buf, "%" PRId64 "m", seconds / MINUTE);
    else if (seconds < DAY)
        strbuf_printf(buf, "%" PRId64 "h%02" PRId64 "m", seconds / HOUR, seconds % HOUR / MINUTE);
    else
        strbuf_printf(buf, "%" PRId64 "d%02" PRId64 "h", seconds / DAY, seconds % DAY / HOUR);
}
