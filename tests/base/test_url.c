/* SPDX-License-Identifier: MIT */
#include "support/cmocka_all.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/url.h"

static void url__a_segment_stands_for_itself_whatever_is_in_it(void **state)
{
    CLEANUP(strbuf_clear) struct strbuf url = STRBUF(1000);

    (void)state;
    url_append_segment(&url, "aZ09-._~");
    assert_string_equal(url.text, "aZ09-._~");
    strbuf_reset(&url);
    url_append_segment(&url, "a/b ?#%&+=\xc3\xa9\n");
    assert_string_equal(url.text, "a%2Fb%20%3F%23%25%26%2B%3D%C3%A9%0A");
}

static void assert_host(const char *text, const char *scheme, const char *host, const char *rest)
{
    struct url url;

    assert_true(url_split(&url, text));
    assert_true(url_has_scheme(&url, scheme));
    assert_true(url_has_host(&url, host));
    assert_int_equal(url.host_length, strlen(host));
    assert_string_equal(url.rest, rest);
}

static void url_split__finds_scheme_host_and_what_follows(void **state)
{
    struct url url;

    (void)state;
    assert_host("http://a", "HTTP", "A", "");
    assert_host("https://example.org:8765/a?b#c", "https", "example.org", "/a?b#c");
    assert_host("http://[::1]:8765?x=://y@z", "http", "[::1]", "?x=://y@z");
    assert_host("http://user:p@ss@host/me@there", "http", "host", "/me@there");
    assert_true(url_split(&url, "http://user@host"));
    assert_true(url.has_user);
    assert_true(url_split(&url, "http://host/me@there"));
    assert_false(url.has_user);
    assert_false(url_has_scheme(&url, "htt"));
    assert_false(url_has_scheme(&url, "https"));
    assert_false(url_has_host(&url, "hos"));
    assert_false(url_has_host(&url, "hosts"));
    assert_false(url_has_host(&url, "hast"));
}

static void url_split__refuses_what_has_no_scheme_or_no_host(void **state)
{
    static const char *const none[] = {"",           "host",         "host:80/path",
                                       "://host",    "http://",      "http:///path",
                                       "http://:80", "http://user@", "http://[::1",
                                       "http://[/]"};
    struct url url;

    (void)state;
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_false(url_split(&url, none[i]));
}

static void url_is_within__takes_the_domain_and_what_is_below_it(void **state)
{
    static const char *const within[] = {"http://example.org", "http://Www.Example.org:80/"};
    static const char *const outside[] = {"http://anexample.org", "http://org",
                                          "http://example.orge", "http://example.org.evil",
                                          "http://a.example-org"};
    struct url url;

    (void)state;
    for (size_t i = 0; i < sizeof within / sizeof *within; i++) {
        assert_true(url_split(&url, within[i]));
        assert_true(url_is_within(&url, "example.org"));
    }
    for (size_t i = 0; i < sizeof outside / sizeof *outside; i++) {
        assert_true(url_split(&url, outside[i]));
        assert_false(url_is_within(&url, "example.org"));
    }
}

static void url_is_loopback__knows_the_names_of_this_machine(void **state)
{
    static const char *const here[] = {"http://localhost", "http://LOCALHOST:1",
                                       "http://127.0.0.1/", "http://[::1]:80", "http://0.0.0.0"};
    static const char *const elsewhere[] = {"http://localhost.evil", "http://127.0.0.11",
                                            "http://[::11]"};
    struct url url;

    (void)state;
    for (size_t i = 0; i < sizeof here / sizeof *here; i++)
        assert_true(url_split(&url, here[i]) && url_is_loopback(&url));
    for (size_t i = 0; i < sizeof elsewhere / sizeof *elsewhere; i++)
        assert_true(url_split(&url, elsewhere[i]) && !url_is_loopback(&url));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(url__a_segment_stands_for_itself_whatever_is_in_it),
        cmocka_unit_test(url_split__finds_scheme_host_and_what_follows),
        cmocka_unit_test(url_split__refuses_what_has_no_scheme_or_no_host),
        cmocka_unit_test(url_is_within__takes_the_domain_and_what_is_below_it),
        cmocka_unit_test(url_is_loopback__knows_the_names_of_this_machine),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
