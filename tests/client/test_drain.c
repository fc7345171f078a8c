/* SPDX-License-Identifier: MIT
 *
 * A client empties the buffer itself when its service is there again, and at its end.
 */
#include "support/cmocka_all.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/strbuf.h"
#include "client/breaker.h"
#include "support/client_world.h"
#include "support/peer.h"
#include "support/scratch.h"
#include "support/service_stub.h"

static void wait_for_the_breaker(void)
{
    struct deadline deadline = deadline_in(BREAKER_PAUSE_MIN_MS + 10);

    while (deadline_left_ms(deadline) > 0)
        deadline_sleep(deadline, BREAKER_PAUSE_MIN_MS);
}

/* ---- Draining ---------------------------------------------------------------------------------- */

static void drain__brings_what_was_buffered_once_the_service_answers_again(void **state)
{
    struct world *world = *state;
    struct service_stub service = {.is_away = true, .requests = STRBUF(1000000)};
    struct peer *peer = peer_start(service_stub, &service);
    CLEANUP(freep) char *synced = NULL;
    tel_run *run = NULL;

    world_connect(world, "TELEMETRY_API_URL", peer_url(peer), NULL);
    assert_int_equal(record_run(world->client, "missed"), TEL_OK);
    assert_int_equal(world_count_waiting(world), 2);
    service.is_away = false;
    wait_for_the_breaker();
    assert_int_equal(tel_run_start(&run, world->client,
                                   TEL_FIELDS(.agent_name = "a", .job_type = "j")),
                     TEL_OK);
    assert_int_equal(world_count_waiting(world), 0);
    tel_run_end(&run, NULL, NULL);
    peer_stop(peer);
    assert_int_equal(count_of(service.requests.text, "POST /api/v1/runs/batch "), 1);
    assert_non_null(
        strstr(service.requests.text, "[{\"record_type\":\"run\",\"event_id\":\"missed\""));
    assert_non_null(
        strstr(service.requests.text, ",{\"record_type\":\"update\",\"event_id\":\"missed\""));
    synced = world_buffer(world, ".synced");
    assert_int_equal(count_lines(synced), 2);
    strbuf_clear(&service.requests);
}

static void drain__is_not_asked_for_while_the_service_is_known_to_be_away(void **state)
{
    struct world *world = *state;
    struct service_stub service = {.is_away = true, .requests = STRBUF(1000000)};
    struct peer *peer = peer_start(service_stub, &service);

    world_connect(world, "TELEMETRY_API_URL", peer_url(peer), NULL);
    for (int i = 0; i < 20; i++)
        assert_int_equal(record_run(world->client, NULL), TEL_OK);
    world_disconnect(world);
    peer_stop(peer);
    assert_in_range(count_of(service.requests.text, " HTTP/1.1\r\n"), 1, 10); /* of 40 */
    assert_int_equal(world_count_waiting(world), 40);
    assert_int_equal(count_lines(world->log), 1);
    strbuf_clear(&service.requests);
}

static void drain__at_the_end_brings_what_others_left(void **state)
{
    struct world *world = *state;
    struct service_stub service = {.requests = STRBUF(1000000)};
    struct peer *refused = peer_start(NULL, NULL);
    struct peer *peer = peer_start(service_stub, &service);

    world_connect(world, "TELEMETRY_API_URL", peer_url(refused), NULL);
    assert_int_equal(record_run(world->client, "left"), TEL_OK);
    world_disconnect(world);
    assert_int_equal(world_count_waiting(world), 2);
    world_connect(world, "TELEMETRY_API_URL", peer_url(peer), NULL);
    assert_int_equal(record_run(world->client, "mine"), TEL_OK);
    world_disconnect(world);
    assert_int_equal(world_count_waiting(world), 0);
    peer_stop(peer);
    peer_stop(refused);
    assert_non_null(
        strstr(service.requests.text, "[{\"record_type\":\"run\",\"event_id\":\"left\""));
    strbuf_clear(&service.requests);
}

static void drain__of_a_client_that_did_nothing_asks_nobody(void **state)
{
    struct world *world = *state;
    struct service_stub service = {.requests = STRBUF(1000000)};
    struct peer *refused = peer_start(NULL, NULL);
    struct peer *peer = peer_start(service_stub, &service);

    world_connect(world, "TELEMETRY_API_URL", peer_url(refused), NULL);
    assert_int_equal(record_run(world->client, "left"), TEL_OK);
    world_connect(world, "TELEMETRY_API_URL", peer_url(peer), NULL);
    world_disconnect(world);
    assert_int_equal(peer_connections(peer), 0);
    assert_int_equal(world_count_waiting(world), 2);
    peer_stop(peer);
    peer_stop(refused);
}

static void drain__that_fails_is_not_tried_with_every_call(void **state)
{
    struct world *world = *state;
    struct service_stub service = {.is_away = true, .requests = STRBUF(1000000)};
    struct peer *peer = peer_start(service_stub, &service);

    world_connect(world, "TELEMETRY_API_URL", peer_url(peer), NULL);
    assert_int_equal(record_run(world->client, "missed"), TEL_OK);
    service.hates_batches = true;
    service.is_away = false;
    wait_for_the_breaker();
    for (int i = 0; i < 10; i++)
        assert_int_equal(record_run(world->client, NULL), TEL_OK);
    assert_int_equal(world_count_waiting(world), 2); /* the live ones do not suffer */
    service.hates_batches = false;
    world_disconnect(world);
    assert_int_equal(world_count_waiting(world), 0);
    peer_stop(peer);
    assert_in_range(count_of(service.requests.text, "POST /api/v1/runs/batch "), 2, 5);
    strbuf_clear(&service.requests);
}

static void drain__of_an_embedded_client_goes_into_the_database(void **state)
{
    struct world *world = *state;
    struct peer *refused = peer_start(NULL, NULL);
    CLEANUP(record_clear) struct tel_record stored = RECORD();

    world_connect(world, "TELEMETRY_API_URL", peer_url(refused), NULL);
    assert_int_equal(record_run(world->client, "left"), TEL_OK);
    world_connect(world, "TELEMETRY_MODE", "embedded", NULL);
    assert_int_equal(record_run(world->client, "mine"), TEL_OK);
    world_disconnect(world);
    assert_int_equal(world_count_waiting(world), 0);
    assert_int_equal(world_stored(world, "left", &stored), TEL_OK);
    assert_string_equal(stored.fields.status, "success");
    peer_stop(refused);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(drain__brings_what_was_buffered_once_the_service_answers_again),
        TEST(drain__is_not_asked_for_while_the_service_is_known_to_be_away),
        TEST(drain__at_the_end_brings_what_others_left),
        TEST(drain__of_a_client_that_did_nothing_asks_nobody),
        TEST(drain__that_fails_is_not_tried_with_every_call),
        TEST(drain__of_an_embedded_client_goes_into_the_database),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
