/* SPDX-License-Identifier: MIT
 *
 * libmicrohttpd calls visit_on_request() again and again for one request: when its headers are there,
 * for each piece of its body, when all of it is there, and once more after it was suspended. What is
 * refused is refused at the first call, before any of its body is taken in.
 */
#include "http/server_visit.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "http/server_caller.h"
#include "http/gzip.h"
#include "http/request_log.h"
#include "http/rest.h"
#include "http/server_send.h"
#include "http/server_shape.h"

struct visit {
    struct exchange exchange; /* first, so that one is the other */
    struct visits *visits;
    struct MHD_Connection *connection;
    struct caller *caller;
    char *uri; /* as it came */
    struct request_story story;
    bool began;     /* the headers were seen */
    bool handled;   /* the handler was called */
    bool suspended; /* ... and put the answer off */
};

/* ---- Answers --------------------------------------------------------------------------------- */

static enum MHD_Result answer(struct visit *visit)
{
    if (atomic_load(&visit->visits->quiescing) || peer_is_surplus(visit->caller->peer))
        visit->exchange.answer.close = true;
    visit->story.answered_ms = clock_monotonic_ms();
    peer_note_sending(visit->caller->peer);
    return send_answer(visit->connection, &visit->exchange);
}

/* Answer when only the headers are there. What follows them is not read: the connection closes. */
static enum MHD_Result refuse(struct visit *visit)
{
    rest_now();
    if (framing_has_body(&visit->exchange.request.headers))
        visit->exchange.answer.close = true;
    if (visit->exchange.answer.close)
        caller_linger(visit->caller);
    return answer(visit);
}

/* Answer in the middle of a request, and end the connection. */
static enum MHD_Result break_off(struct visit *visit)
{
    visit->story.answered_ms = clock_monotonic_ms();
    caller_linger(visit->caller);
    send_at_once(peer_fd(visit->caller->peer), &visit->exchange);
    return MHD_NO;
}

static void answer_too_large(struct visit *visit)
{
    answer_detail(&visit->exchange, 413, "the body must be at most %zu bytes",
                  visit->visits->options->body_bytes_max);
}

/* ---- The request, step by step --------------------------------------------------------------- */

static enum method parse_method(const char *name)
{
    static const struct {
        const char *name;
        enum method method;
    } methods[] = {
        {"GET", METHOD_GET},     {"HEAD", METHOD_HEAD},       {"POST", METHOD_POST},
        {"PATCH", METHOD_PATCH}, {"OPTIONS", METHOD_OPTIONS},
    };

    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        if (strcmp(methods[i].name, name) == 0)
            return methods[i].method;
    }
    return METHOD_OTHER;
}

/* Find what keeps a request of sound shape from being taken in. true: nothing does. */
static bool admit(struct visit *visit)
{
    const struct server_options *options = visit->visits->options;
    struct exchange *exchange = &visit->exchange;
    const struct request_headers *headers = &exchange->request.headers;
    const char *encoding = headers->content_encoding;

    if (peer_is_surplus(visit->caller->peer)) {
        answer_unavailable(exchange, "there are too many connections");
    } else if (!options->admit(options->arg, exchange)) {
        return false;
    } else if (framing_exceeds(headers, options->body_bytes_max)) {
        answer_too_large(visit);
    } else if (framing_has_body(headers) && encoding && !gzip_is_named(encoding) &&
               strcasecmp(encoding, "identity") != 0) {
        answer_detail(exchange, 415, "the only Content-Encoding that is taken is gzip");
        answer_header(exchange, "Accept-Encoding", "gzip");
    } else {
        return true;
    }
    return false;
}

/* From here on it is one of those that are worked on, and has its name. */
static void start(struct visit *visit)
{
    struct request *request = &visit->exchange.request;

    visit->began = true;
    visit->story.began_ms = clock_monotonic_ms();
    visits_begin(visit->visits);
    request->client = *peer_address(visit->caller->peer);
    request_id_choose(request->id, request->headers.request_id);
    visit->visits->options->greet(visit->visits->options->arg, &visit->exchange);
}

/* The first call for a request: only its headers are there. */
static enum MHD_Result begin(struct visit *visit, const char *method, const char *version)
{
    struct exchange *exchange = &visit->exchange;
    struct shape shape;

    shape_read(&shape, &exchange->request.headers, visit->connection, method, visit->uri, version);
    exchange->request.method = parse_method(method);
    start(visit);
    if (shape_check(&shape, exchange, visit->uri, visit->visits->options->header_bytes_max) &&
        admit(visit))
        return MHD_YES;
    return refuse(visit);
}

static enum MHD_Result take_body(struct visit *visit, const char *bytes, size_t count)
{
    struct strbuf *body = &visit->exchange.request.body;

    strbuf_append(body, bytes, count);
    if (!strbuf_failed(body))
        return MHD_YES;
    if (body->too_large)
        answer_too_large(visit);
    else
        answer_unavailable(&visit->exchange, "out of memory");
    return break_off(visit);
}

/* Replace the body by what is packed in it. false: that cannot be, and is answered. */
static bool unpack_body(struct visit *visit)
{
    struct strbuf *body = &visit->exchange.request.body;
    CLEANUP(strbuf_clear) struct strbuf packed = *body;
    tel_fault fault;

    *body = STRBUF(packed.max);
    switch (gzip_unpack(body, packed.text, packed.length, &fault)) {
    case TEL_OK:
        return true;
    case TEL_E_INVALID:
        answer_detail(&visit->exchange, 400, "the body is not what its Content-Encoding says: %s",
                      fault.text);
        return false;
    case TEL_E_TOO_LARGE:
        answer_too_large(visit);
        return false;
    default:
        answer_unavailable(&visit->exchange, fault.text);
        return false;
    }
}

/* All of it is there. */
static enum MHD_Result handle(struct visit *visit)
{
    const struct server_options *options = visit->visits->options;

    visit->handled = true;
    peer_note_handling(visit->caller->peer);
    if (visit->exchange.request.body.length &&
        gzip_is_named(visit->exchange.request.headers.content_encoding) && !unpack_body(visit))
        return answer(visit);
    visit->story.handled_ms = clock_monotonic_ms();
    options->handle(options->arg, &visit->exchange);
    return visit->suspended ? MHD_YES : answer(visit);
}

enum MHD_Result visit_on_request(void *arg, struct MHD_Connection *connection, const char *url,
                                 const char *method, const char *version, const char *bytes,
                                 size_t *count, void **context)
{
    struct visit *visit = *context;
    size_t taken = *count;

    (void)arg;
    (void)connection;
    (void)url;
    if (!visit)
        return MHD_NO; /* out of memory in visit_on_uri() */
    if (!visit->began)
        return begin(visit, method, version);
    if (taken) {
        *count = 0;
        return take_body(visit, bytes, taken);
    }
    return visit->handled ? answer(visit) : handle(visit);
}

/* ---- Beginning and end ----------------------------------------------------------------------- */

static void visit_free(struct visit *visit)
{
    exchange_clear(&visit->exchange);
    free(visit->uri);
    free(visit);
}

static struct visit *visit_new(struct caller *caller, struct MHD_Connection *connection,
                               const char *uri)
{
    struct visit *visit = calloc(1, sizeof *visit);

    if (!visit)
        return NULL;
    exchange_init(&visit->exchange, caller->visits->options->body_bytes_max);
    visit->visits = caller->visits;
    visit->connection = connection;
    visit->caller = caller;
    visit->uri = strdup(uri);
    if (!visit->uri) {
        visit_free(visit);
        return NULL;
    }
    return visit;
}

static void visit_end(struct visit *visit)
{
    struct visits *visits = visit->visits;

    if (visit->began) {
        visit->story.target = visit->uri;
        visit->story.has_ended_early = peer_has_ended(visit->caller->peer);
        request_log(visits->options->logger, &visit->exchange, &visit->story);
        visits_end(visits);
    }
    visit_free(visit);
}

/* The request line was read: the only place where the target is seen as it came. */
void *visit_on_uri(void *arg, const char *uri, struct MHD_Connection *connection)
{
    struct caller *caller = caller_of(connection);

    (void)arg;
    if (!caller)
        return NULL;
    caller->visit = visit_new(caller, connection, uri);
    if (caller->visit)
        peer_note_receiving(caller->peer);
    return caller->visit;
}

void visit_on_completed(void *arg, struct MHD_Connection *connection, void **context,
                        enum MHD_RequestTerminationCode code)
{
    struct visit *visit = *context;
    struct caller *caller;

    (void)arg;
    (void)connection;
    (void)code;
    if (!visit)
        return;
    *context = NULL;
    caller = visit->caller;
    caller->visit = NULL;
    visit_end(visit);
    peer_note_waiting(caller->peer);
}

enum MHD_Result visit_refuse(struct MHD_Connection *connection, unsigned status)
{
    struct caller *caller = caller_of(connection);
    struct visit *unknown = NULL; /* of which not even the request line could be read */
    struct visit *visit;

    if (!caller)
        return MHD_NO;
    if (!caller->visit)
        unknown = visit_new(caller, connection, "");
    visit = unknown ? unknown : caller->visit;
    if (!visit)
        return MHD_NO;
    if (!visit->began)
        start(visit);
    if (status == 413)
        answer_too_large(visit);
    else
        answer_detail(&visit->exchange, (int)status, "%s", shape_reason(status));
    (void)break_off(visit);
    if (unknown)
        visit_end(unknown);
    return MHD_NO;
}

bool server_is_alone(const struct exchange *exchange)
{
    return peers_count(((const struct visit *)exchange)->visits->peers) == 1;
}

void server_suspend(struct exchange *exchange)
{
    struct visit *visit = (struct visit *)exchange;

    visit->suspended = true;
    MHD_suspend_connection(visit->connection);
}

void server_resume(struct exchange *exchange)
{
    struct visit *visit = (struct visit *)exchange;

    if (visit->suspended)
        MHD_resume_connection(visit->connection);
}
