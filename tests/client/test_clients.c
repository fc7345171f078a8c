/* SPDX-License-Identifier: MIT
 *
 * Several clients in one process, with the same directories or each with its own, used by many threads
 * at once, and one freed while the other is at work.
 */
#include "support/cmocka_all.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "support/client_world.h"
#include "support/peer.h"
#include "support/real_service.h"
#include "support/scratch.h"

#define THREADS 4 /* for each client */
#define RUNS_EACH 10

/* A world has one client; this one beside it has the same settings but for one. */
static tel_client *another(const char *url, const char *key, const char *value)
{
    tel_config *config = NULL;
    tel_client *client = NULL;

    assert_int_equal(tel_config_new(&config), TEL_OK);
    assert_int_equal(tel_config_set(config, "TELEMETRY_CALL_BUDGET_MS", "60000"), TEL_OK);
    assert_int_equal(tel_config_set(config, "TELEMETRY_API_URL", url), TEL_OK);
    assert_int_equal(tel_config_set(config, key, value), TEL_OK);
    assert_int_equal(tel_client_new(&client, config), TEL_OK);
    tel_config_free(config);
    return client;
}

static void *record_runs(void *client)
{
    size_t failed = 0;

    for (int i = 0; i < RUNS_EACH; i++)
        failed += record_run(client, NULL) != TEL_OK;
    return failed ? client : NULL;
}

static void *record_then_free(void *client)
{
    void *failed = record_runs(client);

    tel_client_free(client);
    return failed;
}

/* Let threads record with both, and one more with a third, which is freed meanwhile. */
static void record_with_all(tel_client *first, tel_client *second, tel_client *third)
{
    pthread_t threads[2 * THREADS + 1];
    void *failed;

    for (size_t i = 0; i < 2 * (size_t)THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, record_runs, i % 2 ? first : second), 0);
    assert_int_equal(pthread_create(&threads[2 * THREADS], NULL, record_then_free, third), 0);
    for (size_t i = 0; i <= 2 * (size_t)THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
}

#define ALL_RUNS ((size_t)(2 * THREADS + 1) * RUNS_EACH)

static void clients__share_a_service_each_in_its_way(void **state)
{
    struct world *world = *state;
    struct real_service *service = real_service_start(world->scratch, NULL);
    const char *url = real_service_url(service);
    tel_client *background = another(url, "TELEMETRY_BACKGROUND", "true");

    record_with_all(world_connect(world, "TELEMETRY_API_URL", url, NULL), background,
                    another(url, "TELEMETRY_BACKGROUND", "true"));
    tel_client_free(background);
    real_service_kill(service);
    world_assert_delivered(world, ALL_RUNS, ALL_RUNS);
}

static void clients__share_a_database(void **state)
{
    struct world *world = *state;
    tel_client *second = another("http://127.0.0.1:1", "TELEMETRY_MODE", "embedded");

    record_with_all(world_connect(world, "TELEMETRY_MODE", "embedded", NULL), second,
                    another("http://127.0.0.1:1", "TELEMETRY_MODE", "embedded"));
    tel_client_free(second);
    world_assert_delivered(world, ALL_RUNS, ALL_RUNS);
}

static void clients__share_a_directory_of_buffers(void **state)
{
    struct world *world = *state;
    struct peer *refused = peer_start(NULL, NULL);
    const char *url = peer_url(refused);
    tel_client *second = another(url, "TELEMETRY_BACKGROUND", "true");

    record_with_all(world_connect(world, "TELEMETRY_API_URL", url, NULL), second,
                    another(url, "TELEMETRY_BACKGROUND", "false"));
    tel_client_free(second);
    world_assert_delivered(world, ALL_RUNS, ALL_RUNS);
    peer_stop(refused);
}

static void clients__of_different_directories_never_touch_each_others(void **state)
{
    struct world *world = *state;
    struct peer *refused = peer_start(NULL, NULL);
    CLEANUP(freep) char *other_base = scratch_path(world->scratch, "other");
    CLEANUP(freep) char *other_raw = scratch_path(world->scratch, "other/raw");
    CLEANUP(freep) char *other_buffer = scratch_path(world->scratch, "other/buffer");
    CLEANUP(freep) char *trail = NULL;
    CLEANUP(freep) char *others_trail = NULL;
    CLEANUP(freep) char *others_buffer = NULL;
    tel_client *second = another(peer_url(refused), "TELEMETRY_BASE_DIR", other_base);

    record_with_all(world_connect(world, "TELEMETRY_API_URL", peer_url(refused), NULL), second,
                    another(peer_url(refused), "TELEMETRY_BASE_DIR", other_base));
    tel_client_free(second);
    trail = world_trail(world);
    others_trail = scratch_read_all(other_raw, ".ndjson");
    others_buffer = scratch_read_all(other_buffer, "");
    assert_int_equal(count_lines(trail), 2 * THREADS * RUNS_EACH);
    assert_int_equal(count_lines(others_trail), 2 * (THREADS + 1) * RUNS_EACH);
    assert_int_equal(count_lines(others_buffer), 2 * (THREADS + 1) * RUNS_EACH);
    world_assert_delivered(world, (size_t)THREADS * RUNS_EACH, (size_t)THREADS * RUNS_EACH);
    peer_stop(refused);
}

/* A run_id is unique among the active runs of a client, not of all. */
static void clients__do_not_know_each_others_runs(void **state)
{
    struct world *world = *state;
    tel_client *first = world_connect(world, "TELEMETRY_MODE", "embedded", NULL);
    tel_client *second = another("http://127.0.0.1:1", "TELEMETRY_MODE", "embedded");
    tel_run *run = NULL;
    tel_run *namesake = NULL;

    tel_run_start(&run, first, TEL_FIELDS(.agent_name = "a", .job_type = "j", .run_id = "mine"));
    assert_int_equal(tel_client_end_run(second, "mine", NULL, NULL), TEL_E_NOT_FOUND);
    tel_run_start(&namesake, second,
                  TEL_FIELDS(.agent_name = "b", .job_type = "j", .run_id = "mine"));
    assert_string_equal(tel_run_id(namesake), "mine");
    tel_client_free(second);
    assert_int_equal(tel_run_end(&namesake, NULL, NULL), TEL_E_CLOSED);
    assert_int_equal(tel_run_end(&run, NULL, NULL), TEL_OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(clients__share_a_service_each_in_its_way),
        TEST(clients__share_a_database),
        TEST(clients__share_a_directory_of_buffers),
        TEST(clients__of_different_directories_never_touch_each_others),
        TEST(clients__do_not_know_each_others_runs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
