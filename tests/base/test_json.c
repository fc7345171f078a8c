/* SPDX-License-Identifier: MIT */
#include "support/cmocka_all.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"

/* Parse and write again; "" when it does not parse. The caller frees it. */
static char *rewrite(const char *text)
{
    CLEANUP(json_releasep) json_t *json = json_parse(text, strlen(text), NULL);
    struct strbuf buf = STRBUF(1000);

    if (json)
        json_write_value(&buf, json);
    return strbuf_take(&buf);
}

static void check_rewrite(const char *text, const char *expected)
{
    CLEANUP(freep) char *again = rewrite(text);

    assert_string_equal(again, expected);
}

static void json_parse__takes_any_kind_of_value(void **state)
{
    (void)state;
    check_rewrite(" { \"b\" : [ 1 , true , null ] ,\r\n\t\"a\" : -0.5e1 } ",
                  "{\"b\":[1,true,null],\"a\":-5.0}");
    check_rewrite("\"text\"", "\"text\"");
    check_rewrite("false", "false");
    check_rewrite("9223372036854775807", "9223372036854775807");
    check_rewrite("-9223372036854775808", "-9223372036854775808");
    check_rewrite("\"\\u00e9\\ud83d\\ude00\\/\"", "\"\xc3\xa9\xf0\x9f\x98\x80/\"");
    check_rewrite("\"\\ud7ff\\ue000\"", "\"\xed\x9f\xbf\xee\x80\x80\"");
    check_rewrite("\"\\ud800\\udc00\\udbff\\udfff\"", "\"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\"");
}

static void json_parse__of_duplicate_keys_the_last_wins(void **state)
{
    (void)state;
    check_rewrite("{\"a\":1,\"b\":2,\"a\":3}", "{\"a\":3,\"b\":2}");
}

static void json_parse__does_not_follow_the_hosts_locale(void **state)
{
    static const char *const commas[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "de_DE"};

    (void)state;
    for (size_t i = 0; i < sizeof commas / sizeof *commas; i++) {
        if (setlocale(LC_ALL, commas[i]))
            break;
    }
    check_rewrite("[1.5]", "[1.5]");
    (void)setlocale(LC_ALL, "C");
}

static void json_parse__refuses_what_rfc_8259_does_not_know(void **state)
{
    static const char *const none[] = {
        "",
        " ",
        "{",
        "{\"a\":1",
        "{\"a\":1}}",
        "{\"a\":1} x",
        "{\"a\":1,}",
        "[1,]",
        "{'a':1}",
        "{a:1}",
        "[NaN]",
        "[Infinity]",
        "[-Infinity]",
        "[01]",
        "[+1]",
        "[.5]",
        "[1.]",
        "[0x10]",
        "[1e400]",
        "[9223372036854775808]",
        "[-9223372036854775809]",
        "/* */ 1",
        "// 1",
        "\"a\nb\"",
        "\"a\tb\"",
        "\"\x01\"",
        "\"\\x41\"",
        "\"\\u12\"",
        "\"\\u0000\"",
        "{\"a\\u0000b\":1}",
        "\"\\ud83d\"",
        "\"\\ud83dx\"",
        "\"\\ude00\"",
        "\"\\ud800\"",
        "\"\\udfff\"",
        "\"\\udc00\\udc00\"",
        "\"\\ud83d\\ue000\"",
        "\"\\ud83d\\udbff\"",
        "\"\\ud83d\\u0041\"",
        "\"caf\xe9\"",
        "\"\xed\xa0\x80\"",
        "\"\xc0\xaf\"",
        "\xef\xbb\xbf{}",
        "nul",
        "True",
    };

    (void)state;
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        tel_fault fault = {0};

        if (json_parse(none[i], strlen(none[i]), &fault) || json_is_valid(none[i]))
            fail_msg("%s was taken as JSON", none[i]);
        assert_int_equal(fault.code, TEL_E_INVALID);
        assert_non_null(strstr(fault.text, "invalid JSON at offset "));
    }
}

/* What is behind the last byte of the page cannot be read. */
static void json_parse__reads_nothing_behind_its_end(void **state)
{
    static const char *const texts[] = {
        "{\"a\":[1,-2.5e+10,true,false,null,\"\\n\\u00e9\\ud83d\\ude00\"]}",
        "\"\xc3\xa9\xe0\xa0\x80\xe2\x82\xac\xf0\x90\x80\x80\"",
    };
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    (void)state;
    assert_true(pages != MAP_FAILED);
    assert_int_equal(mprotect(pages + page, page, PROT_NONE), 0);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        for (size_t length = 0; length <= strlen(texts[i]); length++) {
            char *text = pages + page - length;
            CLEANUP(json_releasep) json_t *json = NULL;

            memcpy(text, texts[i], length);
            json = json_parse(text, length, NULL);
            assert_int_equal(json != NULL, length == strlen(texts[i]));
        }
    }
    assert_int_equal(munmap(pages, 2 * page), 0);
}

static void json_parse__refuses_raw_nuls_and_looks_at_the_length_only(void **state)
{
    CLEANUP(json_releasep) json_t *json = NULL;

    (void)state;
    assert_null(json_parse("{\"a\":\"b\0c\"}", 11, NULL));
    assert_null(json_parse("{}\0", 3, NULL));
    assert_null(json_parse("\0\0\0", 3, NULL));
    json = json_parse("{}garbage", 2, NULL);
    assert_true(json_is_object(json));
}

static char *nested(size_t depth, char open, char close)
{
    char *text = calloc(2 * depth + 1, 1);

    assert_non_null(text);
    memset(text, open, depth);
    memset(text + depth, close, depth);
    return text;
}

static void json_parse__nests_64_deep_and_no_deeper(void **state)
{
    CLEANUP(freep) char *deepest = nested(JSON_DEPTH_MAX, '[', ']');
    CLEANUP(freep) char *too_deep = nested(JSON_DEPTH_MAX + 1, '[', ']');
    CLEANUP(freep) char *bomb = nested(1000000, '[', ']');
    CLEANUP(freep) char *objects = nested(1000000, '{', '}');
    tel_fault fault;

    (void)state;
    assert_true(json_is_valid(deepest));
    assert_null(json_parse(too_deep, strlen(too_deep), &fault));
    assert_string_equal(fault.text, "invalid JSON at offset 64: nested deeper than 64 levels");
    assert_false(json_is_valid(bomb));
    assert_false(json_is_valid(objects));
}

static void json_parse__counts_no_brackets_in_strings(void **state)
{
    CLEANUP(freep) char *brackets = nested(100, '[', ']');
    CLEANUP(strbuf_clear) struct strbuf buf = STRBUF(1000);

    (void)state;
    strbuf_printf(&buf, "{\"\\\"%s\":\"\\\\\",\"b\":\"%s\"}", brackets, brackets);
    assert_true(json_is_valid(buf.text));
    strbuf_reset(&buf);
    strbuf_printf(&buf, "[\"\\\\\",%s]", brackets);
    assert_false(json_is_valid(buf.text));
}

static void json_write_string__escapes_what_must_be_escaped(void **state)
{
    CLEANUP(strbuf_clear) struct strbuf buf = STRBUF(1000);

    (void)state;
    json_write_string(&buf, "a\"\\/\b\f\n\r\t\v\x01\x1f\x7f caf\xc3\xa9 \xff\xed\xa0\x80");
    assert_string_equal(buf.text,
                        "\"a\\\"\\\\/\\b\\f\\n\\r\\t\\u000b\\u0001\\u001f\x7f caf\xc3\xa9 "
                        "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
}

static void json_write_string__is_read_back_as_it_was(void **state)
{
    char text[257];

    (void)state;
    for (int c = 1; c < 128; c++) {
        CLEANUP(strbuf_clear) struct strbuf buf = STRBUF(1000);
        CLEANUP(json_releasep) json_t *json = NULL;

        (void)snprintf(text, sizeof text, "x%cy", c);
        json_write_string(&buf, text);
        json = json_parse(buf.text, buf.length, NULL);
        assert_string_equal(json_string_value(json), text);
    }
}

static void json_write__fails_with_its_buffer(void **state)
{
    CLEANUP(strbuf_clear) struct strbuf buf = STRBUF(8);
    CLEANUP(json_releasep) json_t *json = json_parse("[1,2,3,4,5]", 11, NULL);

    (void)state;
    json_write_value(&buf, json);
    assert_true(strbuf_failed(&buf));
    assert_true(buf.too_large);
    strbuf_reset(&buf);
    json_write_string(&buf, "1234567");
    assert_true(strbuf_failed(&buf));
}

static void assert_merged(const char *value, const char *patch, const char *expected)
{
    CLEANUP(strbuf_clear) struct strbuf buf = STRBUF(1000);
    CLEANUP(json_releasep) json_t *into = value ? json_parse(value, strlen(value), NULL) : NULL;
    CLEANUP(json_releasep) json_t *from = json_parse(patch, strlen(patch), NULL);
    CLEANUP(json_releasep) json_t *merged = json_merge(into, from);

    json_write_value(&buf, merged);
    assert_string_equal(buf.text, expected);
}

static void json_merge__follows_rfc_7396(void **state)
{
    (void)state;
    assert_merged("{\"a\":\"b\"}", "{\"a\":\"c\"}", "{\"a\":\"c\"}");
    assert_merged("{\"a\":\"b\"}", "{\"b\":\"c\"}", "{\"a\":\"b\",\"b\":\"c\"}");
    assert_merged("{\"a\":\"b\"}", "{\"a\":null}", "{}");
    assert_merged("{\"a\":\"b\",\"b\":\"c\"}", "{\"a\":null}", "{\"b\":\"c\"}");
    assert_merged("{\"a\":[\"b\"]}", "{\"a\":\"c\"}", "{\"a\":\"c\"}");
    assert_merged("{\"a\":\"c\"}", "{\"a\":[\"b\"]}", "{\"a\":[\"b\"]}");
    assert_merged("{\"a\":{\"b\":\"c\"}}", "{\"a\":{\"b\":\"d\",\"c\":null}}",
                  "{\"a\":{\"b\":\"d\"}}");
    assert_merged("{\"a\":[{\"b\":\"c\"}]}", "{\"a\":[1]}", "{\"a\":[1]}");
    assert_merged("[\"a\",\"b\"]", "[\"c\",\"d\"]", "[\"c\",\"d\"]");
    assert_merged("{\"a\":\"b\"}", "[\"c\"]", "[\"c\"]");
    assert_merged("{\"a\":\"foo\"}", "null", "null");
    assert_merged("{\"a\":\"foo\"}", "\"bar\"", "\"bar\"");
    assert_merged("{\"e\":null}", "{\"a\":1}", "{\"e\":null,\"a\":1}");
    assert_merged("[1,2]", "{\"a\":\"b\",\"c\":null}", "{\"a\":\"b\"}");
    assert_merged("{}", "{\"a\":{\"bb\":{\"ccc\":null}}}", "{\"a\":{\"bb\":{}}}");
    assert_merged(NULL, "{\"a\":null,\"b\":2}", "{\"b\":2}");
}

static void json_merge__keeps_the_order_of_keys_and_what_it_was_given(void **state)
{
    CLEANUP(json_releasep) json_t *value = json_parse("{\"z\":{\"y\":1},\"a\":2}", 19, NULL);
    CLEANUP(json_releasep) json_t *patch = json_parse("{\"a\":3,\"z\":{\"x\":4}}", 19, NULL);
    CLEANUP(json_releasep) json_t *merged = json_merge(value, patch);
    CLEANUP(strbuf_clear) struct strbuf buf = STRBUF(1000);

    (void)state;
    json_write_value(&buf, merged);
    json_write_value(&buf, value);
    assert_string_equal(buf.text, "{\"z\":{\"y\":1,\"x\":4},\"a\":3}{\"z\":{\"y\":1},\"a\":2}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_parse__takes_any_kind_of_value),
        cmocka_unit_test(json_parse__of_duplicate_keys_the_last_wins),
        cmocka_unit_test(json_parse__does_not_follow_the_hosts_locale),
        cmocka_unit_test(json_parse__refuses_what_rfc_8259_does_not_know),
        cmocka_unit_test(json_parse__reads_nothing_behind_its_end),
        cmocka_unit_test(json_parse__refuses_raw_nuls_and_looks_at_the_length_only),
        cmocka_unit_test(json_parse__nests_64_deep_and_no_deeper),
        cmocka_unit_test(json_parse__counts_no_brackets_in_strings),
        cmocka_unit_test(json_merge__follows_rfc_7396),
        cmocka_unit_test(json_merge__keeps_the_order_of_keys_and_what_it_was_given),
        cmocka_unit_test(json_write_string__escapes_what_must_be_escaped),
        cmocka_unit_test(json_write_string__is_read_back_as_it_was),
        cmocka_unit_test(json_write__fails_with_its_buffer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
