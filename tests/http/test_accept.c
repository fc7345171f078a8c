/* SPDX-License-Identifier: MIT */
#include "support/cmocka_all.h"

#include "http/accept.h"

static void accept__takes_anything_when_nothing_is_said(void **state)
{
    (void)state;
    assert_int_equal(accept_quality(NULL, "text/plain"), 1000);
    assert_int_equal(accept_quality("*/*", "text/plain"), 1000);
}

static void accept__takes_what_is_named_in_any_case(void **state)
{
    (void)state;
    assert_int_equal(accept_quality("text/html, Text/PLAIN", "text/plain"), 1000);
    assert_int_equal(accept_quality("text/*", "text/plain"), 1000);
    assert_int_equal(accept_quality("text/plain;charset=utf-8", "text/plain"), 1000);
    assert_int_equal(accept_quality("text/html", "text/plain"), 0);
    assert_int_equal(accept_quality("text/plainer, tex/plain, text/p", "text/plain"), 0);
    assert_int_equal(accept_quality("image/*", "text/plain"), 0);
    assert_int_equal(accept_quality("", "text/plain"), 0);
}

static void accept__minds_how_much_it_is_wanted(void **state)
{
    (void)state;
    assert_int_equal(accept_quality("text/plain;q=0.5", "text/plain"), 500);
    assert_int_equal(accept_quality("text/plain ; version=0.0.4 ; Q=0.125", "text/plain"), 125);
    assert_int_equal(accept_quality("text/plain;q=0", "text/plain"), 0);
    assert_int_equal(accept_quality("text/plain;q=0.", "text/plain"), 0);
    assert_int_equal(accept_quality("text/plain;q=1.000", "text/plain"), 1000);
    assert_int_equal(accept_quality("text/plain;q=0.99999", "text/plain"), 999);
    assert_int_equal(accept_quality("text/plain;q=nonsense", "text/plain"), 1000);
}

static void accept__lets_the_closest_range_decide(void **state)
{
    (void)state;
    assert_int_equal(accept_quality("*/*;q=0.1, text/*;q=0.2, text/plain;q=0.3", "text/plain"),
                     300);
    assert_int_equal(accept_quality("text/plain;q=0.3, */*", "text/plain"), 300);
    assert_int_equal(accept_quality("*/*, text/*;q=0.2", "text/plain"), 200);
    assert_int_equal(accept_quality("text/plain;q=0, */*", "text/plain"), 0);
}

static void accept__bears_anything(void **state)
{
    static const char *const odd[] =
        {",",        ";", ";,;", "/",  "*",           ";q",           ";q=",
         ",,;;q=0,", " ", "*/",  "/*", "text/plain;", "text/plain;q", "text/plain;;;"};

    (void)state;
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
        assert_in_range(accept_quality(odd[i], "text/plain"), 0, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accept__takes_anything_when_nothing_is_said),
        cmocka_unit_test(accept__takes_what_is_named_in_any_case),
        cmocka_unit_test(accept__minds_how_much_it_is_wanted),
        cmocka_unit_test(accept__lets_the_closest_range_decide),
        cmocka_unit_test(accept__bears_anything),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
