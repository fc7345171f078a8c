/* SPDX-License-Identifier: MIT */
#include "support/cmocka_all.h"

#include <string.h>

#include "http/request_id.h"

static void assert_kept(const char *given)
{
    char id[REQUEST_ID_SIZE];

    request_id_choose(id, given);
    assert_string_equal(id, given);
}

static void assert_replaced(const char *given)
{
    char ids[2][REQUEST_ID_SIZE];

    for (int i = 0; i < 2; i++) {
        request_id_choose(ids[i], given);
        assert_int_equal(strlen(ids[i]), 36);
    }
    assert_string_not_equal(ids[0], ids[1]);
}

static void request_id_choose__keeps_a_short_word(void **state)
{
    char given[REQUEST_ID_SIZE + 1];

    (void)state;
    assert_kept("a");
    assert_kept("Aa0-_.:Zz9");
    memset(given, 'x', sizeof given);
    given[REQUEST_ID_SIZE - 1] = '\0';
    assert_kept(given);
    given[REQUEST_ID_SIZE - 1] = 'x';
    given[REQUEST_ID_SIZE] = '\0';
    assert_replaced(given);
}

static void request_id_choose__makes_one_in_place_of_all_else(void **state)
{
    static const char *const others[] = {NULL, "", " ", "a b", "a\n", "\"", "a,b", "\xc3\xbc"};

    (void)state;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_replaced(others[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(request_id_choose__keeps_a_short_word),
        cmocka_unit_test(request_id_choose__makes_one_in_place_of_all_else),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
