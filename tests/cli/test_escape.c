/* SPDX-License-Identifier: MIT */
#include "support/cmocka_all.h"

#include "base/cleanup.h"
#include "cli/escape.h"

static void assert_escaped(const char *text, unsigned modes, const char *expected)
{
    CLEANUP(strbuf_clear) struct strbuf buf = STRBUF(4096);

    escape_append(&buf, text, modes);
    assert_string_equal(buf.text ? buf.text : "", expected);
}

static void escape__lets_plain_text_pass(void **state)
{
    (void)state;
    assert_escaped("", ESCAPE_LINE, "");
    assert_escaped("caf\xc3\xa9 \xe2\x9c\x93 \xf0\x9f\x98\x80", ESCAPE_LINE,
                   "caf\xc3\xa9 \xe2\x9c\x93 \xf0\x9f\x98\x80");
}

static void escape__shows_control_characters(void **state)
{
    (void)state;
    assert_escaped("\033[31mred\033[0m", ESCAPE_LINE, "\\x1b[31mred\\x1b[0m");
    assert_escaped("\033]52;c;aGk=\a", ESCAPE_LINE, "\\x1b]52;c;aGk=\\x07");
    assert_escaped("a\rb\bc\x7f", ESCAPE_LINE, "a\\x0db\\x08c\\x7f");
    assert_escaped("\xc2\x9b"
                   "31m",
                   ESCAPE_LINE, "\\x9b31m");
}

static void escape__shows_newlines_and_tabs_where_one_line_is_due(void **state)
{
    (void)state;
    assert_escaped("a\nb\tc", ESCAPE_LINE, "a\\x0ab\\x09c");
    assert_escaped("a\nb\tc", ESCAPE_TEXT, "a\nb\tc");
    assert_escaped("a\r\nb", ESCAPE_TEXT, "a\\x0d\nb");
}

static void escape__shows_marks_that_turn_the_direction_of_writing(void **state)
{
    (void)state;
    assert_escaped("\xe2\x80\xae"
                   "abc\xe2\x80\xac",
                   ESCAPE_LINE, "\\u202eabc\\u202c");
    assert_escaped("\xe2\x81\xa6\xe2\x80\xa8\xd8\x9c", ESCAPE_TEXT, "\\u2066\\u2028\\u061c");
}

static void escape__shows_bytes_that_are_no_utf8(void **state)
{
    (void)state;
    assert_escaped("\xff"
                   "a\xc3",
                   ESCAPE_LINE, "\\xffa\\xc3");
    assert_escaped("\xed\xa0\x80", ESCAPE_LINE, "\\xed\\xa0\\x80");
}

static void escape__leaves_only_ascii_when_asked(void **state)
{
    (void)state;
    assert_escaped("caf\xc3\xa9", ESCAPE_ASCII, "caf\\u00e9");
    assert_escaped("\xf0\x9f\x98\x80", ESCAPE_ASCII | ESCAPE_TEXT, "\\U0001f600");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(escape__lets_plain_text_pass),
        cmocka_unit_test(escape__shows_control_characters),
        cmocka_unit_test(escape__shows_newlines_and_tabs_where_one_line_is_due),
        cmocka_unit_test(escape__shows_marks_that_turn_the_direction_of_writing),
        cmocka_unit_test(escape__shows_bytes_that_are_no_utf8),
        cmocka_unit_test(escape__leaves_only_ascii_when_asked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
