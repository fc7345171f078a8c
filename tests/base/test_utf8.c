/* SPDX-License-Identifier: MIT */
#include "support/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

/* Encode by the book, surrogates and all. */
static size_t encode(char out[5], unsigned code)
{
    static const unsigned char leads[] = {0, 0, 0xc0, 0xe0, 0xf0};
    size_t length = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;

    memset(out, 0, 5);
    for (size_t i = length - 1; i > 0; i--, code >>= 6)
        out[i] = (char)(0x80 | (code & 0x3f));
    out[0] = (char)(length == 1 ? code : leads[length] | code);
    return length;
}

static void utf8_sequence__knows_every_code_point_but_surrogates(void **state)
{
    char text[5];

    (void)state;
    assert_int_equal(utf8_sequence(""), 0);
    for (unsigned code = 1; code < 0x120000; code++) {
        bool valid = code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
        size_t length = encode(text, code);

        if (utf8_sequence(text) != (valid ? length : 0) || utf8_is_valid(text) != valid)
            fail_msg("U+%04X is not judged as it should be", code);
    }
}

static void utf8_sequence__refuses_broken_bytes(void **state)
{
    static const char *const broken[] = {
        "\x80",             /* a continuation alone */
        "\xbf\xbf",         /* two */
        "\xc0\x80",         /* NUL, too long */
        "\xc0\xaf",         /* '/', too long */
        "\xc1\xbf",         /* U+007F, too long */
        "\xe0\x80\xaf",     /* '/', longer still */
        "\xe0\x9f\xbf",     /* U+07FF, too long */
        "\xf0\x80\x80\xaf", /* '/', longest */
        "\xf0\x8f\xbf\xbf", /* U+FFFF, too long */
        "\xed\xa0\x80",     /* first surrogate */
        "\xed\xbf\xbf",     /* last surrogate */
        "\xf4\x90\x80\x80", /* U+110000 */
        "\xf5\x80\x80\x80",
        "\xf8\x88\x80\x80\x80", /* five bytes */
        "\xfe",
        "\xff",
        "\xc3",         /* ends too early */
        "\xe2\x82",     /* ends too early */
        "\xf0\x9f\x98", /* ends too early */
        "\xc3(",        /* goes on with something else */
        "\xe2\x82(",
        "\xf0\x9f\x98(",
    };

    (void)state;
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        assert_int_equal(utf8_sequence(broken[i]), 0);
        assert_false(utf8_is_valid(broken[i]));
    }
}

static void utf8_sequence__never_reads_beyond_the_end(void **state)
{
    static const char *const cut[] = {"\xc3", "\xe2",     "\xe2\x82",
                                      "\xf0", "\xf0\x9f", "\xf0\x9f\x98"};

    (void)state;
    for (size_t i = 0; i < sizeof cut / sizeof *cut; i++) {
        char *exact = strdup(cut[i]); /* a byte too far is the address sanitizer's business */

        assert_non_null(exact);
        assert_int_equal(utf8_sequence(exact), 0);
        free(exact);
    }
}

static void check_append(const char *text, const char *expected)
{
    struct strbuf buf = STRBUF(1000);

    utf8_append(&buf, text);
    assert_string_equal(buf.text ? buf.text : "", expected);
    assert_true(utf8_is_valid(buf.text ? buf.text : ""));
    strbuf_clear(&buf);
}

static void utf8_append__replaces_each_byte_that_is_none(void **state)
{
    (void)state;
    check_append("", "");
    check_append("caf\xc3\xa9 \xf0\x9f\x98\x80", "caf\xc3\xa9 \xf0\x9f\x98\x80");
    check_append("caf\xe9", "caf" UTF8_REPLACEMENT);
    check_append("\xffx\xff", UTF8_REPLACEMENT "x" UTF8_REPLACEMENT);
    check_append("\xed\xa0\x80", UTF8_REPLACEMENT UTF8_REPLACEMENT UTF8_REPLACEMENT);
    check_append("\xe2\x82", UTF8_REPLACEMENT UTF8_REPLACEMENT);
    check_append("\xe2\x82\xe2\x82\xac", UTF8_REPLACEMENT UTF8_REPLACEMENT "\xe2\x82\xac");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(utf8_sequence__knows_every_code_point_but_surrogates),
        cmocka_unit_test(utf8_sequence__refuses_broken_bytes),
        cmocka_unit_test(utf8_sequence__never_reads_beyond_the_end),
        cmocka_unit_test(utf8_append__replaces_each_byte_that_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
