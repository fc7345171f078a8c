/* SPDX-License-Identifier: MIT */
#include "support/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/run_tail.h"

static void assert_text_of(size_t capacity, const char *bytes, size_t count, size_t piece,
                           const char *expected)
{
    CLEANUP(tail_clear) struct tail tail;
    CLEANUP(strbuf_clear) struct strbuf text = STRBUF(65536);

    assert_true(tail_init(&tail, capacity));
    for (size_t i = 0; i < count; i += piece)
        tail_append(&tail, bytes + i, count - i < piece ? count - i : piece);
    tail_append_text(&text, &tail);
    assert_string_equal(text.text ? text.text : "", expected);
}

static void assert_text(const char *bytes, const char *expected)
{
    assert_text_of(1000, bytes, strlen(bytes), 1000, expected);
}

static void tail__keeps_the_last_bytes_however_they_came(void **state)
{
    static const char bytes[] = "one\ntwo\nthree\nfour\n";

    (void)state;
    for (size_t piece = 1; piece <= sizeof bytes; piece++) {
        assert_text_of(1000, bytes, strlen(bytes), piece, bytes);
        assert_text_of(7, bytes, strlen(bytes), piece, "four\n");
        assert_text_of(13, bytes, strlen(bytes), piece, "three\nfour\n");
    }
}

static void tail__of_no_size_keeps_nothing(void **state)
{
    (void)state;
    assert_text_of(0, "abc", 3, 1, "");
}

static void tail__keeps_the_end_of_a_line_that_is_too_long(void **state)
{
    (void)state;
    assert_text_of(4, "abcdefgh", 8, 3, "efgh");
    assert_text_of(4, "abcdefg\n", 8, 8, "efg\n");
}

static void tail__takes_escape_sequences_out(void **state)
{
    (void)state;
    assert_text("\033[1;31mred\033[0m", "red");
    assert_text("\033]0;title\aa\033]8;;http://x\033\\link\033]8;;\033\\", "alink");
    assert_text("\033(Ba\033=b\033Pq#0\033\\c", "abc");
    assert_text("\033]0;C:\\dir \033[1mtitle\aend", "end");
    assert_text("a\xc2\x9b"
                "b",
                "ab");
    assert_text("\033/Fnone", "none");
    assert_text("no-break\xc2\xa0space", "no-break\xc2\xa0space");
    assert_text("cut off \033[3", "cut off ");
    assert_text("cut off \033", "cut off ");
    assert_text("cut off \033]0;ti", "cut off ");
}

static void tail__ends_lines_at_carriage_returns_and_drops_other_controls(void **state)
{
    (void)state;
    assert_text("10%\r50%\r100%\r\ndone\r\n", "10%\n50%\n100%\ndone\n");
    assert_text("a\b\x07\x7f\tb", "a\tb");
}

static void tail__is_valid_utf8(void **state)
{
    (void)state;
    assert_text("caf\xc3\xa9", "caf\xc3\xa9");
    assert_text("\xff\xc3", "\xef\xbf\xbd\xef\xbf\xbd");
    assert_text_of(10, "a\0b", 3, 3,
                   "a\xef\xbf\xbd"
                   "b");
}

static void assert_last_line(const char *text, const char *expected)
{
    CLEANUP(freep) char *line = last_line(text);

    if (expected)
        assert_string_equal(line, expected);
    else
        assert_null(line);
}

static void last_line__is_the_last_that_is_not_blank(void **state)
{
    (void)state;
    assert_last_line("one\ntwo", "two");
    assert_last_line("one\n  two \t\n\n  \n", "two");
    assert_last_line("one", "one");
    assert_last_line("", NULL);
    assert_last_line(" \n\t\n", NULL);
}

static void last_line__is_cut_at_a_character(void **state)
{
    char text[2 * SUMMARY_BYTES_MAX + 2];
    CLEANUP(freep) char *line = NULL;

    (void)state;
    text[0] = 'x'; /* so that the cut would fall into a character */
    for (size_t i = 0; i < SUMMARY_BYTES_MAX; i++)
        memcpy(text + 1 + 2 * i, "\xc3\xa9", 2);
    text[sizeof text - 1] = '\0';
    line = last_line(text);
    assert_non_null(line);
    assert_true(strlen(line) <= SUMMARY_BYTES_MAX);
    assert_true(strlen(line) >= SUMMARY_BYTES_MAX - 1);
    assert_string_equal(line + strlen(line) - 5, "\xc3\xa9...");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tail__keeps_the_last_bytes_however_they_came),
        cmocka_unit_test(tail__of_no_size_keeps_nothing),
        cmocka_unit_test(tail__keeps_the_end_of_a_line_that_is_too_long),
        cmocka_unit_test(tail__takes_escape_sequences_out),
        cmocka_unit_test(tail__ends_lines_at_carriage_returns_and_drops_other_controls),
        cmocka_unit_test(tail__is_valid_utf8),
        cmocka_unit_test(last_line__is_the_last_that_is_not_blank),
        cmocka_unit_test(last_line__is_cut_at_a_character),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
