/* SPDX-License-Identifier: MIT */
#include "support/cmocka_all.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "http/peers.h"
#include "support/together.h"

#define REQUEST_MS 3600000
#define IDLE_MS 36000000
#define A_WHILE_MS 1800000 /* longer than anything holds a test up */

static const struct peers_limits many = {
    .connections_max = 100,
    .per_address_max = 100,
    .request_ms = REQUEST_MS,
    .idle_ms = IDLE_MS,
};

/* One side of a connection is a peer's, the other one whoever talks to it. */
struct end {
    struct peers *peers;
    struct peer *peer;
    int fd;
    int other;
};

static const struct sockaddr *local(void)
{
    static const struct sockaddr_un address = {.sun_family = AF_UNIX};

    return (const struct sockaddr *)&address;
}

static const struct sockaddr *from(unsigned number)
{
    static struct sockaddr_in address = {.sin_family = AF_INET};

    address.sin_addr.s_addr = htonl((10U << 24) + number);
    return (const struct sockaddr *)&address;
}

static struct peers *peers_of(struct peers_limits limits)
{
    struct peers *peers;

    assert_int_equal(peers_new(&peers, &limits, NULL), TEL_OK);
    return peers;
}

static struct end add(struct peers *peers, const struct sockaddr *address)
{
    struct end end;
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    end = (struct end){.peers = peers, .fd = fds[0], .other = fds[1]};
    end.peer = peers_add(peers, end.fd, address);
    return end;
}

/* The same by TCP. */
static struct end add_tcp(struct peers *peers)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr *any = (struct sockaddr *)&address;
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct end end = {.peers = peers, .other = socket(AF_INET, SOCK_STREAM, 0)};

    assert_int_equal(bind(listener, any, size), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, any, &size), 0);
    assert_int_equal(connect(end.other, any, size), 0);
    end.fd = accept(listener, any, &size);
    (void)close(listener);
    end.peer = peers_add(peers, end.fd, any);
    return end;
}

static void drop(const struct end *end)
{
    peers_remove(end->peers, end->peer);
    (void)close(end->fd);
    (void)close(end->other);
}

static void say(const struct end *end, const char *text)
{
    assert_int_equal(send(end->other, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static void hear(const struct end *end)
{
    char text[100];

    assert_true(recv(end->fd, text, sizeof text, 0) > 0);
}

/* What becomes of a request. */
static void serve(const struct end *end)
{
    peer_note_receiving(end->peer);
    peer_note_handling(end->peer);
    peer_note_sending(end->peer);
    peer_note_waiting(end->peer);
}

/* ---- One of many ------------------------------------------------------------------------------- */

/* For cmocka: *state is the one end that there is. */
static int connect_locally(void **state)
{
    static struct end end;

    end = add(peers_of(many), local());
    *state = &end;
    return 0;
}

static int connect_by_tcp(void **state)
{
    static struct end end;

    end = add_tcp(peers_of(many));
    *state = &end;
    return 0;
}

static int disconnect(void **state)
{
    const struct end *end = *state;

    drop(end);
    peers_free(end->peers);
    return 0;
}

#define LOCALLY(test) cmocka_unit_test_setup_teardown(test, connect_locally, disconnect)
#define BY_TCP(test)                                           \
    {                                                          \
#test " (TCP)", test, connect_by_tcp, disconnect, NULL \
    }

/* ---- How many ---------------------------------------------------------------------------------- */

static void peers_add__marks_those_beyond_the_limit(void **state)
{
    struct peers *peers =
        peers_of((struct peers_limits){.connections_max = 2, .per_address_max = 2});
    struct end ends[4];

    (void)state;
    for (unsigned i = 0; i < 3; i++)
        ends[i] = add(peers, from(i));
    assert_false(peer_is_surplus(ends[0].peer));
    assert_false(peer_is_surplus(ends[1].peer));
    assert_true(peer_is_surplus(ends[2].peer));
    drop(&ends[0]);
    drop(&ends[2]);
    ends[3] = add(peers, from(3));
    assert_false(peer_is_surplus(ends[3].peer));
    assert_int_equal(peers_expire(peers, 0), 2);
    drop(&ends[1]);
    drop(&ends[3]);
    assert_int_equal(peers_expire(peers, 0), 0);
    peers_free(peers);
    peers_free(NULL);
}

static void peers__are_counted_and_found(void **state)
{
    struct peers *peers = peers_of(many);
    struct end first = add(peers, from(1));
    struct end second;

    (void)state;
    assert_int_equal(peers_count(peers), 1);
    second = add(peers, local());
    assert_int_equal(peers_count(peers), 2);
    assert_ptr_equal(peers_find(peers, first.fd), first.peer);
    assert_ptr_equal(peers_find(peers, second.fd), second.peer);
    assert_null(peers_find(peers, first.other));
    drop(&first);
    assert_int_equal(peers_count(peers), 1);
    drop(&second);
    assert_int_equal(peers_count(peers), 0);
    peers_free(peers);
}

static void peers_add__marks_those_beyond_the_limit_of_their_address(void **state)
{
    struct peers *peers =
        peers_of((struct peers_limits){.connections_max = 10, .per_address_max = 2});
    struct end ends[5];

    (void)state;
    for (unsigned i = 0; i < 5; i++)
        ends[i] = add(peers, from(i / 3));
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(peer_is_surplus(ends[i].peer), i == 2);
    for (unsigned i = 0; i < 5; i++)
        drop(&ends[i]);
    peers_free(peers);
}

static void peers_add__takes_in_only_some_of_those_beyond_the_limit(void **state)
{
    struct peers *peers =
        peers_of((struct peers_limits){.connections_max = 1, .per_address_max = 1});
    struct end ends[1 + PEERS_SURPLUS_MAX + 1];

    (void)state;
    for (unsigned i = 0; i <= 1 + PEERS_SURPLUS_MAX; i++) {
        ends[i] = add(peers, local());
        assert_int_equal(ends[i].peer != NULL, i < 1 + PEERS_SURPLUS_MAX);
    }
    for (unsigned i = 0; i <= 1 + PEERS_SURPLUS_MAX; i++)
        drop(&ends[i]);
    peers_free(peers);
}

/* ---- How long ---------------------------------------------------------------------------------- */

/* It lasts for `ms` from now, and no longer. */
static void assert_ends_after(const struct end *end, int64_t ms)
{
    int64_t now_ms = clock_monotonic_ms();
    char c;

    (void)peers_expire(end->peers, now_ms + ms - A_WHILE_MS);
    assert_false(peer_has_ended(end->peer));
    (void)peers_expire(end->peers, now_ms + ms);
    assert_true(peer_has_ended(end->peer));
    assert_int_equal(recv(end->other, &c, 1, 0), 0); /* it is told */
}

static void peers_expire__ends_who_waits_too_long(void **state)
{
    assert_ends_after(*state, IDLE_MS);
}

static void peers_expire__ends_whose_request_takes_too_long(void **state)
{
    const struct end *end = *state;

    peer_note_receiving(end->peer);
    assert_ends_after(end, REQUEST_MS);
}

/* Nobody noted that it began, but what was sent shows. */
static void peers_expire__counts_from_a_requests_first_byte(void **state)
{
    const struct end *end = *state;

    say(end, "GET");
    (void)peers_expire(end->peers, clock_monotonic_ms());
    peer_note_receiving(end->peer); /* is known already */
    assert_ends_after(end, REQUEST_MS);
}

static void peers_expire__counts_from_a_first_byte_that_was_read(void **state)
{
    const struct end *end = *state;

    say(end, "GET");
    hear(end);
    (void)peers_expire(end->peers, clock_monotonic_ms());
    peer_note_receiving(end->peer);
    assert_ends_after(end, REQUEST_MS);
}

static void peers_expire__counts_anew_for_each_request(void **state)
{
    const struct end *end = *state;

    say(end, "one request");
    hear(end);
    serve(end);
    assert_ends_after(end, IDLE_MS);
}

static void peers_expire__leaves_a_request_that_is_handled_alone(void **state)
{
    const struct end *end = *state;

    peer_note_receiving(end->peer);
    peer_note_handling(end->peer);
    (void)peers_expire(end->peers, clock_monotonic_ms() + INT64_C(1000) * IDLE_MS);
    assert_false(peer_has_ended(end->peer));
    peer_note_sending(end->peer);
    assert_ends_after(end, REQUEST_MS);
}

static void peers_expire__is_not_undone(void **state)
{
    const struct end *end = *state;

    assert_ends_after(end, IDLE_MS);
    serve(end);
    assert_true(peer_has_ended(end->peer));
}

static void peers_expire__ends_who_is_one_too_many_soon(void **state)
{
    int64_t began_ms = clock_monotonic_ms();
    struct peers *peers = peers_of(
        (struct peers_limits){.per_address_max = 1, .request_ms = REQUEST_MS, .idle_ms = IDLE_MS});
    struct end end = add(peers, local());

    (void)state;
    (void)peers_expire(peers, began_ms);
    assert_false(peer_has_ended(end.peer));
    say(&end, "GET"); /* gains no time by that */
    (void)peers_expire(peers, clock_monotonic_ms() + A_WHILE_MS);
    assert_true(peer_has_ended(end.peer));
    drop(&end);
    peers_free(peers);
}

/* The HTTP library may notice by itself, and has until the second look for it. */
static void peers_expire__ends_who_has_gone_at_the_second_look(void **state)
{
    const struct end *end = *state;

    assert_int_equal(shutdown(end->other, SHUT_WR), 0);
    (void)peers_expire(end->peers, clock_monotonic_ms());
    assert_false(peer_has_ended(end->peer));
    (void)peers_expire(end->peers, clock_monotonic_ms());
    assert_true(peer_has_ended(end->peer));
}

static void peers_expire__waits_for_the_last_request_of_who_has_gone(void **state)
{
    const struct end *end = *state;

    say(end, "GET");
    assert_int_equal(shutdown(end->other, SHUT_WR), 0);
    for (int i = 0; i < 3; i++)
        (void)peers_expire(end->peers, clock_monotonic_ms());
    assert_false(peer_has_ended(end->peer));
}

/* ---- Threads ----------------------------------------------------------------------------------- */

#define CROWD 3
#define ROUNDS 300

struct crowd {
    struct peers *peers;
    atomic_size_t gone;
};

/* What the HTTP library's threads do, each for its own connections, and one thread for all. */
static void come_and_go(void *arg, size_t number)
{
    struct crowd *crowd = arg;

    if (number == CROWD) {
        for (int i = 0; atomic_load(&crowd->gone) < CROWD; i++)
            (void)peers_expire(crowd->peers, clock_monotonic_ms() + (i % 2) * IDLE_MS);
        return;
    }
    for (int i = 0; i < ROUNDS; i++) {
        struct end end = add(crowd->peers, local());

        for (int k = 0; k < 3; k++) {
            serve(&end);
            (void)peer_has_ended(end.peer);
        }
        drop(&end);
    }
    atomic_fetch_add(&crowd->gone, 1);
}

static void peers__may_be_in_any_thread(void **state)
{
    struct crowd crowd = {.peers = peers_of(many)};

    (void)state;
    together(CROWD + 1, come_and_go, &crowd);
    assert_int_equal(peers_expire(crowd.peers, 0), 0);
    peers_free(crowd.peers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(peers__are_counted_and_found),
        cmocka_unit_test(peers_add__marks_those_beyond_the_limit),
        cmocka_unit_test(peers_add__marks_those_beyond_the_limit_of_their_address),
        cmocka_unit_test(peers_add__takes_in_only_some_of_those_beyond_the_limit),
        LOCALLY(peers_expire__ends_who_waits_too_long),
        BY_TCP(peers_expire__ends_who_waits_too_long),
        LOCALLY(peers_expire__ends_whose_request_takes_too_long),
        LOCALLY(peers_expire__counts_from_a_requests_first_byte),
        BY_TCP(peers_expire__counts_from_a_requests_first_byte),
        LOCALLY(peers_expire__counts_from_a_first_byte_that_was_read),
        BY_TCP(peers_expire__counts_from_a_first_byte_that_was_read),
        LOCALLY(peers_expire__counts_anew_for_each_request),
        BY_TCP(peers_expire__counts_anew_for_each_request),
        LOCALLY(peers_expire__leaves_a_request_that_is_handled_alone),
        LOCALLY(peers_expire__is_not_undone),
        LOCALLY(peers_expire__ends_who_has_gone_at_the_second_look),
        BY_TCP(peers_expire__ends_who_has_gone_at_the_second_look),
        LOCALLY(peers_expire__waits_for_the_last_request_of_who_has_gone),
        cmocka_unit_test(peers_expire__ends_who_is_one_too_many_soon),
        cmocka_unit_test(peers__may_be_in_any_thread),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
