/* SPDX-License-Identifier: MIT
 *
 * The n-th allocation fails as JSON is read: the whole value, or none for want of memory, whatever its
 * strings' lengths are.
 */
#include "support/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "support/nomem.h"

#define LENGTH_MAX 140

/* Read it with some allocations failing; false: there were not so many. */
static bool is_whole_or_none(const char *text, const json_t *whole, long from, long to)
{
    long before = atomic_load(&nomem->in_use);
    tel_fault fault = {0};
    bool reached;
    json_t *json;

    nomem_arm(from, to);
    json = json_parse(text, strlen(text), &fault);
    reached = nomem_disarm() >= from;
    if (json)
        assert_true(json_equal(json, whole));
    else
        assert_int_equal(fault.code, TEL_E_NOMEM);
    assert_int_equal(!json, reached);
    json_decref(json);
    assert_int_equal(atomic_load(&nomem->in_use), before);
    return reached;
}

static void json_parse__without_memory_gives_no_part_of_a_value(void **state)
{
    char text[5 * LENGTH_MAX];
    char filler[LENGTH_MAX + 1];

    (void)state;
    for (int length = 0; length <= LENGTH_MAX; length++) {
        CLEANUP(json_releasep) json_t *whole = NULL;
        long n = 1;

        memset(filler, '7', sizeof filler);
        filler[length] = '\0';
        (void)snprintf(text, sizeof text, "{\"%s\":[\"%s\",\"\\n%s\",0.%s1,{}],\"a\":1}", filler,
                       filler, filler, filler);
        whole = json_parse(text, strlen(text), NULL);
        assert_non_null(whole);
        while (is_whole_or_none(text, whole, n, n) && is_whole_or_none(text, whole, n, LONG_MAX))
            n++;
        assert_true(n > 10);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_parse__without_memory_gives_no_part_of_a_value),
    };

    if (!MALLOC_MAY_BE_OURS)
        return SKIPPED;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
