/* SPDX-License-Identifier: MIT */
#include "support/cmocka_all.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "daemon/notify.h"
#include "support/scratch.h"

/* Listen at a path, or, in the name of '@', at an address that has no file; say so to the service. */
static int listen_at(const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(name);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    assert_true(length < sizeof address.sun_path);
    memcpy(address.sun_path, name, length);
    if (*name == '@')
        address.sun_path[0] = '\0';
    assert_int_equal(bind(fd, (const struct sockaddr *)&address,
                          (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)),
                     0);
    assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);
    return fd;
}

static void assert_hears(int fd, const char *lines)
{
    char text[200] = "";

    assert_true(recv(fd, text, sizeof text - 1, 0) > 0);
    assert_string_equal(text, lines);
}

static void assert_hears_nothing(int fd)
{
    char text[200];

    assert_int_equal(recv(fd, text, sizeof text, 0), -1);
}

static void notify_send__writes_to_a_path(void **state)
{
    CLEANUP(freep) char *path = scratch_path(*state, "notify");
    CLEANUP(closep) int fd = listen_at(path);

    notify_send("READY=1\nSTATUS=Serving");
    assert_hears(fd, "READY=1\nSTATUS=Serving");
    assert_hears_nothing(fd);
}

static void notify_send__writes_to_an_address_without_a_file(void **state)
{
    static const size_t lengths[] = {40, sizeof((struct sockaddr_un *)0)->sun_path - 1};

    (void)state;
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        CLEANUP(closep) int fd = -1;
        char name[200];

        (void)snprintf(name, sizeof name, "@telemetry-%ld-%0150d", (long)getpid(), 0);
        name[lengths[i]] = '\0';
        fd = listen_at(name);
        notify_send("WATCHDOG=1");
        assert_hears(fd, "WATCHDOG=1");
    }
}

static void notify_send__does_nothing_where_nobody_asked_for_it(void **state)
{
    CLEANUP(freep) char *path = scratch_path(*state, "notify");
    CLEANUP(closep) int fd = listen_at(path);
    char long_name[4000];
    const char *const none[] = {"", "/", "@", "notify", "/no/such/socket", long_name};

    memset(long_name, 'x', sizeof long_name);
    long_name[0] = '/';
    long_name[sizeof long_name - 1] = '\0';
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        assert_int_equal(setenv("NOTIFY_SOCKET", none[i], 1), 0);
        notify_send("READY=1");
    }
    assert_int_equal(unsetenv("NOTIFY_SOCKET"), 0);
    notify_send("READY=1");
    assert_hears_nothing(fd);
}

static void notify_reloading__tells_the_time(void **state)
{
    CLEANUP(freep) char *path = scratch_path(*state, "notify");
    CLEANUP(closep) int fd = listen_at(path);
    int64_t began_us = clock_monotonic_us();
    char text[200] = "";
    int64_t us = 0;

    notify_reloading();
    assert_true(recv(fd, text, sizeof text - 1, 0) > 0);
    assert_int_equal(sscanf(text, "RELOADING=1\nMONOTONIC_USEC=%" SCNd64, &us), 1);
    assert_in_range(us, began_us, clock_monotonic_us());
}

static int64_t watchdog_ms(const char *us, const char *pid)
{
    assert_int_equal(us ? setenv("WATCHDOG_USEC", us, 1) : unsetenv("WATCHDOG_USEC"), 0);
    assert_int_equal(pid ? setenv("WATCHDOG_PID", pid, 1) : unsetenv("WATCHDOG_PID"), 0);
    return notify_watchdog_ms();
}

static void notify_watchdog_ms__is_half_of_what_is_allowed(void **state)
{
    char own[24];

    (void)state;
    (void)snprintf(own, sizeof own, "%ld", (long)getpid());
    assert_int_equal(watchdog_ms("30000000", NULL), 15000);
    assert_int_equal(watchdog_ms("30000000", own), 15000);
}

static void notify_watchdog_ms__is_0_when_nothing_watches_us(void **state)
{
    static const char *const none[] =
        {NULL, "", "x", "30000000x", "-1", "-30000000", "99999999999999999999"};

    (void)state;
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_int_equal(watchdog_ms(none[i], NULL), 0);
    assert_int_equal(watchdog_ms("30000000", "1"), 0);
    assert_int_equal(watchdog_ms("30000000", "x"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(notify_send__writes_to_a_path, scratch_set_up,
                                        scratch_tear_down),
        cmocka_unit_test(notify_send__writes_to_an_address_without_a_file),
        cmocka_unit_test_setup_teardown(notify_send__does_nothing_where_nobody_asked_for_it,
                                        scratch_set_up, scratch_tear_down),
        cmocka_unit_test_setup_teardown(notify_reloading__tells_the_time, scratch_set_up,
                                        scratch_tear_down),
        cmocka_unit_test(notify_watchdog_ms__is_half_of_what_is_allowed),
        cmocka_unit_test(notify_watchdog_ms__is_0_when_nothing_watches_us),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
