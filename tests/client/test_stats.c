/* SPDX-License-Identifier: MIT
 *
 * What a client says of the store and of itself.
 */
#include "support/cmocka_all.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "support/client_world.h"
#include "support/peer.h"
#include "support/scratch.h"

static void record_a_run(tel_client *client, const char *run_id, const char *status)
{
    tel_run *run = NULL;

    (void)tel_run_start(&run, client,
                        TEL_FIELDS(.agent_name = "a", .job_type = "j", .run_id = run_id));
    (void)tel_run_end(&run, status, NULL);
}

static tel_client_stats stats_of(tel_client *client, tel_error expected)
{
    tel_client_stats stats = {.size = sizeof stats};
    tel_fault fault = {0};

    assert_int_equal(tel_client_get_stats(client, &stats, &fault), expected);
    if (expected)
        assert_true(*fault.text);
    return stats;
}

static void get_stats__counts_the_runs_of_the_database_by_status(void **state)
{
    struct world *world = *state;
    tel_client *client = world_connect(world, "TELEMETRY_MODE", "embedded", NULL);
    tel_client_stats stats;
    tel_run *run = NULL;

    record_a_run(client, NULL, NULL);
    record_a_run(client, NULL, "failed");
    record_a_run(client, NULL, "partial");
    tel_run_start(&run, client, TEL_FIELDS(.agent_name = "a", .job_type = "j"));
    stats = stats_of(client, TEL_OK);
    assert_int_equal(stats.runs.total, 4);
    assert_int_equal(stats.runs.running, 1);
    assert_int_equal(stats.runs.success, 1);
    assert_int_equal(stats.runs.failure, 1);
    assert_int_equal(stats.runs.partial, 1);
    assert_int_equal(stats.runs.timeout + stats.runs.cancelled, 0);
    assert_int_equal(stats.runs.pending_api_posts, 3);
    assert_int_equal(stats.delivered, 7);
    assert_int_equal(stats.trail_lines, 7);
    assert_int_equal(stats.run_ids_generated, 4);
    tel_run_end(&run, NULL, NULL);
}

static void get_stats__counts_the_runs_of_the_service(void **state)
{
    struct world *world = *state;
    struct peer_script script = {
        .answers = {{"200 OK", "{\"total_runs\":7,\"statuses\":{\"running\":1,\"success\":2,"
                               "\"failure\":3,\"partial\":0,\"timeout\":1,\"cancelled\":0},"
                               "\"pending_exports\":5}"},
                    {"200 OK", "{\"total_runs\":7,\"agents\":{}}"},
                    {"200 OK", "[]"},
                    {"200 OK", "{\"name\":\"another\"}"}},
    };
    struct peer *peer = peer_start(peer_follow, &script);
    tel_client_stats stats;

    world_connect(world, "TELEMETRY_API_URL", peer_url(peer), NULL);
    stats = stats_of(world->client, TEL_OK);
    assert_int_equal(stats.runs.total, 7);
    assert_int_equal(stats.runs.failure, 3);
    assert_int_equal(stats.runs.pending_api_posts, 5);
    stats = stats_of(world->client, TEL_OK); /* a service that tells less */
    assert_int_equal(stats.runs.total, 7);
    assert_int_equal(stats.runs.success, -1);
    assert_int_equal(stats.runs.pending_api_posts, -1);
    stats = stats_of(world->client, TEL_E_UNAVAILABLE); /* another program */
    assert_int_equal(stats.runs.total, -1);
    peer_stop(peer);
    assert_non_null(strstr(script.requests, "GET /metrics HTTP/1.1\r\n"));
}

static void get_stats__tells_what_the_client_did_also_while_nobody_can_be_asked(void **state)
{
    struct world *world = *state;
    struct peer *refused = peer_start(NULL, NULL);
    tel_client_stats stats;

    record_a_run(world_connect(world, "TELEMETRY_API_URL", peer_url(refused), NULL), NULL, NULL);
    stats = stats_of(world->client, TEL_E_UNAVAILABLE);
    assert_int_equal(stats.runs.total, -1);
    assert_int_equal(stats.runs.running, -1);
    assert_int_equal(stats.runs.pending_api_posts, -1);
    assert_int_equal(stats.delivered, 0);
    assert_int_equal(stats.buffered, 2);
    assert_int_equal(stats.trail_lines, 2);
    tel_client_free(world->client);
    world->client = NULL;
    record_a_run(world_connect(world, "TELEMETRY_MODE", "embedded", NULL), NULL, NULL);
    stats = stats_of(world->client, TEL_OK);
    assert_int_equal(stats.delivered, 2);
    assert_int_equal(stats.buffered, 0);
    peer_stop(refused);
}

static void get_stats__counts_what_was_caught_up(void **state)
{
    struct world *world = *state;
    struct peer *refused = peer_start(NULL, NULL);

    record_a_run(world_connect(world, "TELEMETRY_API_URL", peer_url(refused), NULL), NULL, NULL);
    (void)world_connect(world, "TELEMETRY_MODE", "embedded", NULL);
    assert_int_equal(tel_client_flush(world->client, 60000, NULL), TEL_OK);
    assert_int_equal(stats_of(world->client, TEL_OK).caught_up, 2);
    peer_stop(refused);
}

static void get_stats__counts_run_ids(void **state)
{
    struct world *world = *state;
    tel_client *client = world_connect(world, "TELEMETRY_MODE", "embedded", NULL);
    char too_long[TEL_RUN_ID_SIZE + 1];
    tel_client_stats stats;
    tel_run *run = NULL;

    memset(too_long, 'x', sizeof too_long - 1);
    too_long[sizeof too_long - 1] = '\0';
    tel_run_start(&run, client, TEL_FIELDS(.agent_name = "a", .job_type = "j", .run_id = "mine"));
    record_a_run(client, "mine", NULL);
    record_a_run(client, " ", NULL);
    record_a_run(client, "a/b", NULL);
    record_a_run(client, "a\\b", NULL);
    record_a_run(client, too_long, NULL);
    record_a_run(client, NULL, NULL);
    tel_run_end(&run, NULL, NULL);
    stats = stats_of(client, TEL_OK);
    assert_int_equal(stats.run_ids_custom, 2);
    assert_int_equal(stats.run_ids_duplicate, 1);
    assert_int_equal(stats.run_ids_blank, 1);
    assert_int_equal(stats.run_ids_with_slash, 2);
    assert_int_equal(stats.run_ids_too_long, 1);
    assert_int_equal(stats.run_ids_generated, 5);
}

static void get_stats__counts_what_was_dropped_and_why(void **state)
{
    struct world *world = *state;
    struct peer *refused = peer_start(NULL, NULL);
    tel_client_stats stats;

    record_a_run(world_connect(world, "TELEMETRY_API_URL", peer_url(refused),
                               "TELEMETRY_BUFFER_DIR", "/proc/self/none", NULL),
                 NULL, NULL);
    stats = stats_of(world->client, TEL_E_UNAVAILABLE);
    assert_int_equal(stats.dropped_io, 2);
    assert_int_equal(stats.buffered, 0);

    record_a_run(world_connect(world, "TELEMETRY_MODE", "embedded", "TELEMETRY_NDJSON_DIR",
                               "/proc/self/none", NULL),
                 NULL, NULL);
    stats = stats_of(world->client, TEL_OK);
    assert_int_equal(stats.trail_failed, 2);
    assert_int_equal(stats.trail_lines, 0);
    assert_int_equal(stats.delivered, 2);
    peer_stop(refused);
}

static void get_stats__counts_what_was_refused_for_good(void **state)
{
    struct world *world = *state;
    struct peer_script script = {.answers = {{"422 X", "{\"detail\":\"no\"}"}, PEER_VERSION}};
    struct peer *peer = peer_start(peer_follow, &script);

    record_a_run(world_connect(world, "TELEMETRY_API_URL", peer_url(peer), NULL), NULL, NULL);
    assert_int_equal(stats_of(world->client, TEL_E_UNAVAILABLE).rejected, 1);
    peer_stop(peer);
}

/* ---- Callers of other versions --------------------------------------------------------------- */

static void get_stats__gives_older_and_newer_callers_what_they_have_room_for(void **state)
{
    struct world *world = *state;
    tel_client *client = world_connect(world, "TELEMETRY_MODE", "embedded", NULL);
    struct {
        tel_client_stats stats;
        int64_t later[3];
    } newer = {.stats = {.size = sizeof newer}, .later = {7, 7, 7}};
    tel_client_stats older = {.size = offsetof(tel_client_stats, caught_up), .caught_up = 4711};

    record_a_run(client, NULL, NULL);
    assert_int_equal(tel_client_get_stats(client, &newer.stats, NULL), TEL_OK);
    assert_int_equal(newer.stats.delivered, 2);
    assert_int_equal(newer.stats.size, sizeof newer);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(newer.later[i], 0);
    assert_int_equal(tel_client_get_stats(client, &older, NULL), TEL_OK);
    assert_int_equal(older.delivered, 2);
    assert_int_equal(older.caught_up, 4711);
    older.size = sizeof older.size;
    assert_int_equal(tel_client_get_stats(client, &older, NULL), TEL_OK);
    older.size = 0;
    assert_int_equal(tel_client_get_stats(client, &older, NULL), TEL_E_INVALID);
}

static void get_stats__writes_nothing_for_a_caller_whose_size_was_never_set(void **state)
{
    struct world *world = *state;
    tel_client *client = world_connect(world, "TELEMETRY_MODE", "embedded", NULL);
    const size_t most = 64 * 1024;
    CLEANUP(freep) tel_client_stats *stats = calloc(1, most + 1);

    stats->size = most + 1;
    stats->delivered = 4711;
    assert_int_equal(tel_client_get_stats(client, stats, NULL), TEL_E_INVALID);
    assert_int_equal(stats->delivered, 4711);
    stats->size = most;
    assert_int_equal(tel_client_get_stats(client, stats, NULL), TEL_OK);
    assert_int_equal(stats->delivered, 0);
}

static void get_stats__of_a_forked_child_begin_with_zero(void **state)
{
    struct world *world = *state;
    pid_t child;
    int status = -1;

    record_a_run(world_connect(world, "TELEMETRY_MODE", "embedded", NULL), NULL, NULL);
    child = fork();
    if (child == 0) {
        tel_client_stats stats = {.size = sizeof stats};

        _exit(tel_client_get_stats(world->client, &stats, NULL) || stats.delivered != 0 ||
              stats.runs.total != 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(stats_of(world->client, TEL_OK).delivered, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(get_stats__counts_the_runs_of_the_database_by_status),
        TEST(get_stats__counts_the_runs_of_the_service),
        TEST(get_stats__tells_what_the_client_did_also_while_nobody_can_be_asked),
        TEST(get_stats__counts_what_was_caught_up),
        TEST(get_stats__counts_run_ids),
        TEST(get_stats__counts_what_was_dropped_and_why),
        TEST(get_stats__counts_what_was_refused_for_good),
        TEST(get_stats__gives_older_and_newer_callers_what_they_have_room_for),
        TEST(get_stats__writes_nothing_for_a_caller_whose_size_was_never_set),
        TEST(get_stats__of_a_forked_child_begin_with_zero),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
