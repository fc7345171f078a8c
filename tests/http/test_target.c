/* SPDX-License-Identifier: MIT */
#include "support/cmocka_all.h"

#include <string.h>

#include "base/cleanup.h"
#include "http/target.h"

static void assert_segments(const char *text, size_t count, const char *const *segments)
{
    struct target target = {0};

    assert_int_equal(target_parse(&target, text, NULL), TEL_OK);
    assert_int_equal(target.segment_count, count);
    for (size_t i = 0; i < count; i++)
        assert_string_equal(target.segments[i], segments[i]);
    target_clear(&target);
}

static void target_parse__cuts_the_path_at_its_slashes(void **state)
{
    (void)state;
    assert_segments("/", 1, (const char *const[]){""});
    assert_segments("/health", 1, (const char *const[]){"health"});
    assert_segments("/a//b/?x=/y", 4, (const char *const[]){"a", "", "b", ""});
    assert_segments("*", 1, (const char *const[]){"*"});
}

static void target_parse__decodes_after_it_has_cut(void **state)
{
    (void)state;
    assert_segments("/a%2Fb/c%3fd%26e", 2, (const char *const[]){"a/b", "c?d&e"});
    assert_segments("/a+b%2bc", 1, (const char *const[]){"a+b+c"});
}

static void target_parse__leaves_what_is_no_escape_alone(void **state)
{
    (void)state;
    assert_segments("/100%/%zz/%4", 3, (const char *const[]){"100%", "%zz", "%4"});
}

static void target_parse__counts_segments_that_do_not_fit(void **state)
{
    struct target target = {0};

    (void)state;
    assert_int_equal(target_parse(&target, "/1/2/3/4/5/6/7/8/9/10", NULL), TEL_OK);
    assert_int_equal(target.segment_count, 10);
    assert_string_equal(target.segments[TARGET_SEGMENTS_MAX - 1], "8");
    target_clear(&target);
}

static void target_parse__reads_parameters_in_order(void **state)
{
    struct target target = {0};

    (void)state;
    assert_int_equal(target_parse(&target, "/x?a=1&&b=x+y%26z&a=2=3&c&=d&%64=", NULL), TEL_OK);
    assert_int_equal(target.parameter_count, 6);
    assert_string_equal(target.parameters[0].name, "a");
    assert_string_equal(target.parameters[0].value, "1");
    assert_string_equal(target.parameters[1].value, "x y&z");
    assert_string_equal(target.parameters[4].name, "");
    assert_string_equal(target_parameter(&target, "a"), "2=3");
    assert_string_equal(target_parameter(&target, "c"), "");
    assert_string_equal(target_parameter(&target, "d"), "");
    assert_null(target_parameter(&target, "e"));
    target_clear(&target);
}

static void target_parse__refuses_a_url(void **state)
{
    static const char *const none[] = {"", "http://localhost/", "health", "**", "?a=1"};

    (void)state;
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        struct target target = {0};
        tel_fault fault = {0};

        assert_int_equal(target_parse(&target, none[i], &fault), TEL_E_INVALID);
        assert_non_null(strstr(fault.text, "path"));
        target_clear(&target);
    }
}

static void target_parse__refuses_a_hidden_nul(void **state)
{
    static const char *const none[] = {"/a%00b", "/a?b%00=c", "/a?b=%00"};

    (void)state;
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        struct target target = {0};

        assert_int_equal(target_parse(&target, none[i], NULL), TEL_E_INVALID);
        target_clear(&target);
    }
}

static void target_parse__takes_so_many_parameters_and_no_more(void **state)
{
    char text[8 * TARGET_PARAMETERS_MAX] = "/?";
    struct target target = {0};

    (void)state;
    for (int i = 0; i < TARGET_PARAMETERS_MAX; i++)
        strcat(text, "a=1&");
    assert_int_equal(target_parse(&target, text, NULL), TEL_OK);
    assert_int_equal(target.parameter_count, TARGET_PARAMETERS_MAX);
    target_clear(&target);
    strcat(text, "b=1");
    assert_int_equal(target_parse(&target, text, NULL), TEL_E_INVALID);
    target_clear(&target);
}

static void target_append_parameter__is_parsed_back_as_it_was(void **state)
{
    static const char *const texts[] = {"", "a b+c", "100%", "&=?#/\"<>;", "\xc3\xbc\x01", "-._~"};
    CLEANUP(strbuf_clear) struct strbuf text = STRBUF(1000);
    struct target target = {0};

    (void)state;
    strbuf_puts(&text, "/runs");
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        target_append_parameter(&text, "n", texts[i]);
    assert_int_equal(strspn(text.text, "/?&=%-._~ABCDEFabcdefnrsu0123456789"), text.length);
    assert_int_equal(target_parse(&target, text.text, NULL), TEL_OK);
    assert_int_equal(target.parameter_count, sizeof texts / sizeof *texts);
    for (size_t i = 0; i < target.parameter_count; i++)
        assert_string_equal(target.parameters[i].value, texts[i]);
    target_clear(&target);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(target_parse__cuts_the_path_at_its_slashes),
        cmocka_unit_test(target_parse__decodes_after_it_has_cut),
        cmocka_unit_test(target_parse__leaves_what_is_no_escape_alone),
        cmocka_unit_test(target_parse__counts_segments_that_do_not_fit),
        cmocka_unit_test(target_parse__reads_parameters_in_order),
        cmocka_unit_test(target_parse__refuses_a_url),
        cmocka_unit_test(target_parse__refuses_a_hidden_nul),
        cmocka_unit_test(target_parse__takes_so_many_parameters_and_no_more),
        cmocka_unit_test(target_append_parameter__is_parsed_back_as_it_was),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
