/* SPDX-License-Identifier: MIT */
#include "support/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "model/record_json.h"

#define ALL_FIELDS (~(field_set)0)

/* What is wrong with an object, in the order reported: "field message; ...". */
static void collect(void *arg, const char *field, const char *message)
{
    strbuf_printf(arg, "%s %s; ", field, message);
}

static tel_error read_text(struct tel_record *record, const char *text, field_set set,
                           field_set required, struct strbuf *faults)
{
    tel_fault fault = {0};
    CLEANUP(json_releasep) json_t *json = json_parse(text, strlen(text), &fault);

    if (!json)
        fail_msg("%s: %s", text, fault.text);
    return record_read_json(record, json, set, required, collect, faults);
}

static void to_json__writes_every_column_null_where_nothing_was_given(void **state)
{
    tel_record *record = NULL;
    char *text = NULL;
    json_t *json;

    (void)state;
    assert_int_equal(tel_record_new(&record, TEL_FIELDS(.product = "x"), NULL), TEL_OK);
    assert_int_equal(tel_record_set_int(record, "items_failed", 0, NULL), TEL_OK);
    assert_int_equal(tel_record_to_json(&text, record), TEL_OK);
    json = json_parse(text, strlen(text), NULL);
    assert_int_equal(json_object_size(json), RUN_FIELD_COUNT);
    assert_string_equal(json_string_value(json_object_get(json, "product")), "x");
    assert_true(json_is_integer(json_object_get(json, "items_failed")));
    assert_true(json_is_null(json_object_get(json, "items_succeeded")));
    json_decref(json);
    tel_free(text);
    tel_record_free(record);
}

static void record__comes_back_from_json_as_it_went(void **state)
{
    tel_record *record = NULL;
    tel_record *copy = NULL;
    char *text = NULL;
    char *again = NULL;

    (void)state;
    assert_int_equal(tel_record_new(&record,
                                    TEL_FIELDS(.event_id = "e",
                                               .run_id = "r \"quoted\" \n \xf0\x9f\x98\x80",
                                               .start_time = "2025-12-10T12:05:30Z",
                                               .status = "failed", .items_failed = INT64_MAX,
                                               .metrics_json = "{\"a\": [1.10]}", .api_posted = 1),
                                    NULL),
                     TEL_OK);
    assert_int_equal(tel_record_to_json(&text, record), TEL_OK);
    assert_int_equal(tel_record_from_json(&copy, text, NULL), TEL_OK);
    assert_true(copy->given == record->given);
    assert_int_equal(tel_record_to_json(&again, copy), TEL_OK);
    assert_string_equal(text, again);
    tel_free(text);
    tel_free(again);
    tel_record_free(record);
    tel_record_free(copy);
}

static void write_members__the_forms_differ_in_json_and_boolean_fields(void **state)
{
    const field_set set = FIELD_BIT(FIELD_metrics_json) | FIELD_BIT(FIELD_api_posted);
    CLEANUP(record_clear) struct tel_record record = RECORD();
    CLEANUP(strbuf_clear) struct strbuf buf = STRBUF(4096);

    (void)state;
    record_set_text(&record, FIELD_metrics_json, "{\"a\": 1.10}", NULL);
    record_set_int(&record, FIELD_api_posted, 1, NULL);
    record_write_members(&buf, &record, set, RECORD_AS_STORED);
    assert_string_equal(buf.text, "\"metrics_json\":\"{\\\"a\\\": 1.10}\",\"api_posted\":1");
    strbuf_reset(&buf);
    record_write_members(&buf, &record, set, RECORD_AS_SERVED);
    assert_string_equal(buf.text, "\"metrics_json\":{\"a\": 1.10},\"api_posted\":true");
}

static void write_members__stored_text_that_is_no_json_is_served_with_its_fault(void **state)
{
    CLEANUP(record_clear) struct tel_record record = RECORD();
    CLEANUP(strbuf_clear) struct strbuf buf = STRBUF(4096);

    (void)state;
    assert_int_equal(record_load_text(&record, FIELD_metrics_json, "{broken"), TEL_OK);
    record_write_members(&buf, &record, FIELD_BIT(FIELD_metrics_json), RECORD_AS_SERVED);
    assert_memory_equal(buf.text, "\"metrics_json\":\"{broken\",\"metrics_json_parse_error\":\"",
                        52);
}

static void read_json__reports_every_fault_and_keeps_the_rest(void **state)
{
    CLEANUP(record_clear) struct tel_record record = RECORD();
    CLEANUP(strbuf_clear) struct strbuf faults = STRBUF(4096);

    (void)state;
    assert_int_equal(read_text(&record,
                               "{\"run_id\":\"r\",\"job_type\":\"\",\"status\":\"done\","
                               "\"items_failed\":-1,\"duration_ms\":1.5,\"product\":7,"
                               "\"api_posted\":\"yes\",\"colour\":\"red\"}",
                               run_fields_with(CREATE), run_fields_with(REQUIRED), &faults),
                     TEL_E_INVALID);
    assert_string_equal(faults.text,
                        "event_id is required; start_time is required; agent_name is required; "
                        "job_type must not be empty; status must be running, success, failure, "
                        "partial, timeout or cancelled, not \"done\"; product must be a string; "
                        "items_failed must be >= 0; duration_ms must be an integer; api_posted "
                        "must be true or false; ");
    assert_string_equal(record.fields.run_id, "r");
}

static void read_json__null_is_not_given_and_unknown_keys_are_ignored(void **state)
{
    CLEANUP(record_clear) struct tel_record record = RECORD();
    CLEANUP(strbuf_clear) struct strbuf faults = STRBUF(4096);

    (void)state;
    assert_int_equal(read_text(&record,
                               "{\"duration_ms\":null,\"product\":null,\"metrics_json\":null,"
                               "\"record_type\":\"run\",\"\":{}}",
                               ALL_FIELDS, 0, &faults),
                     TEL_OK);
    assert_true(record.given == 0);
}

static void read_json__leaves_out_fields_that_were_not_asked_for(void **state)
{
    CLEANUP(record_clear) struct tel_record record = RECORD();
    CLEANUP(strbuf_clear) struct strbuf faults = STRBUF(4096);

    (void)state;
    assert_int_equal(read_text(&record, "{\"id\":\"x\",\"product\":\"p\",\"status\":\"failed\"}",
                               run_fields_with(PATCH), 0, &faults),
                     TEL_OK);
    assert_true(record.given == FIELD_BIT(FIELD_status));
}

static void read_json__takes_json_fields_in_any_form(void **state)
{
    static const char *const cases[][2] = {
        {"{\"a\":1}", "{\"a\":1}"},
        {"\"{\\\"a\\\": 1.10}\"", "{\"a\": 1.10}"},
        {"[1, 2]", "[1,2]"},
        {"\"plain\"", "\"plain\""},
        {"\"7\"", "7"},
        {"true", "true"},
        {"\"\"", "\"\""},
        {"\"a\\u0000b\"", NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        CLEANUP(record_clear) struct tel_record record = RECORD();
        CLEANUP(strbuf_clear) struct strbuf faults = STRBUF(4096);
        char text[100];

        (void)snprintf(text, sizeof text, "{\"metrics_json\":%s}", cases[i][0]);
        if (!cases[i][1]) {
            assert_null(json_parse(text, strlen(text), NULL));
            continue;
        }
        assert_int_equal(read_text(&record, text, ALL_FIELDS, 0, &faults), TEL_OK);
        assert_string_equal(record.fields.metrics_json, cases[i][1]);
    }
}

static void read_json__takes_a_boolean_as_0_or_1_too(void **state)
{
    CLEANUP(record_clear) struct tel_record record = RECORD();
    CLEANUP(strbuf_clear) struct strbuf faults = STRBUF(4096);

    (void)state;
    assert_int_equal(read_text(&record, "{\"api_posted\":true}", ALL_FIELDS, 0, &faults), TEL_OK);
    assert_int_equal(record.fields.api_posted, 1);
    assert_int_equal(read_text(&record, "{\"api_posted\":0}", ALL_FIELDS, 0, &faults), TEL_OK);
    assert_int_equal(record.fields.api_posted, 0);
    assert_int_equal(read_text(&record, "{\"api_posted\":2}", ALL_FIELDS, 0, &faults),
                     TEL_E_INVALID);
    assert_int_equal(read_text(&record, "{\"items_failed\":true}", ALL_FIELDS, 0, &faults),
                     TEL_E_INVALID);
}

static void read_json__takes_each_type_in_each_field_or_says_why_not(void **state)
{
    static const char *const values[] = {"5",     "[]",   "{}",      "\"\"",
                                         "\"x\"", "true", "-1",      "9223372036854775807",
                                         "1e300", "1.5",  "[[[[]]]]"};

    (void)state;
    for (int i = 0; i < RUN_FIELD_COUNT; i++) {
        for (size_t j = 0; j < sizeof values / sizeof *values; j++) {
            CLEANUP(record_clear) struct tel_record record = RECORD();
            CLEANUP(strbuf_clear) struct strbuf faults = STRBUF(4096);
            char text[100];
            tel_error error;

            (void)snprintf(text, sizeof text, "{\"%s\":%s}", run_fields[i].name, values[j]);
            error = read_text(&record, text, ALL_FIELDS, 0, &faults);
            assert_true(error == TEL_OK || error == TEL_E_INVALID);
            assert_int_equal(error == TEL_OK, faults.length == 0);
            assert_int_equal(error == TEL_OK, record_has(&record, i));
        }
    }
}

static void from_json__refuses_what_is_no_record(void **state)
{
    static const char *const none[] = {"", "[]", "\"x\"", "{\"status\":\"done\"}", "{", "nul"};
    tel_record *record = (tel_record *)state;
    tel_fault fault;

    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        fault = (tel_fault){0};
        assert_int_equal(tel_record_from_json(&record, none[i], &fault), TEL_E_INVALID);
        assert_null(record);
        assert_int_equal(fault.code, TEL_E_INVALID);
        assert_true(strlen(fault.text) > 0);
    }
    assert_int_equal(tel_record_from_json(&record, NULL, NULL), TEL_E_INVALID);
    assert_int_equal(tel_record_from_json(NULL, "{}", NULL), TEL_E_INVALID);
    assert_int_equal(tel_record_to_json(NULL, NULL), TEL_E_INVALID);
}

static void merge_json__changes_the_json_fields_that_were_given_and_no_others(void **state)
{
    CLEANUP(record_clear) struct tel_record record = RECORD();
    CLEANUP(record_clear) struct tel_record stored = RECORD();

    (void)state;
    record_load_text(&stored, FIELD_metrics_json, "{\"a\": 1, \"b\": 2}");
    record_load_text(&stored, FIELD_context_json, "{\"kept\": true}");
    record_load_text(&record, FIELD_metrics_json, "{\"a\":null,\"c\":3}");
    record_load_text(&record, FIELD_error_summary, "{}");
    assert_int_equal(record_merge_json(&record, &stored, NULL), TEL_OK);
    assert_string_equal(record_text(&record, FIELD_metrics_json), "{\"b\":2,\"c\":3}");
    assert_false(record_has(&record, FIELD_context_json));
    assert_string_equal(record_text(&record, FIELD_error_summary), "{}");
}

static void merge_json__takes_stored_text_that_is_no_json_for_none(void **state)
{
    static const char *const texts[] = {"{oops", "", "\"text\"", "[1]", NULL};

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        CLEANUP(record_clear) struct tel_record record = RECORD();
        CLEANUP(record_clear) struct tel_record stored = RECORD();

        if (texts[i])
            record_load_text(&stored, FIELD_metrics_json, texts[i]);
        record_load_text(&record, FIELD_metrics_json, "{\"a\":1,\"b\":null}");
        assert_int_equal(record_merge_json(&record, &stored, NULL), TEL_OK);
        assert_string_equal(record_text(&record, FIELD_metrics_json), "{\"a\":1}");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(to_json__writes_every_column_null_where_nothing_was_given),
        cmocka_unit_test(record__comes_back_from_json_as_it_went),
        cmocka_unit_test(write_members__the_forms_differ_in_json_and_boolean_fields),
        cmocka_unit_test(write_members__stored_text_that_is_no_json_is_served_with_its_fault),
        cmocka_unit_test(read_json__reports_every_fault_and_keeps_the_rest),
        cmocka_unit_test(read_json__null_is_not_given_and_unknown_keys_are_ignored),
        cmocka_unit_test(read_json__leaves_out_fields_that_were_not_asked_for),
        cmocka_unit_test(read_json__takes_json_fields_in_any_form),
        cmocka_unit_test(read_json__takes_a_boolean_as_0_or_1_too),
        cmocka_unit_test(read_json__takes_each_type_in_each_field_or_says_why_not),
        cmocka_unit_test(merge_json__changes_the_json_fields_that_were_given_and_no_others),
        cmocka_unit_test(merge_json__takes_stored_text_that_is_no_json_for_none),
        cmocka_unit_test(from_json__refuses_what_is_no_record),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
