/* SPDX-License-Identifier: MIT
 *
 * Requests with the n-th allocation failing, for each n until none does: the answer is the whole one, or
 * says that it is none.
 */
#include "support/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "http/rest.h"
#include "service/router.h"
#include "support/database.h"
#include "support/nomem.h"

#define AT_MOST 1000 /* allocations are let fail in one after the other, else some of them */

struct asked {
    enum method method; /* 0: GET */
    const char *path;
    const char *body;
    int status;
    bool changes; /* it may read otherwise the next time, or say itself that there was no memory */
    const char *accept;
};

static const struct asked all[] = {
    {.path = "/health", .status = 200},
    {.path = "/version", .status = 200},
    {.path = "/metrics", .status = 200, .changes = true},
    {.path = "/metrics", .status = 200, .changes = true, .accept = "text/plain"},
    {.path = "/openapi.json", .status = 200},
    {.path = "/docs", .status = 200},
    {.path = "/nothing", .status = 404},
    {.method = METHOD_OPTIONS, .path = "/health", .status = 204},
    {.path = "/api/v1/metadata", .status = 200},
    {.path = "/api/v1/metadata/agent_name", .status = 200},
    {.path = "/api/v1/metadata/nothing", .status = 404},
    {.path = "/api/v1/runs?limit=1&status=success&status=running", .status = 200},
    {.path = "/api/v1/runs?limit=x&created_after=x", .status = 422},
    {.path = "/api/v1/runs?created_after=2025-01-01T00:00:00+02:00", .status = 200},
    {.path = "/api/v1/runs?cursor=x", .status = 400},
    {.path = "/api/v1/runs/root", .status = 200},
    {.path = "/api/v1/runs/nothing", .status = 404},
    {.path = "/api/v1/runs/root/tree", .status = 200},
    {.path = "/api/v1/runs/root/commit-url", .status = 200},
    {.path = "/api/v1/runs/root/repo-url", .status = 200},
    /* Of writes only those that never come to the writer: it answers on a thread of its own. */
    {.method = METHOD_POST,
     .path = "/api/v1/runs",
     .body = "{\"event_id\": 1, \"run_id\": []}",
     .status = 422},
    {.method = METHOD_POST, .path = "/api/v1/runs", .body = "{", .status = 400},
    {.method = METHOD_POST,
     .path = "/api/v1/runs/batch",
     .body = "{\"runs\": [{\"event_id\": \"a\"}, {}]}",
     .status = 201,
     .changes = true},
    {.method = METHOD_POST, .path = "/api/v1/runs/batch", .body = "{}", .status = 422},
    {.method = METHOD_PATCH, .path = "/api/v1/runs/root", .body = "{\"status\": 1}", .status = 422},
    {.method = METHOD_POST,
     .path = "/api/v1/runs/root/associate-commit",
     .body = "{\"commit_hash\": 1}",
     .status = 422},
};

static void prepare(struct exchange *exchange, const struct asked *asked)
{
    exchange_init(exchange, 10000);
    exchange->request.method = asked->method ? asked->method : METHOD_GET;
    exchange->request.headers.host = "localhost";
    exchange->request.headers.accept = asked->accept;
    assert_int_equal(target_parse(&exchange->request.target, asked->path, NULL), TEL_OK);
    if (asked->body)
        strbuf_puts(&exchange->request.body, asked->body);
}

static void answer(struct service *service, struct exchange *exchange)
{
    if (router_admit(service, exchange))
        router_handle(service, exchange);
}

static void assert_is_whole(const struct answer *given, const struct answer *whole, bool changes)
{
    assert_int_equal(given->status, whole->status);
    assert_int_equal(given->header_count, whole->header_count);
    for (size_t i = 0; i < whole->header_count; i++)
        assert_string_equal(given->headers[i].value, whole->headers[i].value);
    if (!changes && whole->body.length)
        assert_string_equal(given->body.text, whole->body.text);
}

/* Return how many allocations failed, one after the other. */
static long ask_with_each_failing(struct service *service, const struct asked *asked)
{
    struct exchange whole;
    long failed = 0;
    long made = 1;

    prepare(&whole, asked);
    answer(service, &whole);
    assert_int_equal(whole.answer.status, asked->status);
    for (long n = 1; n <= made; n += 1 + made / AT_MOST) {
        struct exchange exchange;
        struct answer *given = &exchange.answer;

        prepare(&exchange, asked);
        nomem_arm(n, n);
        answer(service, &exchange);
        made = nomem_disarm();
        failed++;
        /* A body that failed is sent as 500. */
        if (!strbuf_failed(&given->body) && given->status != 500 && given->status != 503)
            assert_is_whole(given, &whole.answer, asked->changes);
        exchange_clear(&exchange);
    }
    exchange_clear(&whole);
    return failed;
}

static void make_runs(struct fixture *fixture)
{
    struct store *store = fixture_open(fixture);
    static const char *const names[] = {"root", "child", "another"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct tel_record run = RECORD();

        make_run(&run, names[i], "success");
        assert_int_equal(record_set_text(&run, FIELD_git_repo, "https://github.com/a/b", NULL),
                         TEL_OK);
        if (i)
            assert_int_equal(record_set_text(&run, FIELD_parent_run_id, "root", NULL), TEL_OK);
        assert_int_equal(apply_write(store, WRITE_CREATE, &run), WRITE_CREATED);
        record_clear(&run);
    }
}

static void requests__are_answered_whole_or_not_whatever_allocation_fails(void **state)
{
    struct fixture *fixture = *state;
    struct service service = {
        .visitors = {.bound_hosts = "127.0.0.1", .own_name = "box", .is_loopback = true},
        .logger = {.level = TEL_LOG_ERROR + 1},
        .database = fixture->path,
        .buffer_directory = fixture->directory,
    };
    long failed = 0;

    if (!MALLOC_MAY_BE_OURS)
        skip();
    make_runs(fixture);
    assert_int_equal(writer_start(&service.writer, steal(&fixture->store), &service.logger, NULL),
                     TEL_OK);
    assert_int_equal(reader_new(&service.reader, &fixture->options, 1, NULL), TEL_OK);
    rest_before_waiting(); /* this thread may keep what it reads by */
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        failed += ask_with_each_failing(&service, &all[i]);
    assert_true(failed > 1000);
    rest_now();
    reader_free(service.reader);
    writer_stop(service.writer);
    writer_free(service.writer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            requests__are_answered_whole_or_not_whatever_allocation_fails, fixture_setup,
            fixture_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
