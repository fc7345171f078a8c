/* SPDX-License-Identifier: MIT */
#include "support/cmocka_all.h"

#include <string.h>

#include "http/visitor.h"

static const struct visitor_rules local = {
    .bound_hosts = "127.0.0.1",
    .allowed_hosts = "box.example, Other.example,,",
    .own_name = "box",
    .is_loopback = true,
};

static const struct visitor_rules wide = {
    .bound_hosts = "0.0.0.0",
    .own_name = "box",
};

static void host_is_allowed__for_names_of_this_machine_with_any_port(void **state)
{
    static const char *const ours[] = {"localhost",     "LOCALHOST:1", "127.0.0.1:8765",
                                       "[::1]",         "[::1]:80",    "box.example:9",
                                       "other.EXAMPLE", "localhost:"};

    (void)state;
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        assert_true(visitor_host_is_allowed(&local, ours[i]));
}

static void host_is_allowed__for_no_other_name(void **state)
{
    static const char *const foreign[] = {
        "",
        "evil.example",
        "localhost.evil",
        "evil.localhost",
        "127.0.0.1.nip.io",
        "0.0.0.0",
        "10.0.0.1",
        "[::]",
        "[::2]",
        "::1",
        "[::1",
        "[",
        "]",
        ":80",
        "localhost:80:80",
        "localhost:x",
        "localhost x",
        "a@localhost",
        "box",
        "box.example.",
        ",",
        " ",
        "[]",
        "[]:1",
    };

    (void)state;
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
        assert_false(visitor_host_is_allowed(&local, foreign[i]));
}

static void host_is_allowed__for_addresses_when_others_may_ask(void **state)
{
    (void)state;
    assert_true(visitor_host_is_allowed(&wide, "10.1.2.3:8765"));
    assert_true(visitor_host_is_allowed(&wide, "[fe80::1]:8765"));
    assert_true(visitor_host_is_allowed(&wide, "[0000:0000:0000:0000:0000:ffff:255.255.255.255]"));
    assert_true(visitor_host_is_allowed(&wide, "BOX"));
    assert_true(visitor_host_is_allowed(&wide, "localhost"));
    assert_false(visitor_host_is_allowed(&wide, "evil.example"));
    assert_false(visitor_host_is_allowed(&wide, "1.2.3"));
    assert_false(visitor_host_is_allowed(&wide, "[evil]"));
    assert_false(visitor_host_is_allowed(&wide, "[10.1.2.3]"));
    assert_false(visitor_host_is_allowed(&wide, "[]"));
}

static void host_is_allowed__for_nothing_that_is_too_long(void **state)
{
    char host[4000];

    (void)state;
    memset(host, '1', sizeof host);
    host[sizeof host - 1] = '\0';
    assert_false(visitor_host_is_allowed(&wide, host));
    host[0] = '[';
    host[sizeof host - 2] = ']';
    assert_false(visitor_host_is_allowed(&wide, host));
}

static void origin_is_allowed__when_there_is_none_or_it_is_ours(void **state)
{
    (void)state;
    assert_true(visitor_origin_is_allowed("localhost:80", NULL, NULL));
    assert_true(visitor_origin_is_allowed("localhost:80", "http://localhost:80", "same-origin"));
    assert_true(visitor_origin_is_allowed("localhost:80", "HTTP://LocalHost:80", NULL));
    assert_true(visitor_origin_is_allowed("localhost:80", NULL, "none"));
}

static void origin_is_allowed__not_for_any_other_site(void **state)
{
    static const char *const foreign[] = {"",
                                          "null",
                                          "http://evil.example",
                                          "https://localhost:80",
                                          "http://localhost",
                                          "http://localhost:81",
                                          "http://localhost:80/"};

    (void)state;
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
        assert_false(visitor_origin_is_allowed("localhost:80", foreign[i], NULL));
    assert_false(visitor_origin_is_allowed("localhost:80", NULL, "Cross-Site"));
    assert_false(visitor_origin_is_allowed("localhost:80", "http://localhost:80", "cross-site"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(host_is_allowed__for_names_of_this_machine_with_any_port),
        cmocka_unit_test(host_is_allowed__for_no_other_name),
        cmocka_unit_test(host_is_allowed__for_addresses_when_others_may_ask),
        cmocka_unit_test(host_is_allowed__for_nothing_that_is_too_long),
        cmocka_unit_test(origin_is_allowed__when_there_is_none_or_it_is_ours),
        cmocka_unit_test(origin_is_allowed__not_for_any_other_site),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
