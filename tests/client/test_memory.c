/* SPDX-License-Identifier: MIT
 *
 * Want of memory at every point of a run's life: a status, no crash, no leak, whole files.
 *
 * This program's malloc() fails where it is told to: the n-th allocation alone, and then it and all
 * that follow, for every n, and further on (in SQLite, mostly) for some.
 */
#include "support/cmocka_all.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "support/client_world.h"
#include "support/nomem.h"
#include "support/peer.h"
#include "support/real_service.h"
#include "support/scratch.h"

#define EACH_UP_TO 600
#define STEP_BEYOND 37

/* ---- A run's life ---------------------------------------------------------------------------- */

static int body(tel_run *run, void *arg)
{
    (void)arg;
    tel_run_log_event(run, "inside", NULL);
    return 0;
}

static void live(const tel_config *config)
{
    tel_client_stats stats = {.size = sizeof stats};
    char run_id[TEL_RUN_ID_SIZE];
    tel_client *client = NULL;
    tel_run *child = NULL;
    tel_run *run = NULL;
    tel_fault fault;

    (void)tel_client_new(&client, config);
    (void)tel_run_start(&run, client,
                        TEL_FIELDS(.agent_name = "a", .job_type = "j", .run_id = "mine"));
    (void)tel_run_start_child(&child, run, TEL_FIELDS(.agent_name = "b", .job_type = "j"));
    (void)tel_run_log_event(run, "e", "not json");
    (void)tel_run_log_pairs(run, "e", TEL_PAIRS(TEL_TEXT("k", "v"), TEL_REAL("r", 0.5)));
    (void)tel_run_set_metrics(run, TEL_FIELDS(.items_failed = 1, .metrics_json = "{\"a\":1}"));
    (void)tel_run_set(run, "output_summary", "x");
    (void)tel_run_associate_commit(run, "0123456789", "ci", NULL, NULL);
    (void)tel_run_end(&child, NULL, NULL);
    (void)tel_run_end(&run, NULL, NULL);
    (void)tel_client_start_run(client, run_id, "a", "j", NULL);
    (void)tel_client_end_run(client, run_id, NULL, NULL);
    (void)tel_client_associate_commit(client, "mine", "0123456789", "ci", NULL, NULL);
    (void)tel_client_track_run(client, "a", "j", NULL, body, NULL);
    (void)tel_client_get_stats(client, &stats, &fault);
    (void)tel_client_flush(client, 0, &fault);
    tel_client_free(client);
}

static void assert_lines_are_whole(char *lines)
{
    char *state = NULL;

    for (char *line = strtok_r(lines, "\n", &state); line; line = strtok_r(NULL, "\n", &state))
        assert_true(json_is_valid(line));
}

/* Remove what the last life left, having looked at it. */
static void look_at_files(struct world *world)
{
    CLEANUP(freep) char *trail = world_trail(world);
    CLEANUP(freep) char *buffer = world_buffer(world, "");
    char *base = scratch_path(world->scratch, "base");

    assert_lines_are_whole(trail);
    assert_lines_are_whole(buffer);
    if (access(base, F_OK) == 0)
        scratch_remove(base);
    else
        free(base);
}

/* Live with the allocations from..to failing. Returns how many were not freed. */
static long live_without(struct world *world, const tel_config *config, long from, long to)
{
    long before = atomic_load(&nomem->in_use);
    long left;

    nomem_arm(from, to);
    live(config);
    (void)nomem_disarm();
    left = atomic_load(&nomem->in_use) - before;
    look_at_files(world);
    return left;
}

/* What a library keeps for good when it first comes to some point is no leak: that happens once. */
static void assert_frees_all(struct world *world, const tel_config *config, long from, long to)
{
    long left = live_without(world, config, from, to);

    if (left > 0)
        left = live_without(world, config, from, to);
    if (left > 0)
        fail_msg("with the allocations %ld to %ld failing, %ld were not freed", from, to, left);
}

static void fail_everywhere(struct world *world, const tel_config *config)
{
    long wanted;

    (void)live_without(world, config, 0, 0);
    assert_frees_all(world, config, 0, 0);
    wanted = atomic_load(&nomem->made);
    assert_true(wanted > 100);
    for (long n = 1; n <= wanted; n += n < EACH_UP_TO ? 1 : STEP_BEYOND) {
        assert_frees_all(world, config, n, n);
        assert_frees_all(world, config, n, LONG_MAX);
    }
}

static tel_config *config_of(const char *key, const char *value)
{
    tel_config *config = NULL;

    assert_int_equal(tel_config_new(&config), TEL_OK);
    assert_int_equal(tel_config_set(config, key, value), TEL_OK);
    return config;
}

static void memory__that_fails_at_any_point_harms_no_embedded_client(void **state)
{
    tel_config *config = config_of("TELEMETRY_MODE", "embedded");

    fail_everywhere(*state, config);
    tel_config_free(config);
}

static void memory__that_fails_at_any_point_harms_no_client_whose_service_is_away(void **state)
{
    struct peer *refused = peer_start(NULL, NULL);
    tel_config *config = config_of("TELEMETRY_API_URL", peer_url(refused));

    fail_everywhere(*state, config);
    tel_config_free(config);
    peer_stop(refused);
}

static void memory__that_fails_at_any_point_harms_no_client_of_a_service(void **state)
{
    struct world *world = *state;
    CLEANUP(freep) char *elsewhere = scratch_path(world->scratch, "elsewhere");
    struct real_service *service = real_service_start(elsewhere, NULL);
    tel_config *config = config_of("TELEMETRY_API_URL", real_service_url(service));

    fail_everywhere(world, config);
    tel_config_free(config);
    real_service_kill(service);
}

/* Its thread is waited for, so that what it has not freed shows. */
static void memory__that_fails_at_any_point_harms_no_delivery_in_the_background(void **state)
{
    struct world *world = *state;
    CLEANUP(freep) char *elsewhere = scratch_path(world->scratch, "elsewhere");
    struct real_service *service = real_service_start(elsewhere, NULL);
    tel_config *config = config_of("TELEMETRY_BACKGROUND", "true");

    assert_int_equal(tel_config_set(config, "TELEMETRY_CALL_BUDGET_MS", "60000"), TEL_OK);
    assert_int_equal(tel_config_set(config, "TELEMETRY_API_URL", real_service_url(service)),
                     TEL_OK);
    fail_everywhere(world, config);
    assert_int_equal(tel_config_set(config, "TELEMETRY_MODE", "embedded"), TEL_OK);
    fail_everywhere(world, config);
    tel_config_free(config);
    real_service_kill(service);
}

static void end__that_is_fine_has_its_time_whatever_failed(void **state)
{
    struct world *world = *state;
    struct peer *refused = peer_start(NULL, NULL);
    tel_config *config = config_of("TELEMETRY_API_URL", peer_url(refused));
    long fine = 0;
    long wanted;
    long n = 0;

    do {
        CLEANUP(freep) char *trail = NULL;
        CLEANUP(freep) char *buffer = NULL;
        tel_client *client = NULL;
        tel_run *run = NULL;
        tel_error error;

        assert_int_equal(tel_client_new(&client, config), TEL_OK);
        assert_int_equal(tel_run_start(&run, client,
                                       TEL_FIELDS(.agent_name = "a", .job_type = "j")),
                         TEL_OK);
        n++;
        nomem_arm(n, n);
        error = tel_run_end(&run, NULL, NULL);
        wanted = nomem_disarm();
        tel_client_free(client);
        trail = world_trail(world);
        buffer = world_buffer(world, "");
        if (!error && !strstr(trail, "\"end_time\":\"") && !strstr(buffer, "\"end_time\":\""))
            fail_msg("the end is fine with the allocation %ld failing, and not there", n);
        fine += !error;
        look_at_files(world);
    } while (n <= wanted);
    assert_true(fine > 0 && n > 5);
    tel_config_free(config);
    peer_stop(refused);
}

static int set_up(void **state)
{
    if (access("/dev/shm", W_OK) == 0) /* syncs cost nothing there */
        (void)setenv("TMPDIR", "/dev/shm", 1);
    return world_set_up(state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, world_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(end__that_is_fine_has_its_time_whatever_failed),
        TEST(memory__that_fails_at_any_point_harms_no_embedded_client),
        TEST(memory__that_fails_at_any_point_harms_no_client_whose_service_is_away),
        TEST(memory__that_fails_at_any_point_harms_no_client_of_a_service),
        TEST(memory__that_fails_at_any_point_harms_no_delivery_in_the_background),
    };

    if (!MALLOC_MAY_BE_OURS)
        return SKIPPED;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
