/* SPDX-License-Identifier: MIT
 *
 * A host that, when it is called back, ends, frees its client or calls it again: nothing waits for
 * itself, and what was recorded is kept.
 */
#include "support/cmocka_all.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "support/client_world.h"
#include "support/peer.h"
#include "support/scratch.h"

#define STATUS_OF_EXIT 23
#define PATIENCE_MS 60000

/* What the host does when it is called back. All of this happens in a child process. */
static struct {
    tel_client *client;
    const char *message; /* only then */
    void (*act)(void);
    bool has_acted;
} host;

static void act_once(void)
{
    if (!host.has_acted) {
        host.has_acted = true;
        host.act();
    }
}

static void called_back(void *arg, tel_log_level level, const char *message)
{
    (void)arg;
    (void)level;
    if (strstr(message, host.message))
        act_once();
}

static void free_client(void)
{
    tel_client *client = host.client;

    host.client = NULL;
    tel_client_free(client);
}

static void leave(void)
{
    exit(STATUS_OF_EXIT); /* which frees the client, see in_child() */
}

static void record_more(void)
{
    tel_client_stats stats = {.size = sizeof stats};

    if (record_run(host.client, "more"))
        _exit(1);
    if (tel_client_associate_commit(host.client, "r", "no hash", "nobody", NULL, NULL) !=
        TEL_E_INVALID)
        _exit(1); /* called back because of that, while it is */
    (void)tel_client_get_stats(host.client, &stats, NULL);
    (void)tel_client_flush(host.client, 0, NULL);
}

static int body(tel_run *run, void *arg)
{
    (void)arg;
    (void)tel_run_log_event(run, "inside", NULL);
    act_once();
    return 0;
}

static void track(void)
{
    (void)tel_client_track_run(host.client, "a", "j", TEL_FIELDS(.event_id = "one"), body, NULL);
}

static void record(void)
{
    (void)record_run(host.client, "one");
}

static void flush(void)
{
    (void)tel_client_flush(host.client, PATIENCE_MS, NULL);
}

/* In a child: make a client, `use` it, and `act` once it says `message`. Returns the child's status. */
static int in_child(const char *url, void (*use)(void), const char *message, void (*act)(void))
{
    int status = -1;
    pid_t child;

    (void)fflush(NULL);
    child = fork();
    if (child == 0) {
        tel_config *config = NULL;

        (void)alarm(60);
        host.message = message;
        host.act = act;
        (void)atexit(free_client);
        if (tel_config_new(&config) || tel_config_set(config, "TELEMETRY_API_URL", url) ||
            tel_config_set(config, "TELEMETRY_MODE", *url ? "service" : "embedded"))
            _exit(1);
        (void)tel_config_set_log(config, called_back, NULL);
        if (tel_client_new(&host.client, config))
            _exit(1);
        tel_config_free(config);
        use();
        free_client();
        _exit(host.has_acted ? 0 : 2);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void exit__in_the_body_of_a_run_leaves_it_running(void **state)
{
    struct world *world = *state;
    struct peer *refused = peer_start(NULL, NULL);

    assert_int_equal(in_child(peer_url(refused), track, "-", leave), STATUS_OF_EXIT);
    world_assert_delivered(world, 1, 0);
    peer_stop(refused);
}

static void exit__in_the_log_keeps_what_was_recorded(void **state)
{
    struct world *world = *state;
    struct peer *refused = peer_start(NULL, NULL);
    CLEANUP(freep) char *trail = NULL;

    assert_int_equal(in_child(peer_url(refused), record, "cannot reach", leave), STATUS_OF_EXIT);
    trail = world_trail(world);
    assert_int_equal(count_lines(trail), 1); /* the call had not returned */
    peer_stop(refused);
}

static void leave_a_bad_line(const struct world *world)
{
    CLEANUP(freep) char *buffer = scratch_path(world->scratch, "base/buffer");
    CLEANUP(freep) char *path = scratch_path(buffer, "telemetry_20260101_000000.jsonl.ready");

    assert_true(mkdir(buffer, 0700) == 0 || errno == EEXIST);
    scratch_write(path, "bad\n{\"event_id\":\"left\",\"run_id\":\"r\",\"agent_name\":\"a\","
                        "\"job_type\":\"j\",\"status\":\"success\","
                        "\"start_time\":\"2025-12-10T12:05:30Z\"}\n");
}

static void exit__in_the_middle_of_a_drain_leaves_the_file_to_the_next(void **state)
{
    struct world *world = *state;

    leave_a_bad_line(world);
    assert_int_equal(in_child("", flush, "rejected", leave), STATUS_OF_EXIT);
    world_assert_delivered(world, 1, 1);
}

static void client__may_be_freed_in_its_log_and_in_a_body(void **state)
{
    struct world *world = *state;
    struct peer *refused = peer_start(NULL, NULL);

    assert_int_equal(in_child(peer_url(refused), record, "cannot reach", free_client), 0);
    assert_int_equal(in_child(peer_url(refused), track, "-", free_client), 0);
    leave_a_bad_line(world);
    assert_int_equal(in_child("", flush, "rejected", free_client), 0);
    world_assert_delivered(world, 2, 1); /* "one" was never ended */
    peer_stop(refused);
}

static void client__may_be_used_in_its_log_and_in_a_body(void **state)
{
    struct world *world = *state;
    struct peer *refused = peer_start(NULL, NULL);

    assert_int_equal(in_child(peer_url(refused), record, "cannot reach", record_more), 0);
    assert_int_equal(in_child(peer_url(refused), track, "-", record_more), 0);
    leave_a_bad_line(world);
    assert_int_equal(in_child("", flush, "rejected", record_more), 0);
    world_assert_delivered(world, 3, 3);
    peer_stop(refused);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(exit__in_the_body_of_a_run_leaves_it_running),
        TEST(exit__in_the_log_keeps_what_was_recorded),
        TEST(exit__in_the_middle_of_a_drain_leaves_the_file_to_the_next),
        TEST(client__may_be_freed_in_its_log_and_in_a_body),
        TEST(client__may_be_used_in_its_log_and_in_a_body),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
