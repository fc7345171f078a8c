/* SPDX-License-Identifier: MIT */
#include "support/cmocka_all.h"

#include "base/cleanup.h"
#include "base/mask.h"

static void assert_masked(const char *text, const char *expected)
{
    CLEANUP(strbuf_clear) struct strbuf buf = STRBUF(4096);

    mask_append(&buf, text);
    assert_string_equal(buf.text ? buf.text : "", expected);
}

static void mask_append__hides_what_has_a_secret_name(void **state)
{
    (void)state;
    assert_masked("token=abc&limit=5", "token=***&limit=5");
    assert_masked("limit=5&access_token=a b;c", "limit=5&access_token=*** b;c");
    assert_masked("Authorization: Bearer abc", "Authorization: ***");
}

static void mask_append__hides_what_has_the_shape_or_the_place_of_a_secret(void **state)
{
    (void)state;
    assert_masked("agent_name=ghp_0123456789abcdefABCDEF", "agent_name=ghp_***");
    assert_masked("git_repo=https://me:pw@host/r", "git_repo=https://***@host/r");
}

static void mask_append__leaves_the_rest_alone(void **state)
{
    (void)state;
    assert_masked("", "");
    assert_masked("agent_name=tokenizer&max_tokens=5&x=\xc3\xa9%\"",
                  "agent_name=tokenizer&max_tokens=5&x=\xc3\xa9%\"");
}

static void mask_is_secret_name__knows_files_from_secrets(void **state)
{
    (void)state;
    assert_true(mask_is_secret_name("--api-key=x", 9));
    assert_true(mask_is_secret_name("DB_PASSWORD", 11));
    assert_false(mask_is_secret_name("--password-file", 15));
    assert_false(mask_is_secret_name("--no-token", 10));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mask_append__hides_what_has_a_secret_name),
        cmocka_unit_test(mask_append__hides_what_has_the_shape_or_the_place_of_a_secret),
        cmocka_unit_test(mask_append__leaves_the_rest_alone),
        cmocka_unit_test(mask_is_secret_name__knows_files_from_secrets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
