/* SPDX-License-Identifier: MIT
 *
 * What systemd takes from an EnvironmentFile, we take the same way.
 */
#include "support/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "config/env_file.h"

static char heard[4096]; /* "line KEY=value|", or "line !reason|" */

static void hear(void *arg, const char *key, const char *value, size_t line)
{
    size_t used = strlen(heard);

    (void)arg;
    (void)snprintf(heard + used, sizeof heard - used, "%zu %s=%s|", line, key, value);
}

static void hear_fault(void *arg, const char *reason, size_t line)
{
    size_t used = strlen(heard);

    (void)arg;
    (void)snprintf(heard + used, sizeof heard - used, "%zu !%s|", line, reason);
}

static const char *parse(const char *text)
{
    const struct env_file_callbacks callbacks = {hear, hear_fault, NULL};

    *heard = '\0';
    assert_int_equal(env_file_parse(text, &callbacks), TEL_OK);
    return heard;
}

static void plain_values__end_with_their_line(void **state)
{
    (void)state;
    assert_string_equal(parse("A=1\nB_2=two words\n\nC="), "1 A=1|2 B_2=two words|4 C=|");
    assert_string_equal(parse("  A = x \t\r\nB=y"), "1 A=x|2 B=y|");
    assert_string_equal(parse("A=a # b; \"c\""), "1 A=a # b; \"c\"|");
    assert_string_equal(parse("A=http://u:p@h/?q=1#f"), "1 A=http://u:p@h/?q=1#f|");
    assert_string_equal(parse("A=caf\xc3\xa9"), "1 A=caf\xc3\xa9|");
}

static void comments_and_blank_lines__are_nothing(void **state)
{
    (void)state;
    assert_string_equal(parse(""), "");
    assert_string_equal(parse("\n \n# A=1\n; B=2\n  # C=3\n"), "");
    assert_string_equal(parse("# goes on \\\nA=1\nB=2"), "3 B=2|");
}

static void backslash__takes_the_next_character_as_it_is(void **state)
{
    (void)state;
    assert_string_equal(parse("A=a\\\\b\\\"c\\n"), "1 A=a\\b\"cn|");
    assert_string_equal(parse("A=one \\\n  two\nB=3"), "1 A=one   two|3 B=3|");
    assert_string_equal(parse("A=end\\ \nB=x\\"), "1 A=end |2 B=x|");
}

static void quotes__keep_what_is_in_them(void **state)
{
    (void)state;
    assert_string_equal(parse("A=\" a 'b' \"\nB=' c \"d\" \\ '"), "1 A= a 'b' |2 B= c \"d\" \\ |");
    assert_string_equal(parse("A=\"a\\\"b\\\\c\\$d\\`e\\n\""), "1 A=a\"b\\c$d`e\\n|");
    assert_string_equal(parse("A=\"two\nlines\"\nB='three\nmore'\nC=1"),
                        "1 A=two\nlines|3 B=three\nmore|5 C=1|");
    assert_string_equal(parse("A=\"one\\\ntwo\""), "1 A=onetwo|");
    assert_string_equal(parse("A=\"a\"'b'c \n"), "1 A=abc|");
    assert_string_equal(parse("A=x\"y\""), "1 A=x\"y\"|");
    assert_string_equal(parse("A=\"\""), "1 A=|");
}

static void what_is_no_setting__is_named_and_the_others_are_read(void **state)
{
    (void)state;
    assert_string_equal(parse("A=1\nexport B=2\nC=3"),
                        "1 A=1|2 !it must be KEY=value, or begin with # or ;|3 C=3|");
    assert_string_equal(parse("=1\n2A=1\nA-B=1\nonly words"),
                        "1 !it must be KEY=value, or begin with # or ;"
                        "|2 !it must be KEY=value, or begin with # or ;"
                        "|3 !it must be KEY=value, or begin with # or ;"
                        "|4 !it must be KEY=value, or begin with # or ;|");
    assert_string_equal(parse("A=1\nB='never\nC=2\n"),
                        "1 A=1|2 !a quote that begins here has no end|");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_values__end_with_their_line),
        cmocka_unit_test(comments_and_blank_lines__are_nothing),
        cmocka_unit_test(backslash__takes_the_next_character_as_it_is),
        cmocka_unit_test(quotes__keep_what_is_in_them),
        cmocka_unit_test(what_is_no_setting__is_named_and_the_others_are_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
