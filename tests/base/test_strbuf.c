/* SPDX-License-Identifier: MIT */
#include "support/cmocka_all.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/strbuf.h"

static void strbuf__grows_and_stays_terminated(void **state)
{
    CLEANUP(strbuf_clear) struct strbuf buf = STRBUF(1000);

    (void)state;
    assert_null(buf.text);
    for (int i = 0; i < 100; i++) {
        strbuf_printf(&buf, "%03d", i);
        assert_int_equal(strlen(buf.text), buf.length);
    }
    strbuf_puts(&buf, "ab");
    strbuf_putc(&buf, 'c');
    strbuf_append(&buf, "\0x", 2);
    assert_int_equal(buf.length, 305);
    assert_memory_equal(buf.text, "000001002", 9);
    assert_memory_equal(buf.text + 300, "abc\0x", 6);
    assert_false(strbuf_failed(&buf));
}

static void strbuf__numbers_are_written_as_printf_does(void **state)
{
    static const int64_t numbers[] = {0, 7, -1, 10, -90, 1234567890, INT64_MAX, INT64_MIN};

    (void)state;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        CLEANUP(strbuf_clear) struct strbuf buf = STRBUF(1000);
        char expected[32];

        (void)snprintf(expected, sizeof expected, "%" PRId64, numbers[i]);
        strbuf_put_int(&buf, numbers[i]);
        assert_string_equal(buf.text, expected);
    }
}

static void strbuf__takes_exactly_its_maximum(void **state)
{
    CLEANUP(strbuf_clear) struct strbuf buf = STRBUF(5);

    (void)state;
    strbuf_puts(&buf, "12345");
    strbuf_append(&buf, "", 0);
    assert_false(strbuf_failed(&buf));
    strbuf_putc(&buf, '6');
    assert_true(strbuf_failed(&buf));
}

static void strbuf__failure_is_sticky_and_leaves_nothing(void **state)
{
    CLEANUP(strbuf_clear) struct strbuf buf = STRBUF(5);

    (void)state;
    strbuf_puts(&buf, "123");
    strbuf_printf(&buf, "%d", 456);
    assert_true(strbuf_failed(&buf));
    assert_true(buf.too_large);
    strbuf_puts(&buf, "1");
    strbuf_putc(&buf, '1');
    strbuf_printf(&buf, "%d", 1);
    strbuf_append(&buf, "", 0);
    assert_true(strbuf_failed(&buf));
    assert_int_equal(buf.length, 0);
    assert_null(buf.text);
    assert_null(strbuf_take(&buf));
}

static void strbuf__a_count_that_would_wrap_round_is_too_large(void **state)
{
    CLEANUP(strbuf_clear) struct strbuf buf = STRBUF(SIZE_MAX / 4);

    (void)state;
    strbuf_putc(&buf, 'a');
    strbuf_append(&buf, "a", SIZE_MAX);
    assert_true(buf.too_large);
}

static void strbuf__can_be_used_again_after_reset_and_clear(void **state)
{
    CLEANUP(strbuf_clear) struct strbuf buf = STRBUF(3);

    (void)state;
    strbuf_puts(&buf, "1234");
    strbuf_reset(&buf);
    assert_false(strbuf_failed(&buf));
    assert_false(buf.too_large);
    strbuf_puts(&buf, "abc");
    strbuf_reset(&buf);
    assert_string_equal(buf.text, "");
    strbuf_puts(&buf, "de");
    assert_string_equal(buf.text, "de");
    strbuf_puts(&buf, "1234");
    strbuf_clear(&buf);
    strbuf_puts(&buf, "fgh");
    assert_string_equal(buf.text, "fgh");
}

static void strbuf_truncate__only_ever_shortens(void **state)
{
    CLEANUP(strbuf_clear) struct strbuf buf = STRBUF(10);

    (void)state;
    strbuf_truncate(&buf, 0);
    strbuf_puts(&buf, "abc");
    strbuf_truncate(&buf, 7);
    assert_string_equal(buf.text, "abc");
    strbuf_truncate(&buf, 1);
    assert_string_equal(buf.text, "a");
    strbuf_puts(&buf, "z");
    assert_string_equal(buf.text, "az");
}

static void strbuf_take__hands_the_text_over_once(void **state)
{
    CLEANUP(strbuf_clear) struct strbuf buf = STRBUF(10);
    CLEANUP(freep) char *first = NULL;
    CLEANUP(freep) char *second = NULL;

    (void)state;
    strbuf_puts(&buf, "abc");
    first = strbuf_take(&buf);
    second = strbuf_take(&buf);
    assert_string_equal(first, "abc");
    assert_string_equal(second, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strbuf__grows_and_stays_terminated),
        cmocka_unit_test(strbuf__numbers_are_written_as_printf_does),
        cmocka_unit_test(strbuf__takes_exactly_its_maximum),
        cmocka_unit_test(strbuf__failure_is_sticky_and_leaves_nothing),
        cmocka_unit_test(strbuf__a_count_that_would_wrap_round_is_too_large),
        cmocka_unit_test(strbuf__can_be_used_again_after_reset_and_clear),
        cmocka_unit_test(strbuf_truncate__only_ever_shortens),
        cmocka_unit_test(strbuf_take__hands_the_text_over_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
