/* SPDX-License-Identifier: MIT */
#include "support/cmocka_all.h"

#include <stdatomic.h>
#include <string.h>

#include "http/auth.h"
#include "support/together.h"

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

static void auth_admits__whoever_has_the_token_in_force(void **state)
{
    struct auth auth = AUTH();

    (void)state;
    assert_false(auth_admits(&auth, "Bearer old"));
    auth_set_token(&auth, strdup("old"));
    assert_true(auth_admits(&auth, "Bearer old"));
    assert_false(auth_admits(&auth, NULL));
    auth_set_token(&auth, strdup("new"));
    assert_true(auth_admits(&auth, "Bearer new"));
    assert_false(auth_admits(&auth, "Bearer old"));
    auth_clear(&auth);
    assert_false(auth_admits(&auth, "Bearer new"));
}

struct change {
    struct auth auth;
    atomic_size_t admitted;
    atomic_size_t refused;
};

static void change_or_ask(void *arg, size_t number)
{
    struct change *change = arg;

    for (int i = 0; i < 1000; i++) {
        if (number == 0) {
            auth_set_token(&change->auth, strdup(i % 2 ? "one" : "another"));
        } else {
            atomic_fetch_add(&change->admitted, auth_admits(&change->auth, "Bearer one") ||
                                                    auth_admits(&change->auth, "Bearer another"));
            atomic_fetch_add(&change->refused, !auth_admits(&change->auth, "Bearer on"));
        }
    }
}

static void auth_set_token__may_come_while_requests_are_admitted(void **state)
{
    struct change change = {.auth = AUTH()};

    (void)state;
    auth_set_token(&change.auth, strdup("one"));
    together(3, change_or_ask, &change);
    assert_true(change.admitted > 0);
    assert_int_equal(change.refused, 2 * 1000);
    auth_clear(&change.auth);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(auth_is_valid__takes_the_token_under_any_spelling_of_the_scheme),
        cmocka_unit_test(auth_is_valid__takes_nothing_else),
        cmocka_unit_test(auth_is_valid__takes_nothing_for_an_empty_token),
        cmocka_unit_test(auth_admits__whoever_has_the_token_in_force),
        cmocka_unit_test(auth_set_token__may_come_while_requests_are_admitted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
