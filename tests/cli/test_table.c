/* SPDX-License-Identifier: MIT */
#include "support/cmocka_all.h"

#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/table.h"

static const struct table_column columns[] = {{"NAME", true}, {"JOB", true}, {"ID", false}};

static int use_utf8(void **state)
{
    (void)state;
    return setlocale(LC_CTYPE, "C.UTF-8") == NULL;
}

static void assert_table(size_t width, bool color, const char *const cells[6], const char *expected)
{
    CLEANUP(strbuf_clear) struct strbuf buf = STRBUF(4096);
    CLEANUP(table_clear) struct table table = TABLE(columns);
    struct screen screen = {.utf8 = true, .width = width, .color = color};

    for (size_t i = 0; i < 6; i++)
        table_add(&table, i == 0 ? STYLE_BAD : STYLE_PLAIN, cells[i]);
    assert_true(table_append(&table, &screen, &buf));
    assert_string_equal(buf.text, expected);
}

static void table__aligns_its_columns(void **state)
{
    const char *const cells[] = {"a", "bb", "id-1", "long-name", "", "id-2"};

    (void)state;
    assert_table(0, false, cells,
                 "NAME       JOB  ID\n"
                 "a          bb   id-1\n"
                 "long-name       id-2\n");
}

static void table__counts_wide_and_combining_characters_as_the_terminal_does(void **state)
{
    const char *const cells[] = {"\xe6\xbc\xa2\xe5\xad\x97", "e\xcc\x81", "id-1", "abcd", "x", "2"};

    (void)state;
    assert_table(0, false, cells,
                 "NAME  JOB  ID\n"
                 "\xe6\xbc\xa2\xe5\xad\x97  e\xcc\x81    id-1\n"
                 "abcd  x    2\n");
}

static void table__takes_each_byte_that_is_no_character_for_a_column(void **state)
{
    const char *const cells[] = {"\xff\xfe", "\xe6\xbc", "id-1", "abcdef", "x", "2"};

    (void)state;
    assert_table(0, false, cells,
                 "NAME    JOB  ID\n"
                 "\xff\xfe      \xe6\xbc   id-1\n"
                 "abcdef  x    2\n");
}

static void table__cuts_a_text_at_200_columns_but_the_last(void **state)
{
    char text[202];
    char expected[2000];
    const char *const cells[] = {text, text, text, text + 1, "b", "c"};

    (void)state;
    memset(text, 'x', 201);
    text[201] = '\0';
    (void)
        snprintf(expected, sizeof expected,
                 "%-200s  %-200s  ID\n%.199s\xe2\x80\xa6  %.199s\xe2\x80\xa6  %s\n%s  %-200s  c\n",
                 "NAME", "JOB", text, text, text, text + 1, "b");
    assert_table(0, false, cells, expected);
}

static void table__shrinks_the_widest_column_and_keeps_ids_whole(void **state)
{
    const char *const cells[] = {"abcdefghijklmnop", "nightly", "0123456789", "b", "c", "d"};

    (void)state;
    assert_table(31, false, cells,
                 "NAME        JOB      ID\n"
                 "abcdefghi\xe2\x80\xa6  nightly  0123456789\n"
                 "b           c        d\n");
}

static void table__stops_shrinking_while_something_can_still_be_read(void **state)
{
    const char *const cells[] = {"abcdefghijklmnop", "nightly", "0123456789", "b", "c", "d"};

    (void)state;
    assert_table(20, false, cells,
                 "NAME      JOB      ID\n"
                 "abcdefg\xe2\x80\xa6  nightly  0123456789\n"
                 "b         c        d\n");
}

static void table__colours_only_when_asked(void **state)
{
    const char *const cells[] = {"a", "b", "c", "d", "e", "f"};

    (void)state;
    assert_table(0, true, cells,
                 "\033[1mNAME\033[0m  \033[1mJOB\033[0m  \033[1mID\033[0m\n"
                 "\033[31ma\033[0m     b    c\n"
                 "d     e    f\n");
}

static void table__fails_as_a_whole_when_a_cell_is_missing(void **state)
{
    CLEANUP(strbuf_clear) struct strbuf buf = STRBUF(4096);
    CLEANUP(table_clear) struct table table = TABLE(columns);
    struct screen screen = {.utf8 = true};

    (void)state;
    table_add(&table, STYLE_PLAIN, NULL);
    assert_false(table_append(&table, &screen, &buf));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table__aligns_its_columns),
        cmocka_unit_test(table__counts_wide_and_combining_characters_as_the_terminal_does),
        cmocka_unit_test(table__takes_each_byte_that_is_no_character_for_a_column),
        cmocka_unit_test(table__cuts_a_text_at_200_columns_but_the_last),
        cmocka_unit_test(table__shrinks_the_widest_column_and_keeps_ids_whole),
        cmocka_unit_test(table__stops_shrinking_while_something_can_still_be_read),
        cmocka_unit_test(table__colours_only_when_asked),
        cmocka_unit_test(table__fails_as_a_whole_when_a_cell_is_missing),
    };

    return cmocka_run_group_tests(tests, use_utf8, NULL);
}
