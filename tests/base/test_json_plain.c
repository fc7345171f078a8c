/* SPDX-License-Identifier: MIT */
#include "support/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/json_plain.h"

static bool parses(const char *text)
{
    CLEANUP(json_releasep) json_t *json = json_parse(text, strlen(text), NULL);

    return json != NULL;
}

static void json_is_plain__knows_what_is_usual(void **state)
{
    static const char *const usual[] = {
        "{}",
        "[]",
        "0",
        "-1",
        "1.25",
        "\"\"",
        "null",
        " [ true , false ,\t[ ] , { } ]\r\n",
        "{\"a\":{\"b\":[1,2,{\"c\":null}]},\"d\":\"e\"}",
        "{\"pages\":120,\"notes\":\"a \\\"quote\\\", \\\\ and \\n\",\"x\":-0.5}",
        "\"\xc3\xa9\xf0\x9f\x98\x80\"",
        "123456789012345678",
        "3.14159265358979323846",
    };

    (void)state;
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++) {
        assert_true(json_is_plain(usual[i]));
        assert_true(parses(usual[i]));
    }
}

static void json_is_plain__leaves_the_rest_to_the_parser(void **state)
{
    static const char *const doubtful[] = {
        "",
        " ",
        "{",
        "[1,]",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "[1 2]",
        "]",
        "[}",
        "{]",
        "01",
        "-",
        "1.",
        ".5",
        "1e5",
        "1E5",
        "1.5e400",
        "nul",
        "nullx",
        "True",
        "NaN",
        "'a'",
        "\"a",
        "\"\n\"",
        "\"\\x\"",
        "\"\\\"",
        "\"\\u0041\"",
        "\"\\u0000\"",
        "\"\xff\"",
        "\"\xc0\xaf\"",
        "{} {}",
        "[1]//",
        "9223372036854775808",
        "{1:2}",
        "[,1]",
        "\xef\xbb\xbf{}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof doubtful / sizeof *doubtful; i++)
        assert_false(json_is_plain(doubtful[i]));
}

static void nest(char *text, size_t levels)
{
    memset(text, '[', levels);
    memset(text + levels, ']', levels);
    text[2 * levels] = '\0';
}

static void json_is_plain__counts_levels_as_the_parser_does(void **state)
{
    char text[2 * JSON_DEPTH_MAX + 3];

    (void)state;
    nest(text, JSON_DEPTH_MAX);
    assert_true(json_is_plain(text));
    assert_true(parses(text));
    nest(text, JSON_DEPTH_MAX + 1);
    assert_false(json_is_plain(text));
    assert_false(parses(text));
}

/* Whatever it takes, the parser takes: of sound texts with a few bytes changed, many are both. */
static void json_is_plain__never_takes_what_the_parser_does_not(void **state)
{
    static const char sound[] =
        "{\"a\":[1,-2.5,true,{\"b\":\"c\\n\xc3\xa9\"}],\"d\":{},\"e\":null} ";
    static const char bytes[] = "{}[]\",:\\ 01-.etnua\xc3\xa9\n";
    unsigned seed = 1;
    size_t taken = 0;

    (void)state;
    for (int i = 0; i < 200000; i++) {
        char text[sizeof sound];

        memcpy(text, sound, sizeof sound);
        for (int changes = 1 + rand_r(&seed) % 3; changes > 0; changes--)
            text[(size_t)rand_r(&seed) % (sizeof sound - 1)] =
                bytes[(size_t)rand_r(&seed) % (sizeof bytes - 1)];
        if (!json_is_plain(text))
            continue;
        taken++;
        if (!parses(text))
            fail_msg("%s", text);
    }
    assert_true(taken > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_is_plain__knows_what_is_usual),
        cmocka_unit_test(json_is_plain__leaves_the_rest_to_the_parser),
        cmocka_unit_test(json_is_plain__counts_levels_as_the_parser_does),
        cmocka_unit_test(json_is_plain__never_takes_what_the_parser_does_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
