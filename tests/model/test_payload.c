/* SPDX-License-Identifier: MIT */
#include "support/cmocka_all.h"

#include <string.h>

#include "base/json.h"
#include "model/record.h"

static tel_api_payload *payload_of(const tel_run_fields *fields)
{
    tel_record *record = NULL;
    tel_api_payload *payload = NULL;

    assert_int_equal(tel_record_new(&record, fields, NULL), TEL_OK);
    assert_int_equal(tel_api_payload_from_run_record(&payload, record), TEL_OK);
    tel_record_free(record);
    return payload;
}

static void payload__has_exactly_the_27_exported_fields(void **state)
{
    tel_record *record = NULL;
    tel_api_payload *payload = NULL;
    char *text = NULL;
    json_t *json;

    (void)state;
    assert_int_equal(tel_record_new(&record, NULL, NULL), TEL_OK);
    for (int i = 0; i < RUN_FIELD_COUNT; i++) {
        const char *value = run_fields[i].kind == KIND_TIME     ? "2025-12-10T12:05:30Z"
                            : run_fields[i].kind == KIND_STATUS ? "success"
                            : run_fields[i].kind == KIND_SOURCE ? "ci"
                                                                : "1";

        assert_int_equal(record_parse(record, i, value, NULL), TEL_OK);
    }
    assert_int_equal(tel_api_payload_from_run_record(&payload, record), TEL_OK);
    assert_int_equal(tel_api_payload_to_json(&text, payload), TEL_OK);
    json = json_parse(text, strlen(text), NULL);
    assert_int_equal(json_object_size(json), 27);
    assert_null(json_object_get(json, "items_skipped"));
    assert_null(json_object_get(json, "metrics_json"));
    assert_non_null(json_object_get(json, "git_commit_timestamp"));
    assert_memory_equal(text, "{\"run_id\":\"1\",\"agent_name\":", 26);
    assert_non_null(strstr(text, ",\"host\":\"1\"}"));
    json_decref(json);
    tel_free(text);
    tel_api_payload_free(payload);
    tel_record_free(record);
}

static void payload__has_no_nulls(void **state)
{
    tel_api_payload *payload =
        payload_of(TEL_FIELDS(.run_id = "r", .items_failed = 3, .metrics_json = "{}"));
    char *text = NULL;

    (void)state;
    assert_int_equal(tel_api_payload_to_json(&text, payload), TEL_OK);
    assert_string_equal(text, "{\"run_id\":\"r\",\"items_failed\":3}");
    tel_free(text);
    tel_api_payload_free(payload);
}

static void payload_get__answers_by_name(void **state)
{
    tel_api_payload *payload =
        payload_of(TEL_FIELDS(.run_id = "r", .items_failed = 3, .input_summary = "not exported"));

    (void)state;
    assert_string_equal(tel_api_payload_get(payload, "run_id"), "r");
    assert_int_equal(tel_api_payload_get_int(payload, "items_failed"), 3);
    assert_null(tel_api_payload_get(payload, "input_summary"));
    assert_null(tel_api_payload_get(payload, "items_failed"));
    assert_int_equal(tel_api_payload_get_int(payload, "run_id"), 0);
    assert_null(tel_api_payload_get(payload, NULL));
    tel_api_payload_free(payload);
}

static void payload_from_json__reads_back_what_was_written(void **state)
{
    tel_api_payload *payload = NULL;
    tel_fault fault;

    (void)state;
    assert_int_equal(tel_api_payload_from_json(&payload,
                                               "{\"run_id\":\"r\",\"items_failed\":3,\"more\":[]}",
                                               NULL),
                     TEL_OK);
    assert_string_equal(tel_api_payload_get(payload, "run_id"), "r");
    assert_int_equal(tel_api_payload_get_int(payload, "items_failed"), 3);
    tel_api_payload_free(payload);

    assert_int_equal(tel_api_payload_from_json(&payload, "{\"items_failed\":-1}", &fault),
                     TEL_E_INVALID);
    assert_null(payload);
    assert_string_equal(fault.text, "items_failed must be >= 0");
}

static void payload__takes_null(void **state)
{
    tel_api_payload *payload = (tel_api_payload *)state;
    char *text = (char *)state;

    tel_api_payload_free(NULL);
    assert_int_equal(tel_api_payload_from_run_record(&payload, NULL), TEL_E_INVALID);
    assert_null(payload);
    assert_int_equal(tel_api_payload_from_run_record(NULL, NULL), TEL_E_INVALID);
    assert_int_equal(tel_api_payload_to_json(&text, NULL), TEL_E_INVALID);
    assert_null(text);
    assert_int_equal(tel_api_payload_to_json(NULL, NULL), TEL_E_INVALID);
    assert_int_equal(tel_api_payload_from_json(NULL, "{}", NULL), TEL_E_INVALID);
    assert_int_equal(tel_api_payload_from_json(&payload, NULL, NULL), TEL_E_INVALID);
    assert_null(tel_api_payload_get(NULL, "run_id"));
    assert_int_equal(tel_api_payload_get_int(NULL, "items_failed"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(payload__has_exactly_the_27_exported_fields),
        cmocka_unit_test(payload__has_no_nulls),
        cmocka_unit_test(payload_get__answers_by_name),
        cmocka_unit_test(payload_from_json__reads_back_what_was_written),
        cmocka_unit_test(payload__takes_null),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
