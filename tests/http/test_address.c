/* SPDX-License-Identifier: MIT */
#include "support/cmocka_all.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "http/address.h"

static struct address ipv4(const char *text)
{
    struct sockaddr_in socket = {.sin_family = AF_INET, .sin_port = 1};

    assert_int_equal(inet_pton(AF_INET, text, &socket.sin_addr), 1);
    return address_of((const struct sockaddr *)&socket);
}

static struct address ipv6(const char *text)
{
    struct sockaddr_in6 socket = {.sin6_family = AF_INET6, .sin6_port = 2};

    assert_int_equal(inet_pton(AF_INET6, text, &socket.sin6_addr), 1);
    return address_of((const struct sockaddr *)&socket);
}

static bool is_same(struct address a, struct address b)
{
    return address_is_same(&a, &b);
}

static void address_of__counts_an_ipv6_network_as_one(void **state)
{
    (void)state;
    assert_true(is_same(ipv6("2001:db8::1"), ipv6("2001:db8::ffff:1")));
    assert_false(is_same(ipv6("2001:db8::1"), ipv6("2001:db8:0:1::1")));
    assert_false(is_same(ipv4("192.0.2.1"), ipv4("192.0.2.2")));
    assert_false(is_same(ipv6("::1"), ipv4("127.0.0.1")));
}

static void address_of__knows_an_ipv4_address_in_ipv6s_clothes(void **state)
{
    (void)state;
    assert_true(is_same(ipv6("::ffff:192.0.2.1"), ipv4("192.0.2.1")));
    assert_false(is_same(ipv6("::ffff:192.0.2.1"), ipv6("::ffff:192.0.2.2")));
}

static void address_of__takes_local_processes_for_one(void **state)
{
    const struct sockaddr local = {.sa_family = AF_UNIX};

    (void)state;
    assert_true(is_same(address_of(&local), address_of(NULL)));
    assert_false(is_same(address_of(&local), ipv6("::1")));
}

static void address_write__writes_what_people_do(void **state)
{
    const struct {
        struct address address;
        const char *text;
    } cases[] = {
        {ipv4("127.0.0.1"), "127.0.0.1"},
        {ipv6("::ffff:192.0.2.1"), "192.0.2.1"},
        {ipv6("::1"), "::1"},
        {ipv6("2001:db8::5"), "2001:db8::"},
        {address_of(NULL), "unix"},
    };
    char text[ADDRESS_TEXT_SIZE];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        address_write(text, &cases[i].address);
        assert_string_equal(text, cases[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(address_of__counts_an_ipv6_network_as_one),
        cmocka_unit_test(address_of__knows_an_ipv4_address_in_ipv6s_clothes),
        cmocka_unit_test(address_of__takes_local_processes_for_one),
        cmocka_unit_test(address_write__writes_what_people_do),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
