/* SPDX-License-Identifier: MIT
 *
 * Service mode: what is sent, and what becomes of runs when the service is away, slow, or not the
 * service at all.
 */
#include "support/cmocka_all.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "support/client_world.h"
#include "support/hostile.h"
#include "support/peer.h"
#include "support/scratch.h"

#define PATIENCE_MS 5000

/* ---- A service that notes what it is sent ---------------------------------------------------- */

struct service {
    atomic_int patch_status; /* 0: 200 */
    atomic_int post_status;
    char requests[65536]; /* one after the other; to be read when the peer was stopped */
};

static struct service *service_new(void)
{
    return calloc(1, sizeof(struct service));
}

static void event_id_of(char *out, size_t size, const char *request)
{
    const char *in_body = strstr(request, "\"event_id\":\"");
    const char *in_path = strstr(request, "/api/v1/runs/");

    if (in_body)
        (void)snprintf(out, size, "%.*s", (int)strcspn(in_body + 12, "\""), in_body + 12);
    else
        (void)snprintf(out, size, "%.*s", (int)strcspn(in_path + 13, " "), in_path + 13);
}

/* Answer a request for a run. */
static bool answer(int fd, const char *request, int status)
{
    char event_id[100];
    char body[200];
    char line[20];

    event_id_of(event_id, sizeof event_id, request);
    (void)snprintf(body, sizeof body, status ? "{\"detail\":\"no %s\"}" : "{\"event_id\":\"%s\"}",
                   event_id);
    (void)snprintf(line, sizeof line, "%d X", status ? status : 200);
    return peer_reply(fd, line, body);
}

static void serve(struct peer *peer, int fd, void *arg)
{
    struct service *service = arg;
    const char *request;
    bool go_on = true;

    while (go_on && peer_read_request(peer, fd, &request)) {
        size_t used = strlen(service->requests);

        (void)snprintf(service->requests + used, sizeof service->requests - used, "%s\n", request);
        if (strncmp(request, "GET /version ", 13) == 0)
            go_on = peer_reply(fd, "200 OK", PEER_VERSION_BODY);
        else
            go_on = answer(fd, request,
                           request[1] == 'A' ? service->patch_status : service->post_status);
    }
}

static void record_one_run(tel_client *client)
{
    tel_run *run = NULL;

    assert_int_equal(tel_run_start(&run, client,
                                   TEL_FIELDS(.agent_name = "a", .job_type = "j",
                                              .metrics_json = "{\"m\":[1]}")),
                     TEL_OK);
    assert_int_equal(tel_run_set_metrics(run, TEL_FIELDS(.items_succeeded = 7)), TEL_OK);
    assert_int_equal(tel_run_end(&run, TEL_SUCCESS, NULL), TEL_OK);
}

static void service__is_sent_the_run_and_then_what_changed(void **state)
{
    struct world *world = *state;
    struct service *service = service_new();
    struct peer *peer = peer_start(serve, service);
    CLEANUP(freep) char *buffer = NULL;
    const char *patch;

    record_one_run(world_connect(world, "TELEMETRY_API_URL", peer_url(peer),
                                 "TELEMETRY_API_AUTH_TOKEN", "s3cret", NULL));
    assert_int_equal(peer_connections(peer), 1);
    peer_stop(peer);
    assert_memory_equal(service->requests, "POST /api/v1/runs HTTP/1.1\r\n", 28);
    assert_non_null(strstr(service->requests, "\"metrics_json\":{\"m\":[1]}"));
    assert_non_null(strstr(service->requests, "\"trigger_type\":\"cli\""));
    assert_null(strstr(service->requests, "null"));
    patch = strstr(service->requests, "PATCH /api/v1/runs/");
    assert_non_null(patch);
    assert_non_null(strstr(patch, "\"status\":\"success\""));
    assert_non_null(strstr(patch, "\"items_succeeded\":7"));
    assert_non_null(strstr(patch, "\"duration_ms\":"));
    assert_null(strstr(patch, "metrics_json")); /* somebody may have changed it since */
    assert_int_equal(count_of(service->requests, "Authorization: Bearer s3cret\r\n"), 2);
    assert_int_equal(count_of(service->requests, " HTTP/1.1\r\n"), 2);
    assert_string_equal(world->log, "");
    buffer = world_buffer(world, ".active");
    assert_string_equal(buffer, "");
    free(service);
}

static void service__gets_an_event_id_of_any_text_as_one_path_segment(void **state)
{
    struct world *world = *state;
    struct service *service = service_new();
    struct peer *peer = peer_start(serve, service);
    tel_run *run = NULL;

    tel_run_start(&run, world_connect(world, "TELEMETRY_API_URL", peer_url(peer), NULL),
                  TEL_FIELDS(.agent_name = "a", .job_type = "j", .event_id = "a/b ?#\xc3\xa9"));
    tel_run_end(&run, NULL, NULL);
    peer_stop(peer);
    assert_non_null(strstr(service->requests, "PATCH /api/v1/runs/a%2Fb%20%3F%23%C3%A9 HTTP/1.1"));
    free(service);
}

static void service__that_lost_the_run_gets_the_whole_of_it(void **state)
{
    struct world *world = *state;
    struct service *service = service_new();
    struct peer *peer = peer_start(serve, service);

    service->patch_status = 404;
    record_one_run(world_connect(world, "TELEMETRY_API_URL", peer_url(peer), NULL));
    peer_stop(peer);
    assert_int_equal(count_of(service->requests, "POST /api/v1/runs "), 2);
    assert_int_equal(count_of(service->requests, "\"status\":\"success\""), 2);
    free(service);
}

/* ---- Refused for good ------------------------------------------------------------------------ */

static void refusal__of_what_a_run_contains_is_said_and_set_aside(void **state)
{
    struct world *world = *state;
    struct service *service = service_new();
    struct peer *peer = peer_start(serve, service);
    CLEANUP(freep) char *buffer = NULL;
    CLEANUP(freep) char *rejected = NULL;
    CLEANUP(freep) char *trail = NULL;

    service->post_status = 422;
    record_one_run(world_connect(world, "TELEMETRY_API_URL", peer_url(peer), NULL));
    buffer = world_buffer(world, ".active");
    trail = world_trail(world);
    assert_string_equal(buffer, "");
    assert_int_equal(count_lines(trail), 2);
    assert_non_null(strstr(world->log, "E a run was refused for good: no "));
    assert_int_equal(count_lines(world->log), 1);
    rejected = world_buffer(world, ".rejected");
    assert_int_equal(count_lines(rejected), 1);
    assert_non_null(strstr(rejected, "{\"reason\":\"no "));
    assert_non_null(strstr(rejected, "\"line\":\"{\\\"record_type\\\":\\\"run\\\""));
    peer_stop(peer);
    assert_null(strstr(service->requests, "PATCH"));
    free(service);
}

static void refusal__of_our_token_is_worth_waiting_for_another(void **state)
{
    struct world *world = *state;
    struct service *service = service_new();
    struct peer *peer = peer_start(serve, service);
    CLEANUP(freep) char *buffer = NULL;

    service->post_status = 401;
    record_one_run(world_connect(world, "TELEMETRY_API_URL", peer_url(peer), NULL));
    buffer = world_buffer(world, ".active");
    assert_int_equal(count_lines(buffer), 2);
    assert_non_null(strstr(world->log, " answered 401: no "));
    peer_stop(peer);
    free(service);
}

/* ---- Away, hung, broken, somebody else ------------------------------------------------------- */

/* A start and an end must be in the buffer, in that order and ready for whoever empties it. */
static void assert_both_are_buffered(struct world *world)
{
    CLEANUP(freep) char *trail = world_trail(world);
    CLEANUP(freep) char *buffer = NULL;
    CLEANUP(json_releasep) json_t *run = NULL;
    CLEANUP(json_releasep) json_t *update = NULL;
    char *newline;

    assert_int_equal(count_lines(trail), 2);
    tel_client_free(world->client);
    world->client = NULL;
    buffer = world_buffer(world, ".ready");
    assert_int_equal(count_lines(buffer), 2);
    newline = strchr(buffer, '\n');
    run = json_parse(buffer, (size_t)(newline - buffer), NULL);
    update = json_parse(newline + 1, strlen(newline + 1), NULL);
    assert_string_equal(json_string_value(json_object_get(run, "record_type")), "run");
    assert_string_equal(json_string_value(json_object_get(run, "status")), "running");
    assert_string_equal(json_string_value(json_object_get(update, "record_type")), "update");
    assert_string_equal(json_string_value(json_object_get(update, "event_id")),
                        json_string_value(json_object_get(run, "event_id")));
    assert_string_equal(json_string_value(json_object_get(update, "status")), "success");
    assert_int_equal(json_integer_value(json_object_get(update, "items_succeeded")), 7);
    assert_true(json_is_string(json_object_get(update, "end_time")));
}

static void outage__of_any_kind_costs_the_budget_at_most_and_no_run(void **state)
{
    (void)state;
    for (size_t i = 0; i < hostile_count; i++) {
        struct world *world = world_new();
        struct peer *peer = hostile_start(&hostiles[i]);
        const char *budget_ms = hostiles[i].is_silent ? "100" : "2000";
        int64_t start_ms = clock_monotonic_ms();

        print_message("  what listens there %s\n", hostiles[i].name);
        record_one_run(world_connect(world, "TELEMETRY_API_URL", peer_url(peer),
                                     "TELEMETRY_CALL_BUDGET_MS", budget_ms, NULL));
        assert_true(clock_monotonic_ms() - start_ms < PATIENCE_MS);
        assert_int_equal(count_of(world->log, "runs are kept in the buffer"), 1);
        assert_int_equal(count_lines(world->log), 1);
        assert_both_are_buffered(world);
        peer_stop(peer);
        world_free(world);
    }
}

/* The disk's own time is in it, and a slow machine's; so the best of many counts. */
static void outage__of_silence_costs_at_most_20_ms_more_than_the_budget(void **state)
{
    struct world *world = *state;
    struct peer *peer = hostile_start(hostile_silence);
    int64_t best_ms = INT64_MAX;

    for (int i = 0; i < 40 && best_ms > 270; i++) {
        tel_run *run = NULL;
        int64_t start_ms;
        int64_t took_ms;

        world_connect(world, "TELEMETRY_API_URL", peer_url(peer), "TELEMETRY_CALL_BUDGET_MS", "250",
                      NULL);
        start_ms = clock_monotonic_ms();
        assert_int_equal(tel_run_start(&run, world->client,
                                       TEL_FIELDS(.agent_name = "a", .job_type = "j")),
                         TEL_OK);
        took_ms = clock_monotonic_ms() - start_ms;
        tel_run_end(&run, NULL, NULL);
        best_ms = took_ms < best_ms ? took_ms : best_ms;
    }
    assert_in_range(best_ms, 120, 270);
    peer_stop(peer);
}

/* Once it is known that nobody answers, a call waits for nobody. */
static void outage__that_is_known_costs_no_wait(void **state)
{
    struct world *world = *state;
    struct peer *peer = hostile_start(hostile_silence);
    int64_t best_ms = INT64_MAX;
    tel_run *run = NULL;

    world_connect(world, "TELEMETRY_API_URL", peer_url(peer), "TELEMETRY_CALL_BUDGET_MS", "250",
                  NULL);
    for (int i = 0; i < 20; i++) {
        int64_t start_ms = clock_monotonic_ms();
        int64_t took_ms;

        tel_run_start(&run, world->client, TEL_FIELDS(.agent_name = "a", .job_type = "j"));
        tel_run_end(&run, NULL, NULL);
        took_ms = clock_monotonic_ms() - start_ms;
        best_ms = took_ms < best_ms ? took_ms : best_ms;
    }
    assert_true(best_ms < 125); /* not even one half of a budget was waited for */
    peer_stop(peer);
}

static void outage__after_the_start_keeps_the_end(void **state)
{
    struct world *world = *state;
    struct service *service = service_new();
    struct peer *peer = peer_start(serve, service);
    CLEANUP(freep) char *buffer = NULL;
    tel_run *run = NULL;

    assert_int_equal(tel_run_start(&run,
                                   world_connect(world, "TELEMETRY_API_URL", peer_url(peer), NULL),
                                   TEL_FIELDS(.agent_name = "a", .job_type = "j")),
                     TEL_OK);
    peer_stop(peer);
    assert_int_equal(tel_run_end(&run, TEL_FAILURE, TEL_FIELDS(.error_summary = "gone")), TEL_OK);
    buffer = world_buffer(world, ".active");
    assert_int_equal(count_lines(buffer), 1);
    assert_int_equal(count_of(buffer, "\"record_type\":\"update\""), 1);
    assert_int_equal(count_of(buffer, "\"error_summary\":\"gone\""), 1);
    free(service);
}

static void outage__over_before_the_end_still_sends_the_end_after_the_start(void **state)
{
    struct world *world = *state;
    struct service *service = service_new();
    struct peer *peer = peer_start(serve, service);
    CLEANUP(freep) char *buffer = NULL;
    tel_run *run = NULL;

    service->post_status = 503;
    tel_run_start(&run, world_connect(world, "TELEMETRY_API_URL", peer_url(peer), NULL),
                  TEL_FIELDS(.agent_name = "a", .job_type = "j"));
    service->post_status = 0;
    tel_run_end(&run, NULL, NULL);
    buffer = world_buffer(world, ".active");
    assert_int_equal(count_lines(buffer), 2);
    peer_stop(peer);
    assert_null(strstr(service->requests, "PATCH"));
    free(service);
}

static void url__that_is_none_is_said_and_the_buffer_has_the_runs(void **state)
{
    struct world *world = *state;
    CLEANUP(freep) char *buffer = NULL;

    record_one_run(world_connect(world, "TELEMETRY_API_URL", "localhost:8765", NULL));
    assert_non_null(strstr(world->log, "must look like http://host:port"));
    buffer = world_buffer(world, ".active");
    assert_int_equal(count_lines(buffer), 2);
}

static void mock__lets_nothing_leave_by_network(void **state)
{
    struct world *world = *state;
    struct service *service = service_new();
    struct peer *peer = peer_start(serve, service);

    record_one_run(world_connect(world, "TELEMETRY_API_URL", peer_url(peer), "TELEMETRY_TEST_MODE",
                                 "mock", NULL));
    assert_int_equal(peer_connections(peer), 0);
    assert_string_equal(world->log, "");
    assert_both_are_buffered(world);
    peer_stop(peer);
    free(service);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(service__is_sent_the_run_and_then_what_changed),
        TEST(service__gets_an_event_id_of_any_text_as_one_path_segment),
        TEST(service__that_lost_the_run_gets_the_whole_of_it),
        TEST(refusal__of_what_a_run_contains_is_said_and_set_aside),
        TEST(refusal__of_our_token_is_worth_waiting_for_another),
        cmocka_unit_test(outage__of_any_kind_costs_the_budget_at_most_and_no_run),
        TEST(outage__of_silence_costs_at_most_20_ms_more_than_the_budget),
        TEST(outage__that_is_known_costs_no_wait),
        TEST(outage__after_the_start_keeps_the_end),
        TEST(outage__over_before_the_end_still_sends_the_end_after_the_start),
        TEST(url__that_is_none_is_said_and_the_buffer_has_the_runs),
        TEST(mock__lets_nothing_leave_by_network),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
