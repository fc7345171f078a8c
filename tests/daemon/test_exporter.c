/* SPDX-License-Identifier: MIT */
#include "support/cmocka_all.h"

#include "daemon/exporter.h"

#define HOUR_MS (INT64_C(3600) * 1000)

static void exporter_longer_pause__doubles_up_to_an_hour(void **state)
{
    int64_t pause_ms = 60000;

    (void)state;
    assert_int_equal(exporter_longer_pause(60000, pause_ms), 120000);
    assert_int_equal(exporter_longer_pause(60000, 120000), 240000);
    for (int i = 0; i < 100; i++)
        pause_ms = exporter_longer_pause(60000, pause_ms);
    assert_int_equal(pause_ms, HOUR_MS);
}

static void exporter_longer_pause__is_never_shorter_than_the_interval(void **state)
{
    (void)state;
    assert_int_equal(exporter_longer_pause(HOUR_MS, HOUR_MS), HOUR_MS);
    assert_int_equal(exporter_longer_pause(24 * HOUR_MS, 24 * HOUR_MS), 24 * HOUR_MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exporter_longer_pause__doubles_up_to_an_hour),
        cmocka_unit_test(exporter_longer_pause__is_never_shorter_than_the_interval),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
