/* SPDX-License-Identifier: MIT */
#include "support/cmocka_all.h"

#include <ctype.h>
#include <string.h>

#include "base/utf8.h"
#include "model/run_id.h"

static bool ends_in_hex8(const char *run_id)
{
    size_t length = strlen(run_id);

    return length > 8 && strspn(run_id + length - 8, "0123456789abcdef") == 8;
}

static void generate_run_id__has_the_time_the_name_and_8_hex_digits(void **state)
{
    char run_id[TEL_RUN_ID_SIZE];

    (void)state;
    assert_int_equal(tel_generate_run_id(run_id, "seo-analyzer"), TEL_OK);
    assert_int_equal(strlen(run_id), strlen("20251210T120530Z-seo-analyzer-a1b2c3d4"));
    for (size_t i = 0; i < 15; i++)
        assert_true(i == 8 ? run_id[i] == 'T' : isdigit((unsigned char)run_id[i]));
    assert_memory_equal(run_id + 15, "Z-seo-analyzer-", 15);
    assert_true(ends_in_hex8(run_id));
}

static void generate_run_id__differs_each_time(void **state)
{
    char a[TEL_RUN_ID_SIZE];
    char b[TEL_RUN_ID_SIZE];

    (void)state;
    tel_generate_run_id(a, "x");
    tel_generate_run_id(b, "x");
    assert_string_not_equal(a, b);
}

static void generate_run_id__makes_a_name_fit_for_a_path(void **state)
{
    char run_id[TEL_RUN_ID_SIZE];

    (void)state;
    tel_generate_run_id(run_id, "../a\\b\n\x7f\xff");
    assert_memory_equal(run_id + 16, "-..-a-b----", 11);
    assert_null(run_id_reject_reason(run_id));
}

static void generate_run_id__shortens_a_long_name_between_characters(void **state)
{
    char run_id[TEL_RUN_ID_SIZE];
    char name[1001];

    (void)state;
    for (size_t i = 0; i < 1000; i += 2)
        memcpy(name + i, "\xc3\xa9", 2);
    name[1000] = '\0';
    tel_generate_run_id(run_id, name);
    assert_true(strlen(run_id) >= TEL_RUN_ID_SIZE - 2);
    assert_true(utf8_is_valid(run_id));
    assert_true(ends_in_hex8(run_id));
}

static void generate_run_id__takes_null_and_empty(void **state)
{
    char run_id[TEL_RUN_ID_SIZE];

    (void)state;
    assert_int_equal(tel_generate_run_id(NULL, "x"), TEL_E_INVALID);
    tel_generate_run_id(run_id, NULL);
    assert_non_null(strstr(run_id, "Z-agent-"));
    tel_generate_run_id(run_id, "");
    assert_non_null(strstr(run_id, "Z-agent-"));
}

static void run_id_reject_reason__follows_the_rules_for_callers(void **state)
{
    char longest[TEL_RUN_ID_SIZE];
    char too_long[TEL_RUN_ID_SIZE + 1];

    (void)state;
    memset(longest, 'x', sizeof longest);
    longest[TEL_RUN_ID_SIZE - 1] = '\0';
    memset(too_long, 'x', sizeof too_long);
    too_long[TEL_RUN_ID_SIZE] = '\0';
    assert_null(run_id_reject_reason("nightly 7 \xc3\xa9"));
    assert_null(run_id_reject_reason(longest));
    assert_non_null(run_id_reject_reason(too_long));
    assert_non_null(run_id_reject_reason(""));
    assert_non_null(run_id_reject_reason(" \t\n"));
    assert_non_null(run_id_reject_reason("a/b"));
    assert_non_null(run_id_reject_reason("a\\b"));
}

static void run_id_reject_reason__counts_bytes_so_that_it_fits_the_callers_array(void **state)
{
    char run_id[2 * 200 + 1];

    (void)state;
    for (size_t i = 0; i < 400; i += 2)
        memcpy(run_id + i, "\xc3\xa9", 2);
    run_id[400] = '\0';
    assert_non_null(run_id_reject_reason(run_id));
}

static void run_id_make_duplicate__appends_a_suffix_and_fits(void **state)
{
    char duplicate[TEL_RUN_ID_SIZE];
    char longest[TEL_RUN_ID_SIZE];

    (void)state;
    run_id_make_duplicate(duplicate, "nightly");
    assert_memory_equal(duplicate, "nightly-duplicate-", 18);
    assert_int_equal(strlen(duplicate), 26);
    assert_true(ends_in_hex8(duplicate));

    memset(longest, 'x', sizeof longest);
    longest[TEL_RUN_ID_SIZE - 1] = '\0';
    run_id_make_duplicate(duplicate, longest);
    assert_int_equal(strlen(duplicate), TEL_RUN_ID_SIZE - 1);
    assert_non_null(strstr(duplicate, "xx-duplicate-"));
    assert_true(ends_in_hex8(duplicate));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(generate_run_id__has_the_time_the_name_and_8_hex_digits),
        cmocka_unit_test(generate_run_id__differs_each_time),
        cmocka_unit_test(generate_run_id__makes_a_name_fit_for_a_path),
        cmocka_unit_test(generate_run_id__shortens_a_long_name_between_characters),
        cmocka_unit_test(generate_run_id__takes_null_and_empty),
        cmocka_unit_test(run_id_reject_reason__follows_the_rules_for_callers),
        cmocka_unit_test(run_id_reject_reason__counts_bytes_so_that_it_fits_the_callers_array),
        cmocka_unit_test(run_id_make_duplicate__appends_a_suffix_and_fits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
