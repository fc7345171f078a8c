/* SPDX-License-Identifier: MIT */
#include "service/router.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/strbuf.h"
#include "http/auth.h"
#include "http/rest.h"
#include "service/routes.h"

bool router_path_matches(const struct target *target, const char *pattern, const char **argument)
{
    size_t segment = 0;

    while (*pattern == '/') {
        const char *start = pattern + 1;
        size_t length = strcspn(start, "/");
        const char *given;

        if (segment == target->segment_count || segment == TARGET_SEGMENTS_MAX)
            return false;
        given = target->segments[segment++];
        if (*start == '{') {
            if (!*given)
                return false;
            if (argument)
                *argument = given;
        } else if (strlen(given) != length || memcmp(given, start, length) != 0) {
            return false;
        }
        pattern = start + length;
    }
    return segment == target->segment_count;
}

/* Find the route of a path and method (HEAD is answered like GET), and all methods of that path. */
static const struct route *find_route(struct request *request, unsigned *methods)
{
    enum method method = request->method == METHOD_HEAD ? METHOD_GET : request->method;
    const struct route *found = NULL;
    const char *path = NULL;

    *methods = 0;
    for (const struct route *route = routes; route->path; route++) {
        if (path ? strcmp(route->path, path) != 0
                 : !router_path_matches(&request->target, route->path, &request->path_argument))
            continue;
        path = route->path;
        *methods |= route->method;
        if (route->method == method)
            found = route;
    }
    return found;
}

static void write_allow(struct exchange *exchange, unsigned methods)
{
    CLEANUP(strbuf_clear) struct strbuf allow = STRBUF(100);

    if (methods & METHOD_GET)
        strbuf_puts(&allow, "GET, HEAD, ");
    if (methods & METHOD_POST)
        strbuf_puts(&allow, "POST, ");
    if (methods & METHOD_PATCH)
        strbuf_puts(&allow, "PATCH, ");
    strbuf_puts(&allow, "OPTIONS");
    if (strbuf_failed(&allow))
        answer_unavailable(exchange, "out of memory");
    else
        answer_header(exchange, "Allow", allow.text);
}

static bool is_read(const struct request *request)
{
    return request->method & (METHOD_GET | METHOD_HEAD | METHOD_OPTIONS);
}

/* Only what is spelled exactly so: nobody shall have to wonder what else a decoder makes of it. */
static bool is_free(const struct request *request)
{
    return request->route && request->route->is_open && !request->target.is_escaped;
}

static bool needs_token(const struct service *service, const struct request *request)
{
    if (!service->auth.is_on || is_free(request))
        return false;
    return service->reads_need_token || !is_read(request);
}

void router_greet(void *arg, struct exchange *exchange)
{
    const struct service *service = arg;

    if (service->limiter)
        exchange->quota =
            rate_limiter_look(service->limiter, &exchange->request.client, clock_monotonic_ms());
}

/* Count the request. false: it is one too many, and answered. */
static bool is_within_rate(const struct service *service, struct exchange *exchange)
{
    char seconds[16];

    if (!service->limiter || is_free(&exchange->request))
        return true;
    exchange->quota =
        rate_limiter_take(service->limiter, &exchange->request.client, clock_monotonic_ms());
    if (!exchange->quota.is_exceeded)
        return true;
    answer_detail(exchange, 429, "more than %u requests in 60 seconds: wait %u seconds",
                  exchange->quota.limit, exchange->quota.retry_after_s);
    (void)snprintf(seconds, sizeof seconds, "%u", exchange->quota.retry_after_s);
    answer_header(exchange, "Retry-After", seconds);
    return false;
}

bool router_admit(void *arg, struct exchange *exchange)
{
    struct service *service = arg;
    struct request *request = &exchange->request;
    const struct request_headers *headers = &request->headers;
    unsigned methods;

    request->route = find_route(request, &methods);
    if (!visitor_host_is_allowed(&service->visitors, headers->host)) {
        answer_detail(exchange, 421,
                      "this service is not \"%.100s\": ask it as localhost, or add the name to "
                      "TELEMETRY_API_ALLOWED_HOSTS",
                      headers->host);
    } else if (!is_within_rate(service, exchange)) {
        return false;
    } else if (needs_token(service, request) &&
               !auth_admits(&service->auth, headers->authorization)) {
        answer_detail(exchange, 401, "a valid bearer token is needed");
        answer_header(exchange, "WWW-Authenticate", "Bearer");
    } else if (!methods) {
        answer_detail(exchange, 404, "there is nothing at this path");
    } else if (request->method == METHOD_OPTIONS) {
        (void)answer_json(exchange, 204);
        write_allow(exchange, methods);
    } else if (!request->route) {
        answer_detail(exchange, 405, "this path does not take that method");
        write_allow(exchange, methods);
    } else if (!is_read(request) && !visitor_origin_is_allowed(headers->host, headers->origin,
                                                               headers->sec_fetch_site)) {
        answer_detail(exchange, 403, "a page of another site must not write here");
    } else {
        return true;
    }
    return false;
}

void router_handle(void *service, struct exchange *exchange)
{
    if (!exchange->request.route->is_short)
        rest_now();
    exchange->request.route->handler(service, exchange);
}
