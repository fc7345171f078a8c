/* SPDX-License-Identifier: MIT
 *
 * A host whose timer interrupts it all the time, whose handlers and mask are its own, and which is
 * killed by SIGPIPE or SIGXFSZ if one reaches it.
 */
#include "support/cmocka_all.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "support/client_world.h"
#include "support/hostile.h"
#include "support/peer.h"
#include "support/real_service.h"
#include "support/sanitizers.h"
#include "support/scratch.h"

#define PERIOD_US 100
#define RUNS 40
#define TICKS_MIN 200
#define PATIENCE_MS 60000

static atomic_long ticks;
static sigset_t hosts_mask; /* before anything was called */

static void tick(int signal_number)
{
    (void)signal_number;
    atomic_fetch_add(&ticks, 1);
}

static void other(int signal_number)
{
    (void)signal_number;
}

static void start_timer(int flags)
{
    struct sigaction action = {.sa_handler = tick, .sa_flags = flags};
    const struct timeval period = {.tv_usec = PERIOD_US};

    assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
    atomic_store(&ticks, 0);
    assert_int_equal(setitimer(ITIMER_REAL, &(struct itimerval){period, period}, NULL), 0);
}

static void stop_timer(void)
{
    assert_int_equal(setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL), 0);
    (void)signal(SIGALRM, SIG_DFL);
}

static void assert_handled_by(int signal_number, void (*handler)(int), int flags)
{
    struct sigaction action;

    assert_int_equal(sigaction(signal_number, NULL, &action), 0);
    assert_true(action.sa_handler == handler);
    assert_int_equal(action.sa_flags & SA_RESTART, flags);
}

static void assert_mask_is_the_hosts(void)
{
    sigset_t mask;

    assert_int_equal(pthread_sigmask(SIG_BLOCK, NULL, &mask), 0);
    for (int i = 1; i < SIGRTMAX; i++)
        assert_int_equal(sigismember(&mask, i), sigismember(&hosts_mask, i));
}

/* Record runs, at least so many and for so many ticks; return how many. Each call must succeed. */
static size_t record_under_fire(tel_client *client)
{
    size_t count = 0;

    while (count < RUNS || atomic_load(&ticks) < TICKS_MIN) {
        tel_run *run = NULL;

        assert_int_equal(tel_run_start(&run, client,
                                       TEL_FIELDS(.agent_name = "a", .job_type = "j")),
                         TEL_OK);
        assert_int_equal(tel_run_log_event(run, "e", "{}"), TEL_OK);
        assert_int_equal(tel_run_end(&run, NULL, NULL), TEL_OK);
        count++;
    }
    return count;
}

/* Record while the timer interrupts, with calls that the system begins again and without. The runs and
 * their events are in the audit trail, and the host is as it was. */
static size_t withstand(struct world *world)
{
    static const int kinds[] = {SA_RESTART, 0};
    CLEANUP(freep) char *trail = NULL;
    size_t count = 0;

    assert_int_equal(sigaction(SIGUSR1, &(struct sigaction){.sa_handler = other}, NULL), 0);
    for (size_t i = 0; i < 2; i++) {
        start_timer(kinds[i]);
        count += record_under_fire(world->client);
        assert_handled_by(SIGALRM, tick, kinds[i]);
        assert_handled_by(SIGUSR1, other, 0);
        assert_handled_by(SIGPIPE, SIG_DFL, 0);
        assert_handled_by(SIGXFSZ, SIG_DFL, 0);
        assert_mask_is_the_hosts();
        stop_timer();
    }
    trail = world_trail(world);
    assert_int_equal(count_of(trail, "\"record_type\":\"run\"}\n"), 2 * count);
    assert_int_equal(count_of(trail, "\"record_type\":\"event\"}\n"), count);
    return count;
}

/* ---- A timer --------------------------------------------------------------------------------- */

static void timer__disturbs_no_embedded_client(void **state)
{
    struct world *world = *state;
    size_t count;

    world_connect(world, "TELEMETRY_MODE", "embedded", NULL);
    count = withstand(world);
    world_assert_delivered(world, count, count);
}

static void timer__disturbs_no_client_of_a_service(void **state)
{
    struct world *world = *state;
    struct real_service *service = real_service_start(world->scratch, NULL);
    tel_client_stats stats = {.size = sizeof stats};
    size_t count;

    world_connect(world, "TELEMETRY_API_URL", real_service_url(service), NULL);
    count = withstand(world);
    assert_int_equal(tel_client_get_stats(world->client, &stats, NULL), TEL_OK);
    assert_int_equal(stats.delivered, 2 * count); /* none of them by way of the buffer */
    real_service_kill(service);
    world_assert_delivered(world, count, count);
}

static void timer__disturbs_no_client_whose_service_is_away(void **state)
{
    struct world *world = *state;
    struct peer *refused = peer_start(NULL, NULL);
    size_t count;

    world_connect(world, "TELEMETRY_API_URL", peer_url(refused), NULL);
    count = withstand(world);
    world_assert_delivered(world, count, count);
    peer_stop(refused);
}

/* Each wait that is interrupted is gone on with for what is left of it, not begun again. */
static void timer__makes_no_call_to_a_silent_service_longer(void **state)
{
    struct world *world = *state;
    struct peer *silent = hostile_start(hostile_silence);
    int64_t begun_ms = clock_monotonic_ms();
    size_t count;

    world_connect(world, "TELEMETRY_API_URL", peer_url(silent), "TELEMETRY_CALL_BUDGET_MS", "50",
                  NULL);
    count = withstand(world);
    world_disconnect(world);
    assert_true(clock_monotonic_ms() - begun_ms < PATIENCE_MS / 2);
    peer_stop(silent);
    world_assert_delivered(world, count, count);
}

static void timer__disturbs_no_delivery_in_the_background(void **state)
{
    struct world *world = *state;
    struct real_service *service = real_service_start(world->scratch, NULL);
    size_t count;

    world_connect(world, "TELEMETRY_API_URL", real_service_url(service), "TELEMETRY_BACKGROUND",
                  "true", NULL);
    count = withstand(world);
    assert_int_equal(tel_client_flush(world->client, PATIENCE_MS, NULL), TEL_OK);
    real_service_kill(service);
    world_assert_delivered(world, count, count);
}

/* ---- Signals that kill ----------------------------------------------------------------------- */

static void hang_up(struct peer *peer, int fd, void *arg)
{
    (void)arg;
    (void)peer_read_request(peer, fd, NULL);
}

static void limit_files(rlim_t bytes)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_FSIZE, &limit))
        _exit(10);
    limit.rlim_cur = bytes;
    if (setrlimit(RLIMIT_FSIZE, &limit))
        _exit(10);
}

/* In a child, which says whether it came to its end: record while hardly a byte may be written. */
static int status_of_host_without_room(const char *url, const char *mode, const char *background)
{
    int status = -1;
    pid_t child;

    (void)fflush(NULL);
    child = fork();
    if (child == 0) {
        tel_client *client;

        (void)alarm(60);
        (void)signal(SIGPIPE, SIG_DFL);
        (void)signal(SIGXFSZ, SIG_DFL);
        (void)setenv("TELEMETRY_API_URL", url, 1);
        (void)setenv("TELEMETRY_MODE", mode, 1);
        (void)setenv("TELEMETRY_BACKGROUND", background, 1);
        if (tel_client_new(&client, NULL))
            _exit(11);
        limit_files(10);
        for (int i = 0; i < 5; i++)
            (void)record_run(client, NULL);
        (void)tel_client_flush(client, 100, NULL);
        limit_files(RLIM_INFINITY);
        for (int i = 0; i < 5; i++)
            (void)record_run(client, NULL);
        tel_client_free(client);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void host__is_killed_by_no_signal_of_ours(void **state)
{
    struct peer *refused;
    struct peer *peer;

    (void)state;
    if (!CHILD_MAY_START_THREADS || !ALLOCATOR_SURVIVES_FORK)
        skip();
    peer = peer_start(hang_up, NULL);
    refused = peer_start(NULL, NULL);
    assert_int_equal(status_of_host_without_room(peer_url(peer), "service", "false"), 0);
    assert_int_equal(status_of_host_without_room(peer_url(peer), "service", "true"), 0);
    assert_int_equal(status_of_host_without_room(peer_url(refused), "service", "false"), 0);
    assert_int_equal(status_of_host_without_room(peer_url(refused), "embedded", "false"), 0);
    assert_int_equal(status_of_host_without_room(peer_url(refused), "embedded", "true"), 0);
    peer_stop(refused);
    peer_stop(peer);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(host__is_killed_by_no_signal_of_ours),
        TEST(timer__disturbs_no_embedded_client),
        TEST(timer__disturbs_no_client_of_a_service),
        TEST(timer__disturbs_no_client_whose_service_is_away),
        TEST(timer__makes_no_call_to_a_silent_service_longer),
        TEST(timer__disturbs_no_delivery_in_the_background),
    };

    (void)pthread_sigmask(SIG_BLOCK, NULL, &hosts_mask);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
