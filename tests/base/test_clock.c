/* SPDX-License-Identifier: MIT
 *
 * The calendar is compared with one that only counts days, one by one, from the year 0 on.
 */
#include "support/cmocka_all.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"

#define US_PER_DAY (86400 * US_PER_SECOND)
#define YEAR_0_US (INT64_C(-719528) * US_PER_DAY)
#define YEAR_10000_US (INT64_C(2932897) * US_PER_DAY)

static int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    if (month == 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0))
        return 29;
    return days[month - 1];
}

static void check_day(int64_t us, int year, int month, int day)
{
    char expected[64];
    char text[TEL_TIMESTAMP_SIZE];
    int64_t parsed;

    (void)snprintf(expected, sizeof expected, "%04d-%02d-%02d", year, month, day);
    assert_true(timestamp_parse_date(&parsed, expected));
    assert_int_equal(parsed, us);
    timestamp_format(text, us);
    assert_memory_equal(text, expected, 10);
    assert_string_equal(text + 10, "T00:00:00.000000+00:00");
    timestamp_format(text, us + US_PER_DAY - 1);
    assert_memory_equal(text, expected, 10);
    assert_string_equal(text + 10, "T23:59:59.999999+00:00");
}

static void timestamp__agrees_with_counting_days(void **state)
{
    int64_t us = YEAR_0_US;

    (void)state;
    for (int year = 0; year <= 9999; year++) {
        for (int month = 1; month <= 12; month++) {
            int days = days_in_month(year, month);
            bool every = year >= 1968 && year <= 2040;

            for (int day = 1; day <= days; day++, us += US_PER_DAY) {
                if (every || day == 1 || day == days)
                    check_day(us, year, month, day);
            }
        }
    }
    assert_int_equal(us, YEAR_10000_US);
}

static void timestamp_parse__takes_the_forms_of_rfc_3339_and_iso_8601(void **state)
{
    static const struct {
        const char *text;
        const char *stored;
    } cases[] = {
        {"2025-12-10T12:05:30Z", "2025-12-10T12:05:30.000000+00:00"},
        {"2025-12-10t12:05:30z", "2025-12-10T12:05:30.000000+00:00"},
        {"2025-12-10 12:05:30", "2025-12-10T12:05:30.000000+00:00"},
        {"2025-12-10T12:05:30.1", "2025-12-10T12:05:30.100000+00:00"},
        {"2025-12-10T12:05:30,25Z", "2025-12-10T12:05:30.250000+00:00"},
        {"2025-12-10T12:05:30.123456789123Z", "2025-12-10T12:05:30.123456+00:00"},
        {"2025-12-10T12:05:30.999999999Z", "2025-12-10T12:05:30.999999+00:00"},
        {"2025-12-10T12:05:30+05:30", "2025-12-10T06:35:30.000000+00:00"},
        {"2025-12-10T12:05:30-0800", "2025-12-10T20:05:30.000000+00:00"},
        {"2025-12-10T12:05:30+02", "2025-12-10T10:05:30.000000+00:00"},
        {"2025-12-31T23:30:00-01:00", "2026-01-01T00:30:00.000000+00:00"},
        {"2024-03-01T00:10:00+00:30", "2024-02-29T23:40:00.000000+00:00"},
        {"2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000000+00:00"},
        {"1969-12-31T23:59:59.5Z", "1969-12-31T23:59:59.500000+00:00"},
        {"2038-01-19T03:14:08Z", "2038-01-19T03:14:08.000000+00:00"},
        {"0000-01-01T00:00:00Z", "0000-01-01T00:00:00.000000+00:00"},
        {"9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999+00:00"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[TEL_TIMESTAMP_SIZE];
        int64_t us;

        assert_true(timestamp_parse(&us, cases[i].text));
        timestamp_format(text, us);
        assert_string_equal(text, cases[i].stored);
        assert_true(timestamp_parse_date(&us, cases[i].text));
    }
}

static void timestamp_parse__refuses_everything_else(void **state)
{
    static const char *const none[] = {
        "",
        "now",
        "2025",
        "2025-12-10",
        "2025-12-10T",
        "2025-12-10T12",
        "2025-12-10T12:05",
        "2025-12-10T12:05:3",
        "2025-12-10T12:05:30.",
        "2025-12-10T12:05:30.Z",
        "2025-12-10T12:05:30Zulu",
        "2025-12-10T12:05:30+",
        "2025-12-10T12:05:30+1",
        "2025-12-10T12:05:30+24:00",
        "2025-12-10T12:05:30+01:60",
        "2025-12-10T12:05:30+01:",
        "2025-12-10T12:05:30 +01:00",
        "2025-12-10  12:05:30",
        " 2025-12-10T12:05:30",
        "2025-12-10T12:05:30 ",
        "2025-12-10T24:00:00Z",
        "2025-12-10T12:60:00Z",
        "2025-12-10T12:05:61Z",
        "2025-00-10T12:05:30Z",
        "2025-13-10T12:05:30Z",
        "2025-12-00T12:05:30Z",
        "2025-12-32T12:05:30Z",
        "2025-02-29T12:05:30Z",
        "1900-02-29T12:05:30Z",
        "2025-04-31T12:05:30Z",
        "-2025-12-10T12:05:30Z",
        "25-12-10T12:05:30Z",
        "20251210T120530Z",
        "2025-1-1T1:1:1Z",
        "12025-12-10T12:05:30Z",
        "0000-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
        "9999-12-31T23:59:60Z",
        "\xd9\xa2\xd9\xa0\x32\x35-12-10T12:05:30Z",
    };
    int64_t us;

    (void)state;
    assert_false(timestamp_parse(&us, NULL));
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        if (timestamp_parse(&us, none[i]))
            fail_msg("\"%s\" was taken as a time", none[i]);
    }
}

static void timestamp_parse_date__takes_a_date_alone_but_not_half_a_time(void **state)
{
    int64_t us;

    (void)state;
    assert_true(timestamp_parse_date(&us, "1970-01-02"));
    assert_int_equal(us, US_PER_DAY);
    assert_false(timestamp_parse_date(&us, "1970-01-02T"));
    assert_false(timestamp_parse_date(&us, "1970-01-02T12"));
    assert_false(timestamp_parse_date(&us, "1970-02-30"));
    assert_false(timestamp_parse_date(&us, ""));
    assert_false(timestamp_parse_date(&us, NULL));
}

static void timestamp_format__moves_times_outside_ten_thousand_years_to_the_end(void **state)
{
    char text[TEL_TIMESTAMP_SIZE];

    (void)state;
    timestamp_format(text, INT64_MIN);
    assert_string_equal(text, "0000-01-01T00:00:00.000000+00:00");
    timestamp_format(text, INT64_MAX);
    assert_string_equal(text, "9999-12-31T23:59:59.999999+00:00");
    timestamp_format(text, -1);
    assert_string_equal(text, "1969-12-31T23:59:59.999999+00:00");
}

static void timestamp_compact__breaks_down_into_date_and_time(void **state)
{
    char date[9];
    char time[7];
    int64_t us;

    (void)state;
    assert_true(timestamp_parse(&us, "2025-12-10T12:05:30.9Z"));
    timestamp_compact(date, time, us);
    assert_string_equal(date, "20251210");
    assert_string_equal(time, "120530");
}

static void deadline__counts_down_and_never_below_zero(void **state)
{
    struct deadline later = deadline_in(60000);
    struct deadline passed = deadline_in(-5);

    (void)state;
    assert_in_range(deadline_left_ms(later), 1, 60000);
    assert_int_equal(deadline_left_ms(passed), 0);
    assert_int_equal(deadline_left_ms(deadline_in(0)), 0);
}

static void deadline__may_be_as_far_away_as_a_number_can_say(void **state)
{
    (void)state;
    assert_in_range(deadline_left_ms(deadline_in(INT64_MAX)), 60000, INT_MAX);
}

static void deadline_sleep__sleeps_but_not_beyond_the_deadline(void **state)
{
    struct deadline soon = deadline_in(20);
    int64_t begun = clock_monotonic_ms();

    (void)state;
    deadline_sleep(deadline_in(60000), 5);
    assert_true(clock_monotonic_ms() - begun >= 5);
    deadline_sleep(soon, 3600000);
    deadline_sleep(deadline_in(0), 3600000);
    assert_true(clock_monotonic_ms() - begun < 3000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timestamp__agrees_with_counting_days),
        cmocka_unit_test(timestamp_parse__takes_the_forms_of_rfc_3339_and_iso_8601),
        cmocka_unit_test(timestamp_parse__refuses_everything_else),
        cmocka_unit_test(timestamp_parse_date__takes_a_date_alone_but_not_half_a_time),
        cmocka_unit_test(timestamp_format__moves_times_outside_ten_thousand_years_to_the_end),
        cmocka_unit_test(timestamp_compact__breaks_down_into_date_and_time),
        cmocka_unit_test(deadline__counts_down_and_never_below_zero),
        cmocka_unit_test(deadline__may_be_as_far_away_as_a_number_can_say),
        cmocka_unit_test(deadline_sleep__sleeps_but_not_beyond_the_deadline),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
