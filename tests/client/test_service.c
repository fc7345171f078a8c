/* SPDX-License-Identifier: MIT
 *
 * A client and the real service.
 */
#include "support/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "support/client_world.h"
#include "support/real_service.h"
#include "support/scratch.h"

#define HASH "0123456789abcdef0123456789abcdef01234567"
#define PATIENCE_MS 60000

static void start(tel_run **run, tel_client *client, const char *name)
{
    assert_int_equal(tel_run_start(run, client,
                                   TEL_FIELDS(.agent_name = "a", .job_type = "j", .run_id = name,
                                              .event_id = name)),
                     TEL_OK);
}

static void assert_commit(struct world *world, const char *event_id, const char *hash)
{
    CLEANUP(record_clear) struct tel_record stored = RECORD();

    assert_int_equal(world_stored(world, event_id, &stored), TEL_OK);
    assert_string_equal(stored.fields.status, "success");
    assert_string_equal(stored.fields.git_commit_hash, hash);
}

static void get_stats__are_the_services(void **state)
{
    struct world *world = *state;
    struct real_service *service = real_service_start(world->scratch, NULL);
    tel_client_stats stats = {.size = sizeof stats};
    tel_fault fault = {0};
    tel_run *run = NULL;
    tel_run *other = NULL;

    start(&run, world_connect(world, "TELEMETRY_API_URL", real_service_url(service), NULL), "one");
    start(&other, world->client, "two");
    assert_int_equal(tel_run_end(&run, "cancelled", NULL), TEL_OK);
    assert_int_equal(tel_client_get_stats(world->client, &stats, &fault), TEL_OK);
    assert_int_equal(stats.runs.total, 2);
    assert_int_equal(stats.runs.running, 1);
    assert_int_equal(stats.runs.cancelled, 1);
    assert_int_equal(stats.runs.success, 0);
    assert_int_equal(stats.runs.pending_api_posts, 1);
    assert_int_equal(stats.delivered, 3);
    tel_run_end(&other, NULL, NULL);
    real_service_kill(service);
}

static void associate_commit__reaches_runs_of_this_client_and_of_others(void **state)
{
    struct world *world = *state;
    struct real_service *service = real_service_start(world->scratch, NULL);
    tel_run *run = NULL;

    start(&run, world_connect(world, "TELEMETRY_API_URL", real_service_url(service), NULL), "one");
    assert_int_equal(tel_run_associate_commit(run, "0123456", "llm", NULL, NULL), TEL_OK);
    tel_run_end(&run, NULL, NULL);
    assert_commit(world, "one", "0123456");
    assert_int_equal(tel_client_associate_commit(world->client, "one", HASH, "ci", NULL, NULL),
                     TEL_OK);
    assert_commit(world, "one", HASH);
    world_connect(world, "TELEMETRY_API_URL", real_service_url(service), NULL);
    assert_int_equal(tel_client_associate_commit(world->client, "one", "abcdef0", "ci", NULL, NULL),
                     TEL_OK);
    assert_commit(world, "one", "abcdef0");
    assert_int_equal(tel_client_associate_commit(world->client, "two", HASH, "ci", NULL, NULL),
                     TEL_E_NOT_FOUND);
    real_service_kill(service);
}

static void flush__brings_run_end_and_commit_to_a_service_that_was_away(void **state)
{
    struct world *world = *state;
    struct real_service *service = real_service_start(world->scratch, NULL);
    char url[100];
    tel_run *run = NULL;
    tel_fault fault = {0};

    (void)snprintf(url, sizeof url, "%s", real_service_url(service));
    start(&run, world_connect(world, "TELEMETRY_API_URL", url, NULL), "live");
    real_service_kill(service);
    assert_int_equal(tel_run_end(&run, NULL, NULL), TEL_OK);
    start(&run, world->client, "missed");
    assert_int_equal(tel_run_associate_commit(run, HASH, "ci", NULL, NULL), TEL_OK);
    assert_int_equal(tel_run_end(&run, NULL, NULL), TEL_OK);
    assert_int_equal(tel_client_associate_commit(world->client, "live", HASH, "ci", NULL, NULL),
                     TEL_OK);
    assert_int_equal(tel_client_flush(world->client, 10, &fault), TEL_E_UNAVAILABLE);
    service = real_service_start(world->scratch, url);
    assert_int_equal(tel_client_flush(world->client, PATIENCE_MS, &fault), TEL_OK);
    assert_int_equal(world_stored_count(world), 2);
    assert_commit(world, "live", HASH);
    assert_commit(world, "missed", HASH);
    real_service_kill(service);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(get_stats__are_the_services),
        TEST(associate_commit__reaches_runs_of_this_client_and_of_others),
        TEST(flush__brings_run_end_and_commit_to_a_service_that_was_away),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
