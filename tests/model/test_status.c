/* SPDX-License-Identifier: MIT */
#include "support/cmocka_all.h"

#include "model/status.h"
#include "telemetry.h"

static void normalize_status__takes_each_canonical_name_in_any_case(void **state)
{
    (void)state;
    for (const char *const *name = statuses; *name; name++)
        assert_ptr_equal(tel_normalize_status(*name), *name);
    assert_string_equal(tel_normalize_status("RUNNING"), TEL_RUNNING);
    assert_string_equal(tel_normalize_status("TimeOut"), TEL_TIMEOUT);
}

static void normalize_status__takes_the_aliases(void **state)
{
    (void)state;
    assert_string_equal(tel_normalize_status("failed"), TEL_FAILURE);
    assert_string_equal(tel_normalize_status("Completed"), TEL_SUCCESS);
    assert_string_equal(tel_normalize_status("succeeded"), TEL_SUCCESS);
    assert_string_equal(tel_normalize_status("CANCELED"), TEL_CANCELLED);
}

static void normalize_status__drops_blanks_around_it(void **state)
{
    (void)state;
    assert_string_equal(tel_normalize_status(" \t failed\r\n"), TEL_FAILURE);
    assert_null(tel_normalize_status("fai led"));
}

static void normalize_status__knows_nothing_else(void **state)
{
    static const char *const none[] = {"", " ", "ok", "success!", "succes", "successs", "\xff"};

    (void)state;
    assert_null(tel_normalize_status(NULL));
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_null(tel_normalize_status(none[i]));
}

static void status_is_terminal__is_all_but_running(void **state)
{
    (void)state;
    for (const char *const *name = statuses; *name; name++)
        assert_int_equal(status_is_terminal(*name), name != statuses);
    assert_string_equal(statuses[0], TEL_RUNNING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(normalize_status__takes_each_canonical_name_in_any_case),
        cmocka_unit_test(normalize_status__takes_the_aliases),
        cmocka_unit_test(normalize_status__drops_blanks_around_it),
        cmocka_unit_test(normalize_status__knows_nothing_else),
        cmocka_unit_test(status_is_terminal__is_all_but_running),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
