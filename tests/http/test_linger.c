/* SPDX-License-Identifier: MIT */
#include "support/cmocka_all.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "http/linger.h"
#include "support/together.h"

#define BYTES_MAX 100000

struct world {
    struct linger_list *list;
    int wake;
};

static struct world open_world(void)
{
    struct world world = {.wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};

    assert_true(world.wake >= 0);
    assert_int_equal(linger_new(&world.list, BYTES_MAX, world.wake, NULL), TEL_OK);
    return world;
}

static void close_world(struct world *world)
{
    linger_free(world->list);
    (void)close(world->wake);
}

/* Let one side of a connection linger; return the other. */
static int add(const struct world *world)
{
    int ends[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
    linger_add(world->list, ends[0]);
    return ends[1];
}

static bool is_closed(int other_side)
{
    return send(other_side, "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && errno == EPIPE;
}

static size_t count(const struct world *world)
{
    struct pollfd polled[LINGER_MAX];

    return linger_fill(world->list, polled);
}

static void linger_add__sends_no_more_but_goes_on_to_listen(void **state)
{
    struct world world = open_world();
    struct pollfd polled[LINGER_MAX];
    eventfd_t woken = 0;
    int other = add(&world);
    char c;

    (void)state;
    assert_int_equal(eventfd_read(world.wake, &woken), 0);
    assert_int_equal(recv(other, &c, 1, 0), 0);
    assert_false(is_closed(other));
    assert_int_equal(linger_fill(world.list, polled), 1);
    assert_int_equal(poll(polled, 1, 0), 1);
    linger_serve(world.list, clock_monotonic_ms());
    assert_int_equal(poll(polled, 1, 0), 0); /* what came was dropped */
    assert_int_equal(count(&world), 1);
    (void)close(other);
    close_world(&world);
}

static void linger_serve__lets_go_of_whoever_ends(void **state)
{
    struct world world = open_world();
    int other = add(&world);

    (void)state;
    assert_int_equal(shutdown(other, SHUT_WR), 0);
    linger_serve(world.list, clock_monotonic_ms());
    assert_int_equal(count(&world), 0);
    (void)close(other);
    close_world(&world);
}

static void linger_serve__lets_go_of_whoever_takes_too_long(void **state)
{
    struct world world = open_world();
    int64_t began_ms = clock_monotonic_ms();
    int other = add(&world);
    int64_t added_ms = clock_monotonic_ms();

    (void)state;
    linger_serve(world.list, began_ms + LINGER_MS - 1);
    assert_int_equal(count(&world), 1);
    linger_serve(world.list, added_ms + LINGER_MS);
    assert_int_equal(count(&world), 0);
    assert_true(is_closed(other));
    (void)close(other);
    close_world(&world);
}

static void linger_serve__lets_go_of_whoever_sends_too_much(void **state)
{
    struct world world = open_world();
    int64_t now_ms = clock_monotonic_ms();
    static const char piece[BYTES_MAX / 10];
    int other = add(&world);

    (void)state;
    for (int i = 1; i <= 10; i++) {
        assert_int_equal(send(other, piece, sizeof piece, MSG_NOSIGNAL), sizeof piece);
        linger_serve(world.list, now_ms);
        assert_int_equal(count(&world), i < 10);
    }
    assert_true(is_closed(other));
    (void)close(other);
    close_world(&world);
}

static void linger_add__closes_at_once_when_too_many_linger(void **state)
{
    struct world world = open_world();
    int others[LINGER_MAX + 1];

    (void)state;
    for (int i = 0; i <= LINGER_MAX; i++)
        others[i] = add(&world);
    assert_int_equal(count(&world), LINGER_MAX);
    assert_false(is_closed(others[LINGER_MAX - 1]));
    assert_true(is_closed(others[LINGER_MAX]));
    linger_free(world.list); /* lets go of all */
    for (int i = 0; i <= LINGER_MAX; i++) {
        assert_true(is_closed(others[i]));
        (void)close(others[i]);
    }
    (void)close(world.wake);
}

#define ADDERS 3
#define ADDED_EACH 200

struct crowd {
    struct world world;
    atomic_size_t added;
};

static void add_or_serve(void *arg, size_t number)
{
    struct crowd *crowd = arg;
    struct pollfd polled[LINGER_MAX];

    if (number == ADDERS) {
        while (atomic_load(&crowd->added) < (size_t)ADDERS * ADDED_EACH ||
               linger_fill(crowd->world.list, polled) > 0)
            linger_serve(crowd->world.list, clock_monotonic_ms());
        return;
    }
    for (int i = 0; i < ADDED_EACH; i++) {
        int ends[2];

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0) {
            linger_add(crowd->world.list, ends[0]);
            (void)close(ends[1]);
        }
        atomic_fetch_add(&crowd->added, 1);
    }
}

static void linger_add__is_for_any_thread(void **state)
{
    struct crowd crowd = {.world = open_world()};
    int before = dup(crowd.world.wake);
    int after;

    (void)state;
    (void)close(before);
    together(ADDERS + 1, add_or_serve, &crowd);
    assert_int_equal(count(&crowd.world), 0);
    after = dup(crowd.world.wake);
    assert_int_equal(after, before); /* no descriptor is left open */
    (void)close(after);
    close_world(&crowd.world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(linger_add__sends_no_more_but_goes_on_to_listen),
        cmocka_unit_test(linger_serve__lets_go_of_whoever_ends),
        cmocka_unit_test(linger_serve__lets_go_of_whoever_takes_too_long),
        cmocka_unit_test(linger_serve__lets_go_of_whoever_sends_too_much),
        cmocka_unit_test(linger_add__closes_at_once_when_too_many_linger),
        cmocka_unit_test(linger_add__is_for_any_thread),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
