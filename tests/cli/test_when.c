/* SPDX-License-Identifier: MIT */
#include "support/cmocka_all.h"

#include <stdlib.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "cli/when.h"

static int64_t at(const char *time)
{
    int64_t us = 0;

    assert_true(timestamp_parse(&us, time));
    return us;
}

static struct when_context now_is(const char *time, bool utc)
{
    return (struct when_context){.now_us = at(time), .utc = utc};
}

/* A zone with summer time, whatever zones this machine knows. */
static int go_to_berlin(void **state)
{
    (void)state;
    return setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1) || (tzset(), 0);
}

static void assert_parses(const char *text, struct when_context context, const char *expected)
{
    int64_t us = 0;

    assert_true(when_parse(&us, text, &context));
    assert_int_equal(us, at(expected));
}

static void when_parse__takes_spans_as_ago(void **state)
{
    struct when_context now = now_is("2026-01-31T12:00:00Z", false);

    (void)state;
    assert_parses("-1h", now, "2026-01-31T11:00:00Z");
    assert_parses("1h", now, "2026-01-31T11:00:00Z");
    assert_parses("90s", now, "2026-01-31T11:58:30Z");
    assert_parses("15m", now, "2026-01-31T11:45:00Z");
    assert_parses("2d", now, "2026-01-29T12:00:00Z");
    assert_parses("1w", now, "2026-01-24T12:00:00Z");
    assert_parses("now", now, "2026-01-31T12:00:00Z");
}

static void when_parse__takes_days_in_the_local_zone(void **state)
{
    (void)state;
    assert_parses("today", now_is("2026-07-15T12:00:00Z", false), "2026-07-14T22:00:00Z");
    assert_parses("yesterday", now_is("2026-07-15T12:00:00Z", false), "2026-07-13T22:00:00Z");
    assert_parses("today", now_is("2026-07-15T12:00:00Z", true), "2026-07-15T00:00:00Z");
    assert_parses("2026-01-31", now_is("2026-07-15T12:00:00Z", false), "2026-01-30T23:00:00Z");
    assert_parses("2026-01-31", now_is("2026-07-15T12:00:00Z", true), "2026-01-31T00:00:00Z");
}

static void when_parse__finds_yesterday_across_a_change_of_the_clocks(void **state)
{
    (void)state;
    assert_parses("yesterday", now_is("2026-03-30T01:00:00Z", false), "2026-03-28T23:00:00Z");
    assert_parses("today", now_is("2026-03-30T01:00:00Z", false), "2026-03-29T22:00:00Z");
}

static void when_parse__takes_rfc_3339_as_local_only_without_an_offset(void **state)
{
    struct when_context now = now_is("2026-07-15T12:00:00Z", false);

    (void)state;
    assert_parses("2026-07-01T10:00:00", now, "2026-07-01T08:00:00Z");
    assert_parses("2026-07-01 10:00:00.5", now, "2026-07-01T08:00:00.5Z");
    assert_parses("2026-07-01T10:00:00Z", now, "2026-07-01T10:00:00Z");
    assert_parses("2026-07-01T10:00:00+05:30", now, "2026-07-01T04:30:00Z");
    assert_parses("2026-07-01T10:00:00-05:00", now, "2026-07-01T15:00:00Z");
}

static void when_parse__refuses_what_is_no_time(void **state)
{
    static const char *const none[] = {
        "",           "-",     "h",
        "1",          "1y",    "--1h",
        "1h30m",      "1 h",   "tomorrow",
        "2026-02-30", "10:00", "99999999999999999999d",
        "-",          "x1h",   "9223372036854775807w",
    };
    struct when_context now = now_is("2026-01-31T12:00:00Z", false);
    int64_t us;

    (void)state;
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_false(when_parse(&us, none[i], &now));
}

static void assert_short(const char *time, struct when_context context, const char *expected)
{
    CLEANUP(strbuf_clear) struct strbuf buf = STRBUF(4096);

    when_append_short(&buf, time, &context);
    assert_string_equal(buf.text, expected);
}

static void when_append_short__is_relative_for_a_while_then_a_time_then_a_date(void **state)
{
    struct when_context now = now_is("2026-01-31T12:00:00Z", true);

    (void)state;
    assert_short("2026-01-31T12:00:00Z", now, "0 s ago");
    assert_short("2026-01-31T11:59:01Z", now, "59 s ago");
    assert_short("2026-01-31T11:53:00Z", now, "7 m ago");
    assert_short("2026-01-31T06:00:01Z", now, "5 h ago");
    assert_short("2026-01-31T02:10:00Z", now, "02:10");
    assert_short("2026-01-30T02:10:00Z", now, "Jan 30 02:10");
    assert_short("2025-01-31T02:10:00Z", now, "2025-01-31");
    assert_short("2026-01-31T13:00:00Z", now, "13:00");
}

static void when_append_short__shows_what_is_no_time_as_it_is_but_harmless(void **state)
{
    (void)state;
    assert_short("soon\033[2J", now_is("2026-01-31T12:00:00Z", true), "soon\\x1b[2J");
}

static void when_append_exact__names_the_zone(void **state)
{
    CLEANUP(strbuf_clear) struct strbuf buf = STRBUF(4096);
    struct when_context local = now_is("2026-07-15T12:00:00Z", false);
    struct when_context utc = now_is("2026-07-15T12:00:00Z", true);

    (void)state;
    when_append_exact(&buf, "2026-07-01T10:00:00+00:00", &local);
    assert_string_equal(buf.text, "2026-07-01 12:00:00+0200");
    strbuf_reset(&buf);
    when_append_exact(&buf, "2026-07-01T10:00:00+00:00", &utc);
    assert_string_equal(buf.text, "2026-07-01 10:00:00Z");
}

static void assert_duration(int64_t ms, const char *expected)
{
    CLEANUP(strbuf_clear) struct strbuf buf = STRBUF(4096);

    duration_append(&buf, ms);
    assert_string_equal(buf.text, expected);
}

static void duration_append__has_at_most_two_units(void **state)
{
    (void)state;
    assert_duration(0, "0ms");
    assert_duration(350, "350ms");
    assert_duration(1250, "1.2s");
    assert_duration(42000, "42s");
    assert_duration(192000, "3m12s");
    assert_duration(41 * 60000 + 2000, "41m");
    assert_duration(125 * 60000, "2h05m");
    assert_duration(INT64_C(76) * 3600000, "3d04h");
    assert_duration(INT64_MAX, "106751991167d07h");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(when_parse__takes_spans_as_ago),
        cmocka_unit_test(when_parse__takes_days_in_the_local_zone),
        cmocka_unit_test(when_parse__finds_yesterday_across_a_change_of_the_clocks),
        cmocka_unit_test(when_parse__takes_rfc_3339_as_local_only_without_an_offset),
        cmocka_unit_test(when_parse__refuses_what_is_no_time),
        cmocka_unit_test(when_append_short__is_relative_for_a_while_then_a_time_then_a_date),
        cmocka_unit_test(when_append_short__shows_what_is_no_time_as_it_is_but_harmless),
        cmocka_unit_test(when_append_exact__names_the_zone),
        cmocka_unit_test(duration_append__has_at_most_two_units),
    };

    return cmocka_run_group_tests(tests, go_to_berlin, NULL);
}
