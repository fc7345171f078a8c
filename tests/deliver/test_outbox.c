/* SPDX-License-Identifier: MIT */
#include "support/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "deliver/outbox.h"

static void assert_translates(const char *line, const char *expected)
{
    CLEANUP(json_releasep) json_t *request = json_parse(line, strlen(line), NULL);
    CLEANUP(json_releasep) json_t *translated = NULL;
    CLEANUP(strbuf_clear) struct strbuf text = STRBUF(10000);

    assert_non_null(request);
    assert_true(outbox_is_request(request));
    assert_int_equal(outbox_translate(&translated, request, NULL), TEL_OK);
    json_write_value(&text, translated);
    assert_string_equal(text.text, expected);
}

static void assert_refused(const char *line)
{
    CLEANUP(json_releasep) json_t *request = json_parse(line, strlen(line), NULL);
    json_t *translated = request;
    tel_fault reason = {0};

    assert_non_null(request);
    assert_true(outbox_is_request(request));
    if (outbox_translate(&translated, request, &reason) != TEL_E_INVALID)
        fail_msg("%s was taken", line);
    assert_null(translated);
    assert_true(*reason.text);
}

static void request__to_post_a_run_is_that_run(void **state)
{
    (void)state;
    assert_translates("{\"endpoint\":\"/api/v1/runs\",\"method\":\"POST\","
                      "\"payload\":{\"event_id\":\"e\",\"status\":\"failed\"}}",
                      "{\"event_id\":\"e\",\"status\":\"failed\"}");
    assert_translates(
        "{\"endpoint\":\"http://localhost:8765/api/v1/runs/?x=1\",\"method\":\"post\","
        "\"payload\":{\"event_id\":\"e\"},\"attempts\":3}",
        "{\"event_id\":\"e\"}");
    assert_translates("{\"endpoint\":\"runs\",\"payload\":\"{\\\"event_id\\\":\\\"e\\\"}\"}",
                      "{\"event_id\":\"e\"}");
}

static void request__to_patch_a_run_is_an_update_of_it(void **state)
{
    (void)state;
    assert_translates("{\"endpoint\":\"/api/v1/runs/a%2Fb%20c\",\"method\":\"PATCH\","
                      "\"payload\":{\"status\":\"success\"}}",
                      "{\"status\":\"success\",\"record_type\":\"update\",\"event_id\":\"a/b c\"}");
    assert_translates("{\"endpoint\":\"/api/v1/runs/e?merge=true\",\"method\":\"patch\","
                      "\"payload\":{\"event_id\":\"other\",\"record_type\":\"run\"}}",
                      "{\"event_id\":\"e\",\"record_type\":\"update\"}");
}

static void request__to_associate_a_commit_is_an_update_too(void **state)
{
    (void)state;
    assert_translates("{\"endpoint\":\"/api/v1/runs/e/associate-commit\",\"method\":\"POST\","
                      "\"payload\":{\"commit_hash\":\"0123abc\",\"commit_source\":\"llm\"}}",
                      "{\"commit_hash\":\"0123abc\",\"commit_source\":\"llm\","
                      "\"git_commit_hash\":\"0123abc\",\"git_commit_source\":\"llm\","
                      "\"record_type\":\"update\",\"event_id\":\"e\"}");
}

static void request__to_post_a_batch_is_all_of_its_runs(void **state)
{
    (void)state;
    assert_translates("{\"endpoint\":\"/api/v1/runs/batch\",\"method\":\"POST\","
                      "\"payload\":[{\"event_id\":\"a\"},{\"event_id\":\"b\"}]}",
                      "[{\"event_id\":\"a\"},{\"event_id\":\"b\"}]");
    assert_translates("{\"endpoint\":\"/api/v1/runs/batch\",\"method\":\"POST\","
                      "\"payload\":{\"runs\":[{\"event_id\":\"a\"}]}}",
                      "[{\"event_id\":\"a\"}]");
}

static void request__that_records_no_run_is_refused(void **state)
{
    (void)state;
    assert_refused("{\"endpoint\":\"/api/v1/metadata\",\"method\":\"POST\",\"payload\":{}}");
    assert_refused("{\"endpoint\":\"/api/v1/truns\",\"method\":\"POST\",\"payload\":{}}");
    assert_refused("{\"endpoint\":\"http://runs.example/\",\"method\":\"POST\",\"payload\":{}}");
    assert_refused("{\"endpoint\":\"\",\"method\":\"POST\",\"payload\":{}}");
    assert_refused("{\"endpoint\":\"/api/v1/runs\",\"method\":\"GET\",\"payload\":{}}");
    assert_refused("{\"endpoint\":\"/api/v1/runs\",\"method\":\"PATCH\",\"payload\":{}}");
    assert_refused("{\"endpoint\":\"/api/v1/runs/e\",\"method\":\"DELETE\",\"payload\":{}}");
    assert_refused("{\"endpoint\":\"/api/v1/runs/e\",\"method\":\"POST\",\"payload\":{}}");
    assert_refused("{\"endpoint\":\"/api/v1/runs/e/tree\",\"method\":\"PATCH\",\"payload\":{}}");
    assert_refused("{\"endpoint\":\"/api/v1/runs\",\"method\":\"POST\",\"payload\":[]}");
    assert_refused("{\"endpoint\":\"/api/v1/runs\",\"method\":\"POST\",\"payload\":\"{torn\"}");
    assert_refused("{\"endpoint\":\"/api/v1/runs/batch\",\"method\":\"POST\",\"payload\":7}");
}

static void request__is_not_what_only_looks_like_one(void **state)
{
    static const char *const lines[] = {
        "{\"event_id\":\"e\",\"endpoint\":\"/api/v1/runs\",\"payload\":{}}",
        "{\"endpoint\":7,\"payload\":{}}",
        "{\"endpoint\":\"/api/v1/runs\"}",
        "{}",
        "[]",
    };

    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        CLEANUP(json_releasep) json_t *line = json_parse(lines[i], strlen(lines[i]), NULL);

        assert_non_null(line);
        assert_false(outbox_is_request(line));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(request__to_post_a_run_is_that_run),
        cmocka_unit_test(request__to_patch_a_run_is_an_update_of_it),
        cmocka_unit_test(request__to_associate_a_commit_is_an_update_too),
        cmocka_unit_test(request__to_post_a_batch_is_all_of_its_runs),
        cmocka_unit_test(request__that_records_no_run_is_refused),
        cmocka_unit_test(request__is_not_what_only_looks_like_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
