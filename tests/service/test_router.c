/* SPDX-License-Identifier: MIT */
#include "support/cmocka_all.h"

#include <string.h>

#include "service/router.h"

static bool matches(const char *path, const char *pattern, const char *expected)
{
    struct target target = {0};
    const char *argument = NULL;
    bool result;

    assert_int_equal(target_parse(&target, path, NULL), TEL_OK);
    result = router_path_matches(&target, pattern, &argument);
    if (result && expected)
        assert_string_equal(argument, expected);
    target_clear(&target);
    return result;
}

static void router_path_matches__wants_every_segment(void **state)
{
    (void)state;
    assert_true(matches("/api/v1/runs", "/api/v1/runs", NULL));
    assert_true(matches("/%61pi/v1/runs?x=1", "/api/v1/runs", NULL));
    assert_false(matches("/api/v1", "/api/v1/runs", NULL));
    assert_false(matches("/api/v1/runs/", "/api/v1/runs", NULL));
    assert_false(matches("/api/v1/runsx", "/api/v1/runs", NULL));
    assert_false(matches("/api/v1/run", "/api/v1/runs", NULL));
    assert_false(matches("//api/v1/runs", "/api/v1/runs", NULL));
    assert_false(matches("/api%2fv1/runs", "/api/v1/runs", NULL));
    assert_false(matches("/1/2/3/4/5/6/7/8/9", "/1/2/3/4/5/6/7/8", NULL));
    assert_false(matches("*", "/health", NULL));
}

static void router_path_matches__takes_anything_but_nothing_for_braces(void **state)
{
    (void)state;
    assert_true(matches("/runs/a%2Fb", "/runs/{event_id}", "a/b"));
    assert_true(matches("/runs/x/tree", "/runs/{event_id}/tree", "x"));
    assert_false(matches("/runs/", "/runs/{event_id}", NULL));
    assert_false(matches("/runs", "/runs/{event_id}", NULL));
    assert_false(matches("/runs/x", "/runs/{event_id}/tree", NULL));
}

/* A service that nobody has to authenticate to, on a loopback address. */
static const struct service open_service = {
    .visitors = {.bound_hosts = "127.0.0.1", .own_name = "box", .is_loopback = true},
};

/* Return the status with which a request is refused, 0 when it is let in. */
static int refusal(const struct service *service, enum method method, const char *path,
                   const char *authorization)
{
    struct exchange exchange;
    int status;

    exchange_init(&exchange, 1000);
    exchange.request.method = method;
    exchange.request.headers.host = "localhost";
    exchange.request.headers.authorization = authorization;
    assert_int_equal(target_parse(&exchange.request.target, path, NULL), TEL_OK);
    status = router_admit((void *)service, &exchange) ? 0 : exchange.answer.status;
    exchange_clear(&exchange);
    return status;
}

static void router_admit__finds_what_is_there(void **state)
{
    const struct service *service = &open_service;

    (void)state;
    assert_int_equal(refusal(service, METHOD_GET, "/health", NULL), 0);
    assert_int_equal(refusal(service, METHOD_HEAD, "/health", NULL), 0);
    assert_int_equal(refusal(service, METHOD_POST, "/api/v1/runs", NULL), 0);
    assert_int_equal(refusal(service, METHOD_PATCH, "/api/v1/runs/x", NULL), 0);
    assert_int_equal(refusal(service, METHOD_PATCH, "/api/v1/runs", NULL), 405);
    assert_int_equal(refusal(service, METHOD_OTHER, "/health", NULL), 405);
    assert_int_equal(refusal(service, METHOD_OPTIONS, "/health", NULL), 204);
    assert_int_equal(refusal(service, METHOD_GET, "/nope", NULL), 404);
    assert_int_equal(refusal(service, METHOD_OPTIONS, "/nope", NULL), 404);
}

static void router_admit__asks_for_the_token_before_it_looks(void **state)
{
    struct service service = open_service;

    (void)state;
    service.auth = AUTH();
    service.auth.is_on = true;
    auth_set_token(&service.auth, strdup("secret"));
    service.reads_need_token = true;
    assert_int_equal(refusal(&service, METHOD_GET, "/nope", NULL), 401);
    assert_int_equal(refusal(&service, METHOD_OTHER, "/health", NULL), 401);
    assert_int_equal(refusal(&service, METHOD_GET, "/health", NULL), 0);
    assert_int_equal(refusal(&service, METHOD_GET, "/version", "Bearer wrong"), 401);
    assert_int_equal(refusal(&service, METHOD_GET, "/version", "Bearer secret"), 0);
    assert_int_equal(refusal(&service, METHOD_GET, "/nope", "Bearer secret"), 404);
    service.reads_need_token = false;
    assert_int_equal(refusal(&service, METHOD_GET, "/version", NULL), 0);
    assert_int_equal(refusal(&service, METHOD_POST, "/api/v1/runs", NULL), 401);
    auth_set_token(&service.auth, strdup("other"));
    assert_int_equal(refusal(&service, METHOD_POST, "/api/v1/runs", "Bearer secret"), 401);
    assert_int_equal(refusal(&service, METHOD_POST, "/api/v1/runs", "Bearer other"), 0);
    auth_clear(&service.auth);
    assert_int_equal(refusal(&service, METHOD_POST, "/api/v1/runs", "Bearer other"), 401);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(router_path_matches__wants_every_segment),
        cmocka_unit_test(router_path_matches__takes_anything_but_nothing_for_braces),
        cmocka_unit_test(router_admit__finds_what_is_there),
        cmocka_unit_test(router_admit__asks_for_the_token_before_it_looks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
