/* SPDX-License-Identifier: MIT */
#include "support/cmocka_all.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "http/listener.h"
#include "http/port_owner.h"
#include "support/scratch.h"

static void port_owner_read_line__finds_a_listening_socket(void **state)
{
    static const char ipv4[] =
        "   4: 0100007F:223D 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 "
        "123456 1 0000000000000000 100 0 0 10 0\n";
    static const char ipv6[] =
        " 12: 00000000000000000000000000000000:0050 00000000000000000000000000000000:0000 0A "
        "00000000:00000000 00:00000000 00000000     0        0 98765 1 0000000000000000\n";
    uint64_t inode = 0;

    (void)state;
    assert_true(port_owner_read_line(&inode, ipv4, 8765));
    assert_int_equal(inode, 123456);
    assert_false(port_owner_read_line(&inode, ipv4, 8766));
    assert_true(port_owner_read_line(&inode, ipv6, 80));
    assert_int_equal(inode, 98765);
}

static void port_owner_read_line__passes_over_everything_else(void **state)
{
    static const char *const lines[] = {
        "",
        "\n",
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid\n",
        "   4: 0100007F:223D 0100007F:0001 01 00000000:00000000 00:00000000 00000000 0 0 123456 1\n",
        "   4: 0100007F:223D 00000000:0000 0A 00000000:00000000 00:00000000",
    };
    uint64_t inode;

    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        assert_false(port_owner_read_line(&inode, lines[i], 8765));
}

static void listener_open__tells_the_address_and_the_real_port(void **state)
{
    struct listener listener = LISTENER();

    (void)state;
    assert_int_equal(listener_open(&listener, "127.0.0.1", 0, NULL), TEL_OK);
    assert_string_equal(listener.host, "127.0.0.1");
    assert_int_not_equal(listener.port, 0);
    assert_true(fcntl(listener.fd, F_GETFD) & FD_CLOEXEC);
    listener_close(&listener);
    assert_int_equal(listener.fd, -1);
    listener_close(&listener);
}

static void listener_open__names_the_owner_of_a_port_in_use(void **state)
{
    struct listener first = LISTENER();
    struct listener second = LISTENER();
    struct port_owner owner;
    tel_fault fault = {0};
    char expected[64];

    (void)state;
    assert_int_equal(listener_open(&first, "localhost", 0, NULL), TEL_OK);
    assert_true(port_owner_find(&owner, first.port));
    assert_int_equal(owner.pid, getpid());
    assert_true(*owner.program);

    assert_int_equal(listener_open(&second, "127.0.0.1", first.port, &fault), TEL_E_BUSY);
    assert_int_equal(second.fd, -1);
    (void)snprintf(expected, sizeof expected, "process %ld", (long)getpid());
    assert_non_null(strstr(fault.text, expected));
    assert_non_null(strstr(fault.text, "--port"));
    listener_close(&first);
    assert_false(port_owner_find(&owner, first.port));
}

static void listener_open__names_an_address_that_is_none(void **state)
{
    static const char *const none[] = {"", "no such host", "999.1.1.1", "[::1", "192.0.2.1"};

    (void)state;
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        struct listener listener = LISTENER();
        tel_fault fault = {0};

        assert_int_not_equal(listener_open(&listener, none[i], 0, &fault), TEL_OK);
        assert_non_null(strstr(fault.text, none[i]));
        assert_int_equal(listener.fd, -1);
    }
}

/* Cut off, it would be an address. */
static void listener_open__reads_a_long_name_to_its_end(void **state)
{
    struct listener listener = LISTENER();
    tel_fault fault = {0};
    char name[400];

    (void)state;
    (void)snprintf(name, sizeof name, "127.0.0.%0300dx", 0);
    assert_int_equal(listener_open(&listener, name, 0, &fault), TEL_E_INVALID);
    assert_false(listener_is_loopback(name));
}

static void listener_open_unix__takes_as_long_a_path_as_an_address_holds(void **state)
{
    struct listener listener = LISTENER();
    size_t room = sizeof listener.path;
    tel_fault fault = {0};
    char path[200];

    (void)snprintf(path, sizeof path, "%s/%0150d", (const char *)*state, 0);
    assert_true(strlen(*state) + 2 < room); /* TMPDIR is not too long for this test */
    path[room] = '\0';
    assert_int_equal(listener_open_unix(&listener, path, FILE_OWNER_ONLY, &fault), TEL_E_INVALID);
    assert_non_null(strstr(fault.text, "shorter than 108"));
    path[room - 1] = '\0';
    assert_int_equal(listener_open_unix(&listener, path, FILE_OWNER_ONLY, &fault), TEL_OK);
    assert_string_equal(listener.path, path);
    assert_int_equal(access(path, F_OK), 0);
    listener_close(&listener);
    assert_int_not_equal(access(path, F_OK), 0);
}

static void listener_is_loopback__knows_this_machine_from_others(void **state)
{
    (void)state;
    assert_true(listener_is_loopback("127.0.0.1"));
    assert_true(listener_is_loopback("127.9.9.9"));
    assert_true(listener_is_loopback("localhost"));
    assert_true(listener_is_loopback("::1"));
    assert_true(listener_is_loopback("[::1]"));
    assert_false(listener_is_loopback("0.0.0.0"));
    assert_false(listener_is_loopback("::"));
    assert_false(listener_is_loopback("192.0.2.1"));
    assert_false(listener_is_loopback("no such host"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(port_owner_read_line__finds_a_listening_socket),
        cmocka_unit_test(port_owner_read_line__passes_over_everything_else),
        cmocka_unit_test(listener_open__tells_the_address_and_the_real_port),
        cmocka_unit_test(listener_open__names_the_owner_of_a_port_in_use),
        cmocka_unit_test(listener_open__names_an_address_that_is_none),
        cmocka_unit_test(listener_open__reads_a_long_name_to_its_end),
        cmocka_unit_test_setup_teardown(
            listener_open_unix__takes_as_long_a_path_as_an_address_holds, scratch_set_up,
            scratch_tear_down),
        cmocka_unit_test(listener_is_loopback__knows_this_machine_from_others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
