/* SPDX-License-Identifier: MIT */
#include "support/cmocka_all.h"

#include <string.h>

#include "base/cleanup.h"
#include "service/cursor.h"

static void cursor__comes_back_as_it_was_written(void **state)
{
    static const struct cursor cursors[] = {
        {"2025-01-02T03:04:05.000006+00:00", 1},
        {"2025-01-02 03:04:05", 999999999999999999},
        {"", 7},
        {"any; \xff text", 10},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cursors / sizeof *cursors; i++) {
        CLEANUP(strbuf_clear) struct strbuf text = STRBUF(1000);
        struct cursor cursor;

        cursor_write(&text, &cursors[i]);
        assert_int_equal(strspn(text.text, "0123456789abcdef-"), text.length);
        assert_true(cursor_parse(&cursor, text.text));
        assert_string_equal(cursor.created_at, cursors[i].created_at);
        assert_true(cursor.id == cursors[i].id);
    }
}

static void cursor_parse__takes_no_other_text(void **state)
{
    static const char *const none[] = {"",      "-",      "x",      "32",
                                       "32-",   "3-1",    "32-0",   "32-01",
                                       "32--1", "32-1x",  "3G-1",   "3A-1",
                                       "00-1",  "32-+1",  " 32-1",  "32-1 ",
                                       "32 -1", "32-1-1", "32-1.5", "32-1000000000000000000"};
    char large[400];
    struct cursor cursor;

    (void)state;
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_false(cursor_parse(&cursor, none[i]));
    memset(large, '3', sizeof large);
    memcpy(large + 2 * CURSOR_TIME_SIZE, "-1", 3);
    assert_false(cursor_parse(&cursor, large));
    assert_true(cursor_parse(&cursor, large + 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cursor__comes_back_as_it_was_written),
        cmocka_unit_test(cursor_parse__takes_no_other_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
