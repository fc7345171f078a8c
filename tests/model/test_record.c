/* SPDX-License-Identifier: MIT */
#include "support/cmocka_all.h"

#include <string.h>

#include "base/cleanup.h"
#include "model/record.h"

#define ALL_FIELDS (~(field_set)0)

static void record_set_text__brings_each_kind_into_stored_form(void **state)
{
    CLEANUP(record_clear) struct tel_record record = RECORD();

    (void)state;
    record_set_text(&record, FIELD_start_time, "2025-12-10 14:05:30.5+02:00", NULL);
    record_set_text(&record, FIELD_status, " Failed ", NULL);
    record_set_text(&record, FIELD_metrics_json, "{\"a\": 1.10}", NULL);
    record_set_text(&record, FIELD_product, "caf\xe9", NULL);
    record_set_text(&record, FIELD_git_commit_timestamp, "yesterday", NULL);
    assert_string_equal(record.fields.start_time, "2025-12-10T12:05:30.500000+00:00");
    assert_string_equal(record.fields.status, "failure");
    assert_string_equal(record.fields.metrics_json, "{\"a\": 1.10}");
    assert_string_equal(record.fields.product, "caf\xef\xbf\xbd");
    assert_string_equal(record.fields.git_commit_timestamp, "yesterday");
}

static void record_set_text__refuses_what_is_out_of_range_and_names_the_field(void **state)
{
    static const struct {
        int index;
        const char *text;
        const char *named;
    } cases[] = {
        {FIELD_end_time, "soon", "end_time must be an RFC 3339 time"},
        {FIELD_end_time, "", "end_time must be an RFC 3339 time"},
        {FIELD_status, "done", "status must be running, success, failure"},
        {FIELD_git_commit_source, "CI", "git_commit_source must be manual, llm or ci"},
        {FIELD_context_json, "{'a': 1}", "context_json must be JSON text"},
        {FIELD_context_json, "", "context_json must be JSON text"},
        {FIELD_items_failed, "3", "items_failed must be an integer"},
    };
    CLEANUP(record_clear) struct tel_record record = RECORD();

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tel_fault fault = {0};

        assert_int_equal(record_set_text(&record, cases[i].index, cases[i].text, &fault),
                         TEL_E_INVALID);
        assert_memory_equal(fault.text, cases[i].named, strlen(cases[i].named));
        assert_false(record_has(&record, cases[i].index));
    }
}

static void record_set_text__keeps_the_old_value_when_the_new_one_is_faulty(void **state)
{
    CLEANUP(record_clear) struct tel_record record = RECORD();

    (void)state;
    record_set_text(&record, FIELD_status, "success", NULL);
    record_set_text(&record, FIELD_status, "done", NULL);
    assert_string_equal(record.fields.status, "success");
    assert_true(record_has(&record, FIELD_status));
}

static void record_set_text__null_takes_any_field_back(void **state)
{
    CLEANUP(record_clear) struct tel_record record = RECORD();

    (void)state;
    record_set_text(&record, FIELD_product, "x", NULL);
    record_set_int(&record, FIELD_items_failed, 3, NULL);
    assert_int_equal(record_set_text(&record, FIELD_product, NULL, NULL), TEL_OK);
    assert_int_equal(record_set_text(&record, FIELD_items_failed, NULL, NULL), TEL_OK);
    assert_true(record.given == 0);
    assert_null(record.fields.product);
    assert_int_equal(record.fields.items_failed, 0);
}

static void record_set_text__may_copy_a_field_onto_itself(void **state)
{
    CLEANUP(record_clear) struct tel_record record = RECORD();

    (void)state;
    record_set_text(&record, FIELD_product, "x", NULL);
    record_set_text(&record, FIELD_product, record.fields.product, NULL);
    assert_string_equal(record.fields.product, "x");
}

static void record_set_int__tells_zero_from_not_given(void **state)
{
    CLEANUP(record_clear) struct tel_record record = RECORD();

    (void)state;
    assert_false(record_has(&record, FIELD_items_failed));
    assert_int_equal(record_set_int(&record, FIELD_items_failed, 0, NULL), TEL_OK);
    assert_true(record_has(&record, FIELD_items_failed));
}

static void record_set_int__refuses_what_is_out_of_range(void **state)
{
    CLEANUP(record_clear) struct tel_record record = RECORD();
    tel_fault fault;

    (void)state;
    assert_int_equal(record_set_int(&record, FIELD_duration_ms, -1, &fault), TEL_E_INVALID);
    assert_string_equal(fault.text, "duration_ms must be >= 0");
    assert_int_equal(record_set_int(&record, FIELD_api_posted, 2, &fault), TEL_E_INVALID);
    assert_int_equal(record_set_int(&record, FIELD_product, 2, &fault), TEL_E_INVALID);
    assert_string_equal(fault.text, "product must be a string");
    assert_true(record.given == 0);
    assert_int_equal(record_set_int(&record, FIELD_id, INT64_MIN, NULL), TEL_OK);
    assert_int_equal(record_set_int(&record, FIELD_duration_ms, INT64_MAX, NULL), TEL_OK);
}

static void record_parse__takes_numbers_and_booleans_as_text(void **state)
{
    CLEANUP(record_clear) struct tel_record record = RECORD();

    (void)state;
    assert_int_equal(record_parse(&record, FIELD_items_failed, "42", NULL), TEL_OK);
    assert_int_equal(record.fields.items_failed, 42);
    assert_int_equal(record_parse(&record, FIELD_api_posted, "True", NULL), TEL_OK);
    assert_int_equal(record.fields.api_posted, 1);
    assert_int_equal(record_parse(&record, FIELD_product, "42", NULL), TEL_OK);
    assert_string_equal(record.fields.product, "42");
    assert_int_equal(record_parse(&record, FIELD_items_failed, "", NULL), TEL_E_INVALID);
    assert_int_equal(record_parse(&record, FIELD_items_failed, "4x", NULL), TEL_E_INVALID);
    assert_int_equal(record_parse(&record, FIELD_items_failed, "9223372036854775808", NULL),
                     TEL_E_INVALID);
    assert_int_equal(record_parse(&record, FIELD_items_failed, "true", NULL), TEL_E_INVALID);
    assert_int_equal(record.fields.items_failed, 42);
    assert_int_equal(record_parse(&record, FIELD_items_failed, NULL, NULL), TEL_OK);
    assert_false(record_has(&record, FIELD_items_failed));
}

static void record_merge__copies_what_is_both_given_and_wanted(void **state)
{
    CLEANUP(record_clear) struct tel_record from = RECORD();
    CLEANUP(record_clear) struct tel_record record = RECORD();

    (void)state;
    record_set_text(&from, FIELD_product, "new", NULL);
    record_set_text(&from, FIELD_platform, "unwanted", NULL);
    record_set_int(&from, FIELD_items_failed, 0, NULL);
    record_set_text(&record, FIELD_product, "old", NULL);
    record_set_text(&record, FIELD_website, "kept", NULL);
    record_set_int(&record, FIELD_items_failed, 7, NULL);
    assert_int_equal(record_merge(&record, &from, ~FIELD_BIT(FIELD_platform), NULL), TEL_OK);
    assert_string_equal(record.fields.product, "new");
    assert_string_equal(record.fields.website, "kept");
    assert_null(record.fields.platform);
    assert_int_equal(record.fields.items_failed, 0);
}

static void record_merge_fields__takes_an_older_callers_shorter_struct(void **state)
{
    CLEANUP(record_clear) struct tel_record record = RECORD();
    tel_run_fields fields = {.size = offsetof(tel_run_fields, insight_id)};

    (void)state;
    fields.api_retry_count = 5;
    fields.insight_id = (const char *)1; /* beyond what the caller has: must not be looked at */
    fields.parent_run_id = (const char *)1;
    assert_int_equal(record_merge_fields(&record, &fields, ALL_FIELDS, NULL), TEL_OK);
    assert_int_equal(record.fields.api_retry_count, 5);
    assert_true(record.given == FIELD_BIT(FIELD_api_retry_count));
}

static void record_merge_fields__takes_a_newer_callers_longer_struct(void **state)
{
    CLEANUP(record_clear) struct tel_record record = RECORD();
    struct {
        tel_run_fields known;
        char unknown[10000]; /* more than may be written over unnoticed */
    } fields = {.known = {.size = sizeof fields, .product = "x"}};

    (void)state;
    memset(fields.unknown, 0xa5, sizeof fields.unknown);
    assert_int_equal(record_merge_fields(&record, &fields.known, ALL_FIELDS, NULL), TEL_OK);
    assert_string_equal(record.fields.product, "x");
}

static void record_merge_fields__a_size_of_zero_gives_nothing(void **state)
{
    CLEANUP(record_clear) struct tel_record record = RECORD();
    tel_run_fields fields = {.product = "x"};

    (void)state;
    assert_int_equal(record_merge_fields(&record, &fields, ALL_FIELDS, NULL), TEL_OK);
    assert_int_equal(record_merge_fields(&record, NULL, ALL_FIELDS, NULL), TEL_OK);
    assert_true(record.given == 0);
}

static void record_merge_fields__sets_the_rest_when_one_is_faulty(void **state)
{
    CLEANUP(record_clear) struct tel_record record = RECORD();
    tel_fault fault;

    (void)state;
    assert_int_equal(record_merge_fields(&record,
                                         TEL_FIELDS(.status = "done", .items_failed = -1,
                                                    .product = "x", .items_succeeded = 2),
                                         ALL_FIELDS, &fault),
                     TEL_E_INVALID);
    assert_memory_equal(fault.text, "status", 6);
    assert_string_equal(record.fields.product, "x");
    assert_int_equal(record.fields.items_succeeded, 2);
    assert_false(record_has(&record, FIELD_items_failed));
}

static void record_load__takes_what_an_old_row_holds(void **state)
{
    CLEANUP(record_clear) struct tel_record record = RECORD();

    (void)state;
    assert_int_equal(record_load_text(&record, FIELD_metrics_json, "{broken"), TEL_OK);
    assert_int_equal(record_load_text(&record, FIELD_status, "odd"), TEL_OK);
    record_load_int(&record, FIELD_items_failed, -7);
    assert_string_equal(record_text(&record, FIELD_status), "odd");
    assert_int_equal(record_int(&record, FIELD_items_failed), -7);
    assert_null(record_text(&record, FIELD_items_failed));
    assert_int_equal(record_int(&record, FIELD_status), 0);
}

static void tel_record__is_set_and_read_by_name(void **state)
{
    tel_record *record = NULL;
    tel_fault fault;

    (void)state;
    assert_int_equal(tel_record_new(&record, TEL_FIELDS(.product = "x"), NULL), TEL_OK);
    assert_int_equal(tel_record_set(record, "items_failed", "3", NULL), TEL_OK);
    assert_int_equal(tel_record_set_int(record, "duration_ms", 0, NULL), TEL_OK);
    assert_string_equal(tel_record_get(record, "product"), "x");
    assert_int_equal(tel_record_get_int(record, "items_failed"), 3);
    assert_int_equal(tel_record_fields(record)->items_failed, 3);
    assert_int_equal(tel_record_set(record, "colour", "red", &fault), TEL_E_NOT_FOUND);
    assert_non_null(strstr(fault.text, "\"colour\""));
    assert_int_equal(tel_record_set_int(record, "product", 1, NULL), TEL_E_INVALID);
    assert_int_equal(tel_record_set(record, "product", NULL, NULL), TEL_OK);
    assert_null(tel_record_get(record, "product"));
    assert_null(tel_record_get(record, "colour"));
    tel_record_free(record);
}

static void tel_record_new__refuses_a_faulty_value(void **state)
{
    tel_record *record = (tel_record *)state;
    tel_fault fault;

    assert_int_equal(tel_record_new(&record, TEL_FIELDS(.items_failed = -1), &fault),
                     TEL_E_INVALID);
    assert_null(record);
    assert_string_equal(fault.text, "items_failed must be >= 0");
}

static void tel_record_from_json__names_the_first_of_several_faulty_fields(void **state)
{
    tel_record *record = (tel_record *)state;
    tel_fault fault = {0};

    assert_int_equal(tel_record_from_json(&record, "{\"items_failed\":\"x\",\"job_type\":1}",
                                          &fault),
                     TEL_E_INVALID);
    assert_null(record);
    assert_memory_equal(fault.text, "job_type", 8); /* in the order of fields */
}

static void tel_record__takes_null(void **state)
{
    (void)state;
    tel_record_free(NULL);
    assert_int_equal(tel_record_new(NULL, NULL, NULL), TEL_E_INVALID);
    assert_null(tel_record_fields(NULL));
    assert_int_equal(tel_record_set(NULL, "product", "x", NULL), TEL_E_INVALID);
    assert_int_equal(tel_record_set_int(NULL, "id", 1, NULL), TEL_E_INVALID);
    assert_null(tel_record_get(NULL, "product"));
    assert_int_equal(tel_record_get_int(NULL, "id"), 0);
}

static void tel_record__takes_a_null_name(void **state)
{
    tel_record *record = NULL;

    (void)state;
    assert_int_equal(tel_record_new(&record, NULL, NULL), TEL_OK);
    assert_int_equal(tel_record_set(record, NULL, "x", NULL), TEL_E_INVALID);
    assert_int_equal(tel_record_set_int(record, NULL, 1, NULL), TEL_E_INVALID);
    assert_null(tel_record_get(record, NULL));
    assert_int_equal(tel_record_get_int(record, NULL), 0);
    tel_record_free(record);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(record_set_text__brings_each_kind_into_stored_form),
        cmocka_unit_test(record_set_text__refuses_what_is_out_of_range_and_names_the_field),
        cmocka_unit_test(record_set_text__keeps_the_old_value_when_the_new_one_is_faulty),
        cmocka_unit_test(record_set_text__null_takes_any_field_back),
        cmocka_unit_test(record_set_text__may_copy_a_field_onto_itself),
        cmocka_unit_test(record_set_int__tells_zero_from_not_given),
        cmocka_unit_test(record_set_int__refuses_what_is_out_of_range),
        cmocka_unit_test(record_parse__takes_numbers_and_booleans_as_text),
        cmocka_unit_test(record_merge__copies_what_is_both_given_and_wanted),
        cmocka_unit_test(record_merge_fields__takes_an_older_callers_shorter_struct),
        cmocka_unit_test(record_merge_fields__takes_a_newer_callers_longer_struct),
        cmocka_unit_test(record_merge_fields__a_size_of_zero_gives_nothing),
        cmocka_unit_test(record_merge_fields__sets_the_rest_when_one_is_faulty),
        cmocka_unit_test(record_load__takes_what_an_old_row_holds),
        cmocka_unit_test(tel_record__is_set_and_read_by_name),
        cmocka_unit_test(tel_record_new__refuses_a_faulty_value),
        cmocka_unit_test(tel_record_from_json__names_the_first_of_several_faulty_fields),
        cmocka_unit_test(tel_record__takes_null),
        cmocka_unit_test(tel_record__takes_a_null_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
