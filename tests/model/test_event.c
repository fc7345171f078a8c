/* SPDX-License-Identifier: MIT */
#include "support/cmocka_all.h"

#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "model/event.h"

static void event__goes_to_json_and_back(void **state)
{
    tel_event *event = NULL;
    tel_event *copy = NULL;
    char *json = NULL;

    (void)state;
    assert_int_equal(tel_event_new(&event, "run-1", "page_done", "{\"n\": 1}", NULL), TEL_OK);
    assert_int_equal(tel_event_to_json(&json, event), TEL_OK);
    assert_int_equal(tel_event_from_json(&copy, json, NULL), TEL_OK);
    assert_string_equal(tel_event_get(copy, "run_id"), "run-1");
    assert_string_equal(tel_event_get(copy, "event_type"), "page_done");
    assert_string_equal(tel_event_get(copy, "timestamp"), tel_event_get(event, "timestamp"));
    assert_string_equal(tel_event_get(copy, "payload_json"), "{\"n\": 1}");
    tel_free(json);
    tel_event_free(event);
    tel_event_free(copy);
}

static void event_write_json__is_the_line_that_existing_readers_expect(void **state)
{
    struct strbuf buf = STRBUF(4096);

    (void)state;
    event_write_json(&buf, "r", "e", "2025-12-10T12:05:30.000000+00:00", "{\"a\":\"b\"}");
    assert_string_equal(buf.text, "{\"run_id\":\"r\",\"event_type\":\"e\","
                                  "\"timestamp\":\"2025-12-10T12:05:30.000000+00:00\","
                                  "\"payload_json\":\"{\\\"a\\\":\\\"b\\\"}\","
                                  "\"record_type\":\"event\"}");
    strbuf_reset(&buf);
    event_write_json(&buf, "r", "e\n", "t", NULL);
    assert_non_null(strstr(buf.text, "\"event_type\":\"e\\n\""));
    assert_non_null(strstr(buf.text, "\"payload_json\":null"));
    strbuf_clear(&buf);
}

static void event_new__stamps_the_present_time(void **state)
{
    tel_event *event = NULL;
    int64_t us;

    (void)state;
    assert_int_equal(tel_event_new(&event, "r", "e", NULL, NULL), TEL_OK);
    assert_true(timestamp_parse(&us, tel_event_get(event, "timestamp")));
    assert_true(us <= clock_now_us() && us > clock_now_us() - 60 * US_PER_SECOND);
    assert_null(tel_event_get(event, "payload_json"));
    tel_event_free(event);
}

static void event_new__refuses_what_makes_no_event(void **state)
{
    tel_event *event = (tel_event *)state;
    tel_fault fault;

    assert_int_equal(tel_event_new(&event, NULL, "e", NULL, &fault), TEL_E_INVALID);
    assert_null(event);
    assert_int_equal(tel_event_new(&event, "", "e", NULL, &fault), TEL_E_INVALID);
    assert_int_equal(tel_event_new(&event, "r", NULL, NULL, &fault), TEL_E_INVALID);
    assert_int_equal(tel_event_new(&event, "r", "", NULL, NULL), TEL_E_INVALID);
    assert_int_equal(tel_event_new(&event, "r", "e", "{", &fault), TEL_E_INVALID);
    assert_non_null(strstr(fault.text, "payload_json"));
    assert_int_equal(tel_event_new(NULL, "r", "e", NULL, NULL), TEL_E_INVALID);
}

static void event_from_json__refuses_what_is_no_event(void **state)
{
    static const char *const none[] =
        {"",
         "[]",
         "7",
         "{}",
         "{\"run_id\":\"r\",\"event_type\":\"e\"}",
         "{\"run_id\":1,\"event_type\":\"e\",\"timestamp\":\"t\"}",
         "{\"run_id\":\"r\",\"event_type\":\"e\",\"timestamp\":\"t\",\"payload_json\":{}}"};
    tel_event *event = (tel_event *)state;

    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        assert_int_equal(tel_event_from_json(&event, none[i], NULL), TEL_E_INVALID);
        assert_null(event);
    }
    assert_int_equal(tel_event_from_json(&event, NULL, NULL), TEL_E_INVALID);
    assert_int_equal(tel_event_from_json(NULL, "{}", NULL), TEL_E_INVALID);
}

static void event_from_json__may_lack_a_payload_and_nothing_else(void **state)
{
    static const char *const events[] =
        {"{\"run_id\":\"r\",\"event_type\":\"e\",\"timestamp\":\"t\"}",
         "{\"run_id\":\"r\",\"event_type\":\"e\",\"timestamp\":\"t\",\"payload_json\":null}"};
    tel_event *event = (tel_event *)state;
    tel_fault fault = {0};

    for (size_t i = 0; i < sizeof events / sizeof *events; i++) {
        assert_int_equal(tel_event_from_json(&event, events[i], NULL), TEL_OK);
        assert_null(tel_event_get(event, "payload_json"));
        tel_event_free(event);
    }
    assert_int_equal(
        tel_event_from_json(&event, "{\"run_id\":\"r\",\"event_type\":null,\"timestamp\":\"t\"}",
                            &fault),
        TEL_E_INVALID);
    assert_non_null(strstr(fault.text, "event_type"));
}

static void event__takes_null(void **state)
{
    char *json = (char *)state;

    tel_event_free(NULL);
    assert_null(tel_event_get(NULL, "run_id"));
    assert_int_equal(tel_event_to_json(&json, NULL), TEL_E_INVALID);
    assert_null(json);
    assert_int_equal(tel_event_to_json(NULL, NULL), TEL_E_INVALID);
}

static void event_get__knows_its_members_only(void **state)
{
    tel_event *event = NULL;

    (void)state;
    assert_int_equal(tel_event_new(&event, "r", "e", NULL, NULL), TEL_OK);
    assert_null(tel_event_get(event, "record_type"));
    assert_null(tel_event_get(event, NULL));
    tel_event_free(event);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(event__goes_to_json_and_back),
        cmocka_unit_test(event_write_json__is_the_line_that_existing_readers_expect),
        cmocka_unit_test(event_new__stamps_the_present_time),
        cmocka_unit_test(event_new__refuses_what_makes_no_event),
        cmocka_unit_test(event_from_json__refuses_what_is_no_event),
        cmocka_unit_test(event_from_json__may_lack_a_payload_and_nothing_else),
        cmocka_unit_test(event__takes_null),
        cmocka_unit_test(event_get__knows_its_members_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
