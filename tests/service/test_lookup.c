/* SPDX-License-Identifier: MIT
 *
 * Requests that follow each other on one thread, and what others can do between them.
 */
#include "support/cmocka_all.h"

#include <sched.h>

#include "base/cleanup.h"
#include "http/rest.h"
#include "service/router.h"
#include "store/sqlite.h"
#include "support/database.h"
#include "support/slow_job.h"

#define MINUTE_MS 60000

static struct service start(struct fixture *fixture)
{
    struct service service = {
        .visitors = {.bound_hosts = "127.0.0.1", .own_name = "box", .is_loopback = true},
        .logger = {.level = TEL_LOG_ERROR + 1},
        .database = fixture->path,
        .buffer_directory = fixture->directory,
    };
    struct store *store = fixture_open(fixture);

    (void)create_run(store, "e1", TEL_SUCCESS);
    assert_int_equal(writer_start(&service.writer, steal(&fixture->store), &service.logger, NULL),
                     TEL_OK);
    assert_int_equal(reader_new(&service.reader, &fixture->options, 1, NULL), TEL_OK);
    assert_int_equal(reader_take(service.reader, &store, NULL), TEL_OK);
    store->hold_ms = MINUTE_MS; /* no turn is over in the time of a test */
    reader_give(service.reader, store, TEL_OK);
    rest_before_waiting();
    return service;
}

static void end(struct service *service)
{
    rest_now();
    reader_free(service->reader);
    writer_stop(service->writer);
    writer_free(service->writer);
}

static void ask(struct service *service, const char *path, int status)
{
    struct exchange exchange;

    exchange_init(&exchange, 10000);
    exchange.request.method = METHOD_GET;
    exchange.request.headers.host = "localhost";
    assert_int_equal(target_parse(&exchange.request.target, path, NULL), TEL_OK);
    assert_true(router_admit(service, &exchange));
    router_handle(service, &exchange);
    assert_int_equal(exchange.answer.status, status);
    exchange_clear(&exchange);
}

static void lookups__that_follow_each_other_share_a_transaction(void **state)
{
    static const struct {
        const char *path;
        int status;
    } lookups[] = {
        {"/api/v1/runs/e1", 200},
        {"/api/v1/runs/none", 404},
        {"/api/v1/runs/e1/commit-url", 200},
        {"/api/v1/runs/e1/repo-url", 200},
        {"/api/v1/runs/e1", 200},
    };
    struct fixture *fixture = *state;
    struct service service = start(fixture);

    for (size_t i = 0; i < sizeof lookups / sizeof *lookups; i++) {
        ask(&service, lookups[i].path, lookups[i].status);
        assert_int_equal(other_can_commit(fixture->path), i == 0);
    }
    rest_now();
    assert_true(other_can_commit(fixture->path));
    end(&service);
}

static void lookups__let_go_before_any_other_request(void **state)
{
    static const char *const others[] = {
        "/health",
        "/version",
        "/metrics",
        "/openapi.json",
        "/docs",
        "/api/v1/metadata",
        "/api/v1/runs",
        "/api/v1/metadata/agent_name",
        "/api/v1/runs/e1/tree",
    };
    struct fixture *fixture = *state;
    struct service service = start(fixture);

    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        ask(&service, "/api/v1/runs/e1", 200);
        ask(&service, "/api/v1/runs/e1", 200);
        assert_false(other_can_commit(fixture->path));
        ask(&service, others[i], 200);
        assert_true(other_can_commit(fixture->path));
    }
    end(&service);
}

static void lookups__hold_nobody_up_while_the_writer_is_busy(void **state)
{
    struct fixture *fixture = *state;
    struct service service = start(fixture);
    struct slow_job slow;

    slow_job_init(&slow, 2);
    assert_int_equal(writer_submit(service.writer, &slow.job, NULL), TEL_OK);
    while (!atomic_load(&slow.at_gate))
        (void)sched_yield();
    for (int i = 0; i < 3; i++) {
        ask(&service, "/api/v1/runs/event-2", 200);
        assert_true(other_can_commit(fixture->path));
    }
    pthread_mutex_unlock(&slow.gate);
    while (writer_is_busy(service.writer))
        (void)sched_yield();
    ask(&service, "/api/v1/runs/event-2", 200);
    assert_false(other_can_commit(fixture->path));
    end(&service);
    record_clear(&slow.record);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(lookups__that_follow_each_other_share_a_transaction),
        TEST(lookups__let_go_before_any_other_request),
        TEST(lookups__hold_nobody_up_while_the_writer_is_busy),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
