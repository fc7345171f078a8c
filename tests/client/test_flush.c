/* SPDX-License-Identifier: MIT
 *
 * Waiting until the buffer is empty.
 */
#include "support/cmocka_all.h"

#include <pthread.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "support/client_world.h"
#include "support/peer.h"
#include "support/scratch.h"
#include "support/service_stub.h"

#define PATIENCE_MS 60000

static void flush__of_nothing_is_done_at_once(void **state)
{
    struct world *world = *state;
    struct peer *refused = peer_start(NULL, NULL);

    world_connect(world, "TELEMETRY_API_URL", peer_url(refused), NULL);
    assert_int_equal(tel_client_flush(world->client, 0, NULL), TEL_OK);
    peer_stop(refused);
}

static void flush__delivers_at_once_what_the_breaker_would_keep_waiting(void **state)
{
    struct world *world = *state;
    struct service_stub service = {.is_away = true, .requests = STRBUF(1000000)};
    struct peer *peer = peer_start(service_stub, &service);

    world_connect(world, "TELEMETRY_API_URL", peer_url(peer), NULL);
    assert_int_equal(record_run(world->client, "one"), TEL_OK);
    service.is_away = false;
    assert_int_equal(tel_client_flush(world->client, PATIENCE_MS, NULL), TEL_OK);
    assert_int_equal(world_count(world, ".synced"), 2);
    assert_int_equal(world_count_waiting(world), 0);
    peer_stop(peer);
    strbuf_clear(&service.requests);
}

static void flush__says_what_is_left_and_why_when_the_deadline_passes(void **state)
{
    struct world *world = *state;
    struct peer *refused = peer_start(NULL, NULL);
    int64_t begun_ms;
    tel_fault fault = {0};

    world_connect(world, "TELEMETRY_API_URL", peer_url(refused), NULL);
    assert_int_equal(record_run(world->client, "one"), TEL_OK);
    begun_ms = clock_monotonic_ms();
    assert_int_equal(tel_client_flush(world->client, 50, &fault), TEL_E_UNAVAILABLE);
    assert_true(clock_monotonic_ms() - begun_ms >= 50);
    assert_int_equal(fault.code, TEL_E_UNAVAILABLE);
    assert_non_null(strstr(fault.text, "1 files ("));
    assert_non_null(strstr(fault.text, "/base/buffer are left: cannot reach"));
    assert_int_equal(world_count(world, ".ready"), 2);
    peer_stop(refused);
}

static void *come_back(void *arg)
{
    struct service_stub *service = arg;

    deadline_sleep(deadline_in(100), 100);
    service->is_away = false;
    return NULL;
}

static void flush__waits_for_a_service_that_comes_back(void **state)
{
    struct world *world = *state;
    struct service_stub service = {.is_away = true, .requests = STRBUF(1000000)};
    struct peer *peer = peer_start(service_stub, &service);
    pthread_t thread;

    world_connect(world, "TELEMETRY_API_URL", peer_url(peer), NULL);
    assert_int_equal(record_run(world->client, "one"), TEL_OK);
    assert_int_equal(pthread_create(&thread, NULL, come_back, &service), 0);
    assert_int_equal(tel_client_flush(world->client, PATIENCE_MS, NULL), TEL_OK);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(world_count(world, ".synced"), 2);
    peer_stop(peer);
    strbuf_clear(&service.requests);
}

static void flush__is_not_fooled_by_an_update_whose_run_never_came(void **state)
{
    struct world *world = *state;
    CLEANUP(freep) char *path = NULL;
    tel_fault fault = {0};

    world_connect(world, "TELEMETRY_MODE", "embedded", NULL);
    path = scratch_path(world->scratch, "base/buffer/telemetry_20260101_000000.jsonl.ready");
    scratch_write(path, "{\"record_type\":\"update\",\"event_id\":\"none\",\"items_failed\":1,"
                        "\"buffered_at\":\"2999-01-01T00:00:00Z\"}\n");
    assert_int_equal(tel_client_flush(world->client, 100, &fault), TEL_E_UNAVAILABLE);
    assert_int_equal(world_count(world, ".ready"), 1);
}

static void flush__in_mock_mode_has_nobody_to_deliver_to(void **state)
{
    struct world *world = *state;

    world_connect(world, "TELEMETRY_TEST_MODE", "mock", NULL);
    assert_int_equal(tel_client_flush(world->client, PATIENCE_MS, NULL), TEL_OK);
    assert_int_equal(record_run(world->client, "one"), TEL_OK);
    assert_int_equal(tel_client_flush(world->client, PATIENCE_MS, NULL), TEL_E_UNAVAILABLE);
}

static void *flush_it(void *arg)
{
    return tel_client_flush(arg, PATIENCE_MS, NULL) ? arg : NULL;
}

static void flush__may_be_called_by_many_threads(void **state)
{
    struct world *world = *state;
    struct peer *refused = peer_start(NULL, NULL);
    pthread_t threads[4];
    void *failed;

    world_connect(world, "TELEMETRY_API_URL", peer_url(refused), NULL);
    assert_int_equal(record_run(world->client, "one"), TEL_OK);
    world_connect(world, "TELEMETRY_MODE", "embedded", NULL);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, flush_it, world->client), 0);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
    assert_int_equal(world_stored_count(world), 1);
    peer_stop(refused);
}

static void flush__refuses_times_that_make_no_sense(void **state)
{
    struct world *world = *state;
    tel_fault fault = {0};

    world_connect(world, "TELEMETRY_MODE", "embedded", NULL);
    assert_int_equal(tel_client_flush(NULL, 1, &fault), TEL_E_INVALID);
    assert_int_equal(tel_client_flush(world->client, -1, &fault), TEL_E_INVALID);
    assert_int_equal(tel_client_flush(world->client, INT64_MAX, &fault), TEL_E_INVALID);
    assert_non_null(strstr(fault.text, "from 0 to 86400000"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(flush__of_nothing_is_done_at_once),
        TEST(flush__delivers_at_once_what_the_breaker_would_keep_waiting),
        TEST(flush__says_what_is_left_and_why_when_the_deadline_passes),
        TEST(flush__waits_for_a_service_that_comes_back),
        TEST(flush__is_not_fooled_by_an_update_whose_run_never_came),
        TEST(flush__in_mock_mode_has_nobody_to_deliver_to),
        TEST(flush__may_be_called_by_many_threads),
        TEST(flush__refuses_times_that_make_no_sense),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
