/* SPDX-License-Identifier: MIT */
#include "support/cmocka_all.h"

#include <math.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "model/pairs.h"

static void assert_written(const tel_pair *pairs, const char *json)
{
    CLEANUP(strbuf_clear) struct strbuf out = STRBUF(10000);

    pairs_write_json(&out, pairs);
    assert_false(strbuf_failed(&out));
    assert_string_equal(out.text, json);
    assert_true(json_is_valid(out.text));
}

static void pairs__keep_their_kinds_and_their_order(void **state)
{
    (void)state;
    assert_written(TEL_PAIRS(TEL_TEXT("url", "https://example.org/\"x\""), TEL_INT("bytes", -412),
                             TEL_REAL("seconds", 0.25), TEL_BOOL("cached", 7), TEL_BOOL("stale", 0),
                             TEL_JSON("tags", "[1,{\"a\":null}]")),
                   "{\"url\":\"https://example.org/\\\"x\\\"\",\"bytes\":-412,\"seconds\":0.25,"
                   "\"cached\":true,\"stale\":false,\"tags\":[1,{\"a\":null}]}");
}

static void pairs__may_be_none(void **state)
{
    const tel_pair none[] = {{.key = NULL}};

    (void)state;
    assert_written(none, "{}");
}

static void pairs__what_json_cannot_say_is_null_or_text(void **state)
{
    (void)state;
    assert_written(TEL_PAIRS(TEL_TEXT("text", NULL), TEL_JSON("json", NULL),
                             TEL_JSON("broken", "{\"a\":"), TEL_REAL("nan", (double)NAN),
                             TEL_REAL("endless", (double)INFINITY), {.key = "kind", .kind = 99}),
                   "{\"text\":null,\"json\":null,\"broken\":\"{\\\"a\\\":\",\"nan\":null,"
                   "\"endless\":null,\"kind\":null}");
}

static void pairs__keep_64_bits_and_bytes_that_are_no_text_do_no_harm(void **state)
{
    (void)state;
    assert_written(TEL_PAIRS(TEL_INT("least", INT64_MIN), TEL_INT("most", INT64_MAX),
                             TEL_TEXT("\xff", "\xfe\n")),
                   "{\"least\":-9223372036854775808,\"most\":9223372036854775807,"
                   "\"\xef\xbf\xbd\":\"\xef\xbf\xbd\\n\"}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pairs__keep_their_kinds_and_their_order),
        cmocka_unit_test(pairs__may_be_none),
        cmocka_unit_test(pairs__what_json_cannot_say_is_null_or_text),
        cmocka_unit_test(pairs__keep_64_bits_and_bytes_that_are_no_text_do_no_harm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
