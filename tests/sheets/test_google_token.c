/* SPDX-License-Identifier: MIT
 *
 * What is made of the issuer's answer, whatever it is.
 */
#include "support/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "sheets/google_token.h"

static tel_error read_answer(struct google_token *token, const char *answer, tel_fault *fault)
{
    return google_token_read(token, answer, strlen(answer), fault);
}

static void read__takes_a_token_that_may_stand_in_a_header(void **state)
{
    static const char *const good[] = {
        "{\"access_token\":\"!~\",\"token_type\":\"Bearer\"}",
        "{\"access_token\":\"t\",\"token_type\":\"bearer\",\"expires_in\":3599}",
        "{\"access_token\":\"t\"}",
    };
    static const char *const bad[] = {
        "",
        "{}",
        "[]",
        "{\"access_token\":",
        "{\"access_token\":\"\"}",
        "{\"access_token\":7}",
        "{\"access_token\":\"a b\"}",
        "{\"access_token\":\"a\\r\\nX: y\"}",
        "{\"access_token\":\"a\\u007f\"}",
        "{\"access_token\":\"caf\xc3\xa9\"}",
        "{\"access_token\":\"t\",\"token_type\":\"MAC\"}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct google_token token = {0};

        assert_int_equal(read_answer(&token, good[i], NULL), TEL_OK);
        google_token_drop(&token);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct google_token token = {0};
        tel_fault fault = {0};

        assert_int_equal(read_answer(&token, bad[i], &fault), TEL_E_UNAVAILABLE);
        assert_string_equal(fault.text, "the answer has no bearer token in it");
        assert_null(token.text);
    }
}

static void read__takes_a_token_of_4096_characters_at_most(void **state)
{
    (void)state;
    for (size_t length = 4096; length <= 4097; length++) {
        struct google_token token = {0};
        char answer[5000];

        (void)snprintf(answer, sizeof answer, "{\"access_token\":\"%0*d\"}", (int)length, 0);
        assert_int_equal(read_answer(&token, answer, NULL),
                         length == 4096 ? TEL_OK : TEL_E_UNAVAILABLE);
        google_token_drop(&token);
    }
}

/* How long is a token good for that is said to expire in so many seconds? */
static int64_t good_for_ms(const char *expires_in)
{
    struct google_token token = {0};
    char answer[100];
    bool is_good;

    (void)snprintf(answer, sizeof answer, "{\"access_token\":\"t\",\"expires_in\":%s}", expires_in);
    assert_int_equal(read_answer(&token, answer, NULL), TEL_OK);
    is_good = google_token_is_good(&token);
    google_token_drop(&token);
    assert_false(google_token_is_good(&token));
    return is_good ? deadline_left_ms(token.good_for) : 0;
}

static void read__has_a_token_renewed_two_minutes_early_and_once_a_day(void **state)
{
    static const char *const never[] = {"120", "0", "-1", "-9223372036854775808", "null"};
    static const int64_t day_ms = INT64_C(86400000);

    (void)state;
    assert_in_range(good_for_ms("3600"), 3400000, 3480000);
    assert_in_range(good_for_ms("9223372036854775807"), day_ms - 200000, day_ms - 120000);
    for (size_t i = 0; i < sizeof never / sizeof *never; i++)
        assert_int_equal(good_for_ms(never[i]), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(read__takes_a_token_that_may_stand_in_a_header),
        cmocka_unit_test(read__takes_a_token_of_4096_characters_at_most),
        cmocka_unit_test(read__has_a_token_renewed_two_minutes_early_and_once_a_day),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
