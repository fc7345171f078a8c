/* SPDX-License-Identifier: MIT */
#include "support/cmocka_all.h"

#include <string.h>

#include "base/clock.h"

static void get_iso8601_timestamp__is_now_in_stored_form(void **state)
{
    char now[TEL_TIMESTAMP_SIZE];
    char again[TEL_TIMESTAMP_SIZE];
    int64_t us;

    (void)state;
    assert_int_equal(tel_get_iso8601_timestamp(now), TEL_OK);
    assert_true(timestamp_parse(&us, now));
    timestamp_format(again, us);
    assert_string_equal(now, again);
    assert_true(us <= clock_now_us());
    assert_true(us > clock_now_us() - 60 * US_PER_SECOND);
    assert_int_equal(tel_get_iso8601_timestamp(NULL), TEL_E_INVALID);
}

static int64_t duration(const char *start, const char *end)
{
    int64_t ms = -1;

    assert_int_equal(tel_calculate_duration_ms(&ms, start, end), TEL_OK);
    return ms;
}

static void calculate_duration_ms__counts_whole_milliseconds_across_offsets(void **state)
{
    (void)state;
    assert_int_equal(duration("2025-12-10T12:00:00Z", "2025-12-10T12:00:01.5Z"), 1500);
    assert_int_equal(duration("2025-12-10T12:00:00Z", "2025-12-10T14:00:00+02:00"), 0);
    assert_int_equal(duration("2025-12-10 12:00:00", "2025-12-10T12:00:00.0019Z"), 1);
    assert_int_equal(duration("2024-02-28T00:00:00Z", "2024-03-01T00:00:00Z"), 2 * 86400000);
}

static void calculate_duration_ms__is_never_negative(void **state)
{
    (void)state;
    assert_int_equal(duration("2025-12-10T12:00:00Z", "2025-12-10T11:00:00Z"), 0);
}

static void calculate_duration_ms__refuses_what_is_no_time(void **state)
{
    static const char *const none[] =
        {"", "yesterday", "2025-12-10", "2025-13-01T00:00:00Z", "2025-12-10T12:00:00Zx", NULL};
    int64_t ms;

    (void)state;
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        ms = 7;
        assert_int_equal(tel_calculate_duration_ms(&ms, none[i], "2025-12-10T12:00:00Z"),
                         TEL_E_INVALID);
        assert_int_equal(ms, 0);
        ms = 7;
        assert_int_equal(tel_calculate_duration_ms(&ms, "2025-12-10T12:00:00Z", none[i]),
                         TEL_E_INVALID);
        assert_int_equal(ms, 0);
    }
    assert_int_equal(tel_calculate_duration_ms(NULL, none[0], none[0]), TEL_E_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(get_iso8601_timestamp__is_now_in_stored_form),
        cmocka_unit_test(calculate_duration_ms__counts_whole_milliseconds_across_offsets),
        cmocka_unit_test(calculate_duration_ms__is_never_negative),
        cmocka_unit_test(calculate_duration_ms__refuses_what_is_no_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
