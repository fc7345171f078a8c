/* SPDX-License-Identifier: MIT */
#include "support/cmocka_all.h"

#include <string.h>

#include "model/run_fields.h"

static size_t count_bits(field_set set)
{
    size_t count = 0;

    for (; set; set &= set - 1)
        count++;
    return count;
}

static void run_fields__are_the_47_columns_in_order(void **state)
{
    (void)state;
    assert_int_equal(RUN_FIELD_COUNT, 47);
    assert_string_equal(run_fields[0].name, "id");
    assert_string_equal(run_fields[FIELD_event_id].name, "event_id");
    assert_string_equal(run_fields[RUN_FIELD_COUNT - 1].name, "parent_run_id");
    for (int i = 1; i < RUN_FIELD_COUNT; i++)
        assert_true(run_fields[i].offset == run_fields[i - 1].offset + 8);
}

static void run_field_find__finds_each_by_its_name_and_nothing_else(void **state)
{
    (void)state;
    for (int i = 0; i < RUN_FIELD_COUNT; i++)
        assert_int_equal(run_field_find(run_fields[i].name), i);
    assert_int_equal(run_field_find("size"), -1);
    assert_int_equal(run_field_find(""), -1);
    assert_int_equal(run_field_find("Status"), -1);
}

static void run_fields_with__required_are_the_five_of_the_contract(void **state)
{
    const field_set five = FIELD_BIT(FIELD_event_id) | FIELD_BIT(FIELD_run_id) |
                           FIELD_BIT(FIELD_start_time) | FIELD_BIT(FIELD_agent_name) |
                           FIELD_BIT(FIELD_job_type);

    (void)state;
    assert_true(run_fields_with(REQUIRED) == five);
}

static void run_fields_with__patch_are_the_20_of_the_contract(void **state)
{
    static const char *const names[] = {"status",
                                        "end_time",
                                        "duration_ms",
                                        "error_summary",
                                        "error_details",
                                        "input_summary",
                                        "output_summary",
                                        "items_discovered",
                                        "items_succeeded",
                                        "items_failed",
                                        "items_skipped",
                                        "metrics_json",
                                        "context_json",
                                        "git_commit_hash",
                                        "git_commit_source",
                                        "git_commit_author",
                                        "git_commit_timestamp",
                                        "api_posted",
                                        "api_posted_at",
                                        "api_retry_count"};
    field_set expected = 0;

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        expected |= FIELD_BIT(run_field_find(names[i]));
    assert_true(run_fields_with(PATCH) == expected);
    assert_true((run_fields_with(PATCH) & ~run_fields_with(CREATE)) == 0);
}

static void run_fields_with__what_the_store_keeps_by_itself_cannot_be_given(void **state)
{
    (void)state;
    assert_int_equal(count_bits(run_fields_with(CREATE)), RUN_FIELD_COUNT - 3);
    assert_false(run_fields_with(CREATE | PATCH) & FIELD_BIT(FIELD_id));
    assert_false(run_fields_with(CREATE | PATCH) & FIELD_BIT(FIELD_schema_version));
    assert_false(run_fields_with(CREATE | PATCH) & FIELD_BIT(FIELD_updated_at));
}

static void kind_name__names_every_kind_in_use(void **state)
{
    (void)state;
    for (int i = 0; i < RUN_FIELD_COUNT; i++) {
        assert_non_null(kind_name(run_fields[i].kind));
        assert_true(strlen(run_fields[i].meaning) > 0);
    }
    assert_string_equal(kind_name(run_fields[FIELD_duration_ms].kind), "count");
    assert_false(kind_is_text(KIND_BOOL));
    assert_true(kind_is_text(KIND_SOURCE));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(run_fields__are_the_47_columns_in_order),
        cmocka_unit_test(run_field_find__finds_each_by_its_name_and_nothing_else),
        cmocka_unit_test(run_fields_with__required_are_the_five_of_the_contract),
        cmocka_unit_test(run_fields_with__patch_are_the_20_of_the_contract),
        cmocka_unit_test(run_fields_with__what_the_store_keeps_by_itself_cannot_be_given),
        cmocka_unit_test(kind_name__names_every_kind_in_use),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
