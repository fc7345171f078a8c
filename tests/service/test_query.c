/* SPDX-License-Identifier: MIT */
#include "support/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "service/query.h"
#include "telemetry.h"

/* A query string and what became of it. */
struct reading {
    struct target target;
    struct list_query query;
    struct faults faults;
    tel_error error;
    tel_fault fault;
};

static void read_query(struct reading *reading, const char *text)
{
    *reading = (struct reading){.faults = FAULTS()};
    assert_int_equal(target_parse(&reading->target, text, NULL), TEL_OK);
    reading->error =
        query_read(&reading->query, &reading->target, &reading->faults, &reading->fault);
}

static void release(struct reading *reading)
{
    target_clear(&reading->target);
    faults_clear(&reading->faults);
}

static void query_read__asks_for_a_hundred_of_all_when_nothing_is_given(void **state)
{
    struct reading reading;
    const struct run_query *query = &reading.query.run_query;

    (void)state;
    read_query(&reading, "/runs");
    assert_int_equal(reading.error, TEL_OK);
    assert_int_equal(reading.faults.count, 0);
    assert_int_equal(query->limit, 100);
    assert_int_equal(query->offset, 0);
    assert_int_equal(query->status_count, 0);
    for (int i = 0; i < RUN_FIELD_COUNT; i++)
        assert_null(query->equals[i]);
    release(&reading);
}

static void query_read__takes_exactly_the_fields_that_are_filters(void **state)
{
    (void)state;
    for (int i = 0; i < RUN_FIELD_COUNT; i++) {
        struct reading reading;
        char text[100];
        bool taken;

        if (run_fields[i].kind == KIND_STATUS)
            continue;
        (void)snprintf(text, sizeof text, "/runs?%s=v", run_fields[i].name);
        read_query(&reading, text);
        taken = run_fields[i].access & FILTER;
        assert_int_equal(reading.query.run_query.equals[i] != NULL, taken);
        if (taken)
            assert_string_equal(reading.query.run_query.equals[i], "v");
        release(&reading);
    }
}

static void query_read__brings_times_into_stored_form(void **state)
{
    struct reading reading;
    const struct run_query *query = &reading.query.run_query;

    (void)state;
    read_query(&reading, "/runs?created_before=2025-01-01T04:00:00+02:00"
                         "&created_after=2025-01-01&start_time_from=2025-01-01T00:00:00%2B01:00"
                         "&start_time_to=2025-01-01+00:00:00&end_time_from=2025-01-01T00:00:00Z"
                         "&end_time_to=2025-01-01T00:00:00-01:00");
    assert_int_equal(reading.error, TEL_OK);
    assert_string_equal(query->created_before, "2025-01-01T02:00:00.000000+00:00");
    assert_string_equal(query->created_after, "2025-01-01T00:00:00.000000+00:00");
    assert_string_equal(query->start_from, "2024-12-31T23:00:00.000000+00:00");
    assert_string_equal(query->start_to, "2025-01-01T00:00:00.000000+00:00");
    assert_string_equal(query->end_from, "2025-01-01T00:00:00.000000+00:00");
    assert_string_equal(query->end_to, "2025-01-01T01:00:00.000000+00:00");
    release(&reading);
}

static void query_read__names_the_first_time_that_is_none(void **state)
{
    static const char *const none[] = {"", "noon", "2025-02-30", "2025-01-01T", "2025-01-01x"};

    (void)state;
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        struct reading reading;
        char text[100];

        (void)snprintf(text, sizeof text, "/runs?end_time_to=%s&created_after=x", none[i]);
        read_query(&reading, text);
        assert_int_equal(reading.error, TEL_E_INVALID);
        assert_non_null(strstr(reading.fault.text, "end_time_to"));
        release(&reading);
    }
}

static void query_read__takes_statuses_once_each_however_they_come(void **state)
{
    struct reading reading;
    const struct run_query *query = &reading.query.run_query;

    (void)state;
    read_query(&reading, "/runs?status=failed,%20Running&status=failure&status=completed,canceled"
                         "&status=timeout,partial,failed,succeeded");
    assert_int_equal(reading.error, TEL_OK);
    assert_int_equal(query->status_count, QUERY_STATUSES_MAX);
    assert_string_equal(query->statuses[0], TEL_FAILURE);
    assert_string_equal(query->statuses[1], TEL_RUNNING);
    assert_string_equal(query->statuses[2], TEL_SUCCESS);
    assert_string_equal(query->statuses[3], TEL_CANCELLED);
    release(&reading);
}

static void query_read__refuses_a_status_that_is_none(void **state)
{
    static const char *const none[] = {"", "done", "failed,", ",", "failed,done"};

    (void)state;
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        struct reading reading;
        char text[100];

        (void)snprintf(text, sizeof text, "/runs?status=%s", none[i]);
        read_query(&reading, text);
        assert_int_equal(reading.error, TEL_E_INVALID);
        release(&reading);
    }
}

static void query_read__takes_limit_and_offset_within_their_bounds(void **state)
{
    struct reading reading;

    (void)state;
    read_query(&reading, "/runs?limit=1000&offset=9223372036854775807");
    assert_int_equal(reading.faults.count, 0);
    assert_int_equal(reading.query.run_query.limit, 1000);
    assert_true(reading.query.run_query.offset == INT64_MAX);
    release(&reading);
}

static void query_read__collects_all_that_is_out_of_bounds(void **state)
{
    static const char *const none[] = {"/?limit=0&offset=-1&roots=maybe",
                                       "/?limit=1001&offset=x&roots=", "/?limit=+5&offset=&roots=2",
                                       "/?limit=0x5&offset=99999999999999999999&roots=no"};

    (void)state;
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        struct reading reading;

        read_query(&reading, none[i]);
        assert_int_equal(reading.faults.count, 3);
        assert_non_null(
            strstr(reading.faults.list.text, "{\"loc\":[\"query\",\"limit\"],\"msg\":"));
        assert_non_null(strstr(reading.faults.list.text, "\"offset\""));
        assert_non_null(strstr(reading.faults.list.text, "\"roots\""));
        release(&reading);
    }
}

static void query_read__lets_the_last_of_equal_names_win(void **state)
{
    struct reading reading;

    (void)state;
    read_query(&reading, "/runs?host=a&host=b&limit=1&limit=2&roots=true&roots=0");
    assert_string_equal(reading.query.run_query.equals[FIELD_host], "b");
    assert_int_equal(reading.query.run_query.limit, 2);
    assert_false(reading.query.run_query.roots);
    release(&reading);
}

static void query_read__goes_on_behind_a_cursor(void **state)
{
    struct reading reading;

    (void)state;
    read_query(&reading, "/runs?cursor=2032352d-42");
    assert_int_equal(reading.error, TEL_OK);
    assert_string_equal(reading.query.run_query.after_time, " 25-");
    assert_int_equal(reading.query.run_query.after_id, 42);
    release(&reading);
    read_query(&reading, "/runs?cursor=x");
    assert_int_equal(reading.error, TEL_E_INVALID);
    assert_non_null(strstr(reading.fault.text, "cursor"));
    release(&reading);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(query_read__asks_for_a_hundred_of_all_when_nothing_is_given),
        cmocka_unit_test(query_read__takes_exactly_the_fields_that_are_filters),
        cmocka_unit_test(query_read__brings_times_into_stored_form),
        cmocka_unit_test(query_read__names_the_first_time_that_is_none),
        cmocka_unit_test(query_read__takes_statuses_once_each_however_they_come),
        cmocka_unit_test(query_read__refuses_a_status_that_is_none),
        cmocka_unit_test(query_read__takes_limit_and_offset_within_their_bounds),
        cmocka_unit_test(query_read__collects_all_that_is_out_of_bounds),
        cmocka_unit_test(query_read__lets_the_last_of_equal_names_win),
        cmocka_unit_test(query_read__goes_on_behind_a_cursor),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
