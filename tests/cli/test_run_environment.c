/* SPDX-License-Identifier: MIT */
#include "support/cmocka_all.h"

#include <string.h>

#include "cli/run_environment.h"

#define EVENT_ID "0af76519-16cd-43dd-8448-eb211c80319c"
#define ITS_TRACE "0af7651916cd43dd8448eb211c80319c"
#define ANOTHER_SPAN "00f067aa0ba902b7"
#define PARENT "00-4bf92f3577b34da6a3ce929d0e0e4736-" ANOTHER_SPAN "-00"

static void traceparent__names_a_new_trace_by_the_event_id(void **state)
{
    char made[TRACEPARENT_SIZE];

    (void)state;
    traceparent_make(made, NULL, EVENT_ID);
    assert_memory_equal(made, "00-" ITS_TRACE "-", 36);
    assert_string_equal(made + 52, "-01");
}

static void traceparent__keeps_the_trace_and_its_flags_and_makes_a_new_span(void **state)
{
    char first[TRACEPARENT_SIZE];
    char second[TRACEPARENT_SIZE];

    (void)state;
    traceparent_make(first, PARENT, EVENT_ID);
    traceparent_make(second, PARENT, EVENT_ID);
    assert_memory_equal(first, PARENT, 36);
    assert_string_equal(first + 52, "-00");
    assert_true(memcmp(first + 36, ANOTHER_SPAN, 16) != 0);
    assert_true(memcmp(first + 36, second + 36, 16) != 0);
}

static void traceparent__ignores_a_faulty_parent(void **state)
{
    static const char *const faulty[] = {
        "",
        "00",
        "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-00",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-00",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00-x",
        "00-4bf92f3577b34da6a3ce929d0e0e4736x00f067aa0ba902b7-00",
    };
    char made[TRACEPARENT_SIZE];

    (void)state;
    for (size_t i = 0; i < sizeof faulty / sizeof *faulty; i++) {
        traceparent_make(made, faulty[i], EVENT_ID);
        assert_memory_equal(made, "00-" ITS_TRACE "-", 36);
    }
}

static void traceparent__needs_no_event_id(void **state)
{
    char made[TRACEPARENT_SIZE];

    (void)state;
    traceparent_make(made, NULL, "");
    assert_int_equal(strlen(made), TRACEPARENT_SIZE - 1);
    assert_int_equal(strspn(made + 3, "0123456789abcdef"), 32);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(traceparent__names_a_new_trace_by_the_event_id),
        cmocka_unit_test(traceparent__keeps_the_trace_and_its_flags_and_makes_a_new_span),
        cmocka_unit_test(traceparent__ignores_a_faulty_parent),
        cmocka_unit_test(traceparent__needs_no_event_id),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
