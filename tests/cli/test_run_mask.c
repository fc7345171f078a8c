/* SPDX-License-Identifier: MIT */
#include "support/cmocka_all.h"

#include <string.h>

#include "base/cleanup.h"
#include "cli/run_mask.h"

#define COMMAND(...) ((char *[]){__VA_ARGS__, NULL})

static void assert_masked(char *const *command, const char *expected)
{
    CLEANUP(strbuf_clear) struct strbuf buf = STRBUF(65536);

    mask_append_command(&buf, command, 10000);
    assert_string_equal(buf.text ? buf.text : "", expected);
}

static void mask__hides_values_by_the_name_of_their_option(void **state)
{
    (void)state;
    assert_masked(COMMAND("x", "--token=abc", "-v"), "x --token=*** -v");
    assert_masked(COMMAND("x", "--token", "abc", "-v"), "x --token *** -v");
    assert_masked(COMMAND("x", "--db-password", "abc"), "x --db-password ***");
    assert_masked(COMMAND("x", "--API-Key=abc"), "x --API-Key=***");
    assert_masked(COMMAND("x", "--client-secret=a=b"), "x --client-secret=***");
}

static void mask__hides_assignments(void **state)
{
    (void)state;
    assert_masked(COMMAND("env", "OPENAI_API_KEY=abc", "MODE=fast", "make"),
                  "env OPENAI_API_KEY=*** MODE=fast make");
    assert_masked(COMMAND("env", "A_TOKEN=a", "B_SECRET=b", "C_PASSWORD=c", "APIKEY=d"),
                  "env A_TOKEN=*** B_SECRET=*** C_PASSWORD=*** APIKEY=***");
    assert_masked(COMMAND("sh", "-c", "GH_TOKEN=abc make && echo ok"),
                  "sh -c 'GH_TOKEN=*** make && echo ok'");
    assert_masked(COMMAND("sh", "-c", "X_KEY=\"a b\" make"), "sh -c 'X_KEY=\"***\" make'");
}

static void mask__hides_keys_of_known_shapes_wherever_they_are(void **state)
{
    (void)state;
    assert_masked(COMMAND("x", "sk-proj-0123456789abcdef"), "x sk-***");
    assert_masked(COMMAND("x", "a=ghp_0123456789abcdefABCDEF,b"), "x a=ghp_***,b");
    assert_masked(COMMAND("x", "github_pat_0123456789abcdef"), "x github_pat_***");
    assert_masked(COMMAND("x", "xoxb-123456789012-abc"), "x xoxb-***");
    assert_masked(COMMAND("x", "AKIAIOSFODNN7EXAMPLE"), "x AKIA***");
    assert_masked(COMMAND("x", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOjF9.c2ln"), "x eyJ***");
}

static void mask__hides_headers_and_users_in_urls(void **state)
{
    (void)state;
    assert_masked(COMMAND("curl", "-H", "Authorization: Bearer abc"),
                  "curl -H 'Authorization: ***'");
    assert_masked(COMMAND("git", "clone", "https://me:pw@host/r.git"),
                  "git clone https://***@host/r.git");
    assert_masked(COMMAND("curl", "https://host/?a=1&token=abc&b=2"),
                  "curl 'https://host/?a=1&token=***&b=2'");
    assert_masked(COMMAND("curl", "-u", "me:pw", "https://host"), "curl -u *** https://host");
    assert_masked(COMMAND("/usr/bin/mysql", "-psecret", "db"), "/usr/bin/mysql -p*** db");
}

static void mask__leaves_the_rest_alone(void **state)
{
    (void)state;
    assert_masked(COMMAND("x", "--max-tokens=4096", "--password-file=/etc/p"),
                  "x --max-tokens=4096 --password-file=/etc/p");
    assert_masked(COMMAND("mkdir", "-p", "a/b"), "mkdir -p a/b");
    assert_masked(COMMAND("ssh", "user@host", "task-force-one-1234567890123"),
                  "ssh user@host task-force-one-1234567890123");
    assert_masked(COMMAND("x", "--token", "--verbose"), "x --token --verbose");
    assert_masked(COMMAND("x", "https://host/a@b"), "x https://host/a@b");
}

static void mask__quotes_what_a_shell_would_take_apart(void **state)
{
    (void)state;
    assert_masked(COMMAND("echo", "a b", "", "it's"), "echo 'a b' '' 'it'\\''s'");
}

static void mask__cuts_a_long_line_at_a_character(void **state)
{
    CLEANUP(strbuf_clear) struct strbuf buf = STRBUF(65536);

    (void)state;
    mask_append_command(&buf, COMMAND("abc\xc3\xa9xyz"), 4);
    assert_string_equal(buf.text, "abc...");
}

static void count_one(void *arg, const char *argument)
{
    (void)argument;
    (*(size_t *)arg)++;
}

static void mask__keeps_the_number_of_arguments(void **state)
{
    size_t count = 0;

    (void)state;
    mask_arguments(COMMAND("x", "--token", "a b", "", "sk-0123456789abcdef"), count_one, &count);
    assert_int_equal(count, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mask__hides_values_by_the_name_of_their_option),
        cmocka_unit_test(mask__hides_assignments),
        cmocka_unit_test(mask__hides_keys_of_known_shapes_wherever_they_are),
        cmocka_unit_test(mask__hides_headers_and_users_in_urls),
        cmocka_unit_test(mask__leaves_the_rest_alone),
        cmocka_unit_test(mask__quotes_what_a_shell_would_take_apart),
        cmocka_unit_test(mask__cuts_a_long_line_at_a_character),
        cmocka_unit_test(mask__keeps_the_number_of_arguments),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
