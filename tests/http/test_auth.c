/* SPDX-License-Identifier: MIT */
#include "support/cmocka_all.h"

#include "http/auth.h"

static void auth_is_valid__takes_the_token_under_any_spelling_of_the_scheme(void **state)
{
    (void)state;
    assert_true(auth_is_valid("Bearer s3cret", "s3cret"));
    assert_true(auth_is_valid("bearer s3cret", "s3cret"));
    assert_true(auth_is_valid("BEARER   s3cret", "s3cret"));
}

static void auth_is_valid__takes_nothing_else(void **state)
{
    static const char *const none[] = {
        "",
        "Bearer",
        "Bearer ",
        "Bearer s3cre",
        "Bearer s3crets",
        "Bearer S3cret",
        "Bearers3cret",
        "Basic s3cret",
        "s3cret",
        "Bearer s3crets3cret",
        "Bearer s3cret ",
        "Bearer \ts3cret",
    };

    (void)state;
    assert_false(auth_is_valid(NULL, "s3cret"));
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_false(auth_is_valid(none[i], "s3cret"));
}

static void auth_is_valid__takes_nothing_for_an_empty_token(void **state)
{
    (void)state;
    assert_false(auth_is_valid("Bearer ", ""));
    assert_false(auth_is_valid("Bearer x", ""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(auth_is_valid__takes_the_token_under_any_spelling_of_the_scheme),
        cmocka_unit_test(auth_is_valid__takes_nothing_else),
        cmocka_unit_test(auth_is_valid__takes_nothing_for_an_empty_token),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
