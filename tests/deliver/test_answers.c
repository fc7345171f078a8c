/* SPDX-License-Identifier: MIT
 *
 * What is made of answers, and how much of them is looked at; what is kept for the next request.
 */
#include "support/cmocka_all.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "deliver/http_answer.h"
#include "deliver/idle_pool.h"
#include "sheets/google_token.h"

#define TOKEN_CHARS_MAX 4096
#define DAY_MS (INT64_C(86400) * 1000)
#define REASON_BODY_BYTES_MAX 65536

static tel_error read_token(struct google_token *token, int length, int64_t seconds)
{
    CLEANUP(strbuf_clear) struct strbuf answer = STRBUF(100000);

    strbuf_printf(&answer, "{\"access_token\":\"%0*d\",\"expires_in\":%lld}", length, 0,
                  (long long)seconds);
    return google_token_read(token, answer.text, answer.length, NULL);
}

static void google_token_read__takes_what_fits_in_a_header(void **state)
{
    struct google_token token = {0};

    (void)state;
    assert_int_equal(read_token(&token, TOKEN_CHARS_MAX, 3600), TEL_OK);
    assert_int_equal(strlen(token.text), TOKEN_CHARS_MAX);
    assert_int_equal(read_token(&token, TOKEN_CHARS_MAX + 1, 3600), TEL_E_UNAVAILABLE);
    assert_null(token.text);
}

static void google_token_read__trusts_no_token_for_longer_than_a_day(void **state)
{
    struct google_token token = {0};

    (void)state;
    assert_int_equal(read_token(&token, 10, INT64_MAX / 1000000), TEL_OK);
    assert_true(google_token_is_good(&token));
    assert_true(deadline_left_ms(token.good_for) <= DAY_MS);
    google_token_drop(&token);
}

/* An answer of so many bytes, with a reason in it. */
static void check_reason(int length, const char *expected)
{
    CLEANUP(strbuf_clear) struct strbuf body = STRBUF(100000);
    CLEANUP(freep) char *reason = NULL;

    strbuf_printf(&body, "%-*s", length, "{\"detail\":\"no room\"}");
    reason = http_answer_reason(&body);
    assert_string_equal(reason ? reason : "", expected);
}

static void http_answer_reason__is_not_searched_for_in_large_answers(void **state)
{
    (void)state;
    check_reason(REASON_BODY_BYTES_MAX, "no room");
    check_reason(REASON_BODY_BYTES_MAX + 1, "");
}

static void idle_pool__keeps_no_more_than_it_has_room_for(void **state)
{
    struct idle_pool pool;
    char items[IDLE_POOL_MAX + 1];

    (void)state;
    idle_pool_init(&pool);
    assert_null(idle_pool_take(&pool));
    for (size_t i = 0; i < IDLE_POOL_MAX; i++)
        assert_true(idle_pool_put(&pool, &items[i]));
    assert_false(idle_pool_put(&pool, &items[IDLE_POOL_MAX]));
    for (size_t i = IDLE_POOL_MAX; i > 0; i--)
        assert_ptr_equal(idle_pool_take(&pool), &items[i - 1]);
    assert_null(idle_pool_take(&pool));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(google_token_read__takes_what_fits_in_a_header),
        cmocka_unit_test(google_token_read__trusts_no_token_for_longer_than_a_day),
        cmocka_unit_test(http_answer_reason__is_not_searched_for_in_large_answers),
        cmocka_unit_test(idle_pool__keeps_no_more_than_it_has_room_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
