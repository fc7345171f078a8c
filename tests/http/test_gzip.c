/* SPDX-License-Identifier: MIT */
#include "support/cmocka_all.h"

#include <string.h>

#include "http/gzip.h"

static void gzip_unpack__gives_back_what_was_packed(void **state)
{
    struct strbuf text = STRBUF(1 << 20);
    struct strbuf packed = STRBUF(1 << 20);
    struct strbuf unpacked = STRBUF(1 << 20);

    (void)state;
    while (text.length < 300000)
        strbuf_printf(&text, "%zu:", text.length);
    gzip_pack(&packed, text.text, text.length);
    assert_false(strbuf_failed(&packed));
    assert_true(packed.length < text.length);
    assert_int_equal(gzip_unpack(&unpacked, packed.text, packed.length, NULL), TEL_OK);
    assert_int_equal(unpacked.length, text.length);
    assert_memory_equal(unpacked.text, text.text, text.length);
    strbuf_clear(&unpacked);
    strbuf_clear(&packed);
    strbuf_clear(&text);
}

static void gzip_unpack__stops_at_the_buffers_maximum(void **state)
{
    static const char zeros[1 << 16];
    struct strbuf packed = STRBUF(1 << 20);
    struct strbuf unpacked = STRBUF(1000);

    (void)state;
    gzip_pack(&packed, zeros, sizeof zeros);
    assert_int_equal(gzip_unpack(&unpacked, packed.text, packed.length, NULL), TEL_E_TOO_LARGE);
    strbuf_clear(&unpacked);
    strbuf_clear(&packed);
}

static void gzip_unpack__takes_nothing_but_one_whole_member(void **state)
{
    struct strbuf packed = STRBUF(1000);
    struct strbuf unpacked = STRBUF(1000);
    size_t length;

    (void)state;
    gzip_pack(&packed, "{\"a\": 1}", 8);
    length = packed.length;
    for (size_t cut = 0; cut < length; cut++) {
        assert_int_equal(gzip_unpack(&unpacked, packed.text, cut, NULL), TEL_E_INVALID);
        strbuf_clear(&unpacked);
    }
    for (size_t i = 0; i < length; i++) {
        packed.text[i] ^= 0x40;
        if (gzip_unpack(&unpacked, packed.text, length, NULL) == TEL_OK)
            assert_memory_equal(unpacked.text, "{\"a\": 1}", 8); /* a byte that means nothing */
        packed.text[i] ^= 0x40;
        strbuf_clear(&unpacked);
    }
    strbuf_putc(&packed, 'x');
    assert_int_equal(gzip_unpack(&unpacked, packed.text, packed.length, NULL), TEL_E_INVALID);
    strbuf_clear(&unpacked);
    assert_int_equal(gzip_unpack(&unpacked, "plain", 5, NULL), TEL_E_INVALID);
    strbuf_clear(&unpacked);
    strbuf_clear(&packed);
}

static void gzip_is_named__under_both_of_its_names(void **state)
{
    (void)state;
    assert_true(gzip_is_named("gzip"));
    assert_true(gzip_is_named("X-GZip"));
    assert_false(gzip_is_named(NULL));
    assert_false(gzip_is_named(""));
    assert_false(gzip_is_named("gzip, gzip"));
    assert_false(gzip_is_named("deflate"));
}

static void gzip_is_accepted__follows_names_and_weights(void **state)
{
    static const char *const yes[] = {
        "gzip",
        "GZIP",
        "deflate, gzip",
        "gzip;q=1.0, identity; q=0.5",
        "gzip ; q=0.1",
        "*",
        "br;q=1.0, *;q=0.001",
        "x-gzip",
        "br, gzip;q=.5",
        "identity;q=0,*",
    };
    static const char *const no[] = {
        "",
        "identity",
        "gzip;q=0",
        "gzip; q=0.000",
        "*;q=0",
        "br, zstd",
        "gzip;q=0, *;q=1.0",
        "gzipped",
        "deflate, br",
        "gzip;q=0,gzip",
        "*, gzip;q=0",
        "x",
        "*/*",
    };

    (void)state;
    assert_false(gzip_is_accepted(NULL));
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
        assert_true(gzip_is_accepted(yes[i]));
    for (size_t i = 0; i < sizeof no / sizeof *no; i++)
        assert_false(gzip_is_accepted(no[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gzip_unpack__gives_back_what_was_packed),
        cmocka_unit_test(gzip_unpack__stops_at_the_buffers_maximum),
        cmocka_unit_test(gzip_unpack__takes_nothing_but_one_whole_member),
        cmocka_unit_test(gzip_is_named__under_both_of_its_names),
        cmocka_unit_test(gzip_is_accepted__follows_names_and_weights),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
