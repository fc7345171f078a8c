/* SPDX-License-Identifier: MIT
 *
 * libmicrohttpd calls visit_on_request() again and again for one request: when its headers are there,
 * for each piece of its body, when all of it is there, and once more after it was suspended. What is
 * refused is refused at the first call, before any of its body is taken in.
 */
#include "daemon/server_visit.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "daemon/server_caller.h"
#include "daemon/framing.h"
#include "daemon/header_block.h"
#include "daemon/server_send.h"

struct visit {
    struct exchange exchange; /* first, so that one is the other */
    struct visits *visits;
    struct MHD_Connection *connection;
    struct caller *caller;
    char *uri; /* as it came */
    int64_t began_ms;
    bool began;     /* the headers were seen */
    bool handled;   /* the handler was called */
    bool suspended; /* ... and put the answer off */
};

/* ---- Answers --------------------------------------------------------------------------------- */

static enum MHD_Result answer(struct visit *visit)
{
    if (atomic_load(&visit->visits->quiescing) || peer_is_surplus(visit->caller->peer))
        visit->exchange.answer.close = true;
    peers_note_sending(visit->visits->peers, visit->caller->peer);
    return send_answer(visit->connection, &visit->exchange);
}

/* Answer when only the headers are there. What follows them is not read: the connection closes. */
static enum MHD_Result refuse(struct visit *visit, const struct framing *framing)
{
    if (framing_has_body(framing))
        visit->exchange.answer.close = true;
    if (visit->exchange.answer.close)
        caller_linger(visit->caller);
    return answer(visit);
}

/* Answer in the middle of the body. */
static enum MHD_Result break_off(struct visit *visit)
{
    caller_linger(visit->caller);
    send_at_once(peer_fd(visit->caller->peer), &visit->exchange.answer);
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

struct header_scan {
    struct framing framing;
    struct request_headers *headers;
    struct header_block block;
};

static enum MHD_Result scan_header(void *arg, enum MHD_ValueKind kind, const char *name,
                                   size_t name_size, const char *value, size_t value_size)
{
    struct header_scan *scan = arg;

    (void)kind;
    (void)name_size;
    (void)value_size;
    if (!value)
        value = "";
    framing_add(&scan->framing, scan->headers, name, value);
    header_block_add(&scan->block, name, value);
    return MHD_YES;
}

static size_t scan_headers(struct header_scan *scan, struct visit *visit, const char *method,
                           const char *version)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(visit->connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    size_t size = info ? info->header_size : 0;

    scan->headers = &visit->exchange.request.headers;
    if (MHD_VERSION <= 0x00097500)
        header_block_init(&scan->block, method, strlen(visit->uri), version, size);
    (void)MHD_get_connection_values_n(visit->connection, MHD_HEADER_KIND, scan_header, scan);
    return size;
}

static void refuse_shape(struct visit *visit, int status, const char *reason)
{
    answer_detail(&visit->exchange, status, "%s", reason);
    visit->exchange.answer.close = true;
}

/* Is the request one that can be understood? If not, it is answered. */
static bool has_sound_shape(struct visit *visit, const struct header_scan *scan, size_t header_size)
{
    const struct server_options *options = visit->visits->options;
    const char *wrong = framing_fault(&scan->framing);
    tel_fault fault;

    if (!wrong && header_block_hides(&scan->block))
        wrong = "the request line and the headers must be whole lines without NUL";
    if (wrong)
        refuse_shape(visit, 400, wrong);
    else if (strlen(visit->uri) > SERVER_URL_BYTES_MAX)
        refuse_shape(visit, 414, "the URL is too long: at most 8 KiB are taken");
    else if (header_size > options->header_bytes_max)
        refuse_shape(visit, 431, "the request's headers are too large");
    else if (target_parse(&visit->exchange.request.target, visit->uri, &fault))
        refuse_shape(visit, fault.code == TEL_E_NOMEM ? 503 : 400, fault.text);
    else
        return true;
    return false;
}

/* The first call for a request: only its headers are there. */
static enum MHD_Result begin(struct visit *visit, const char *method, const char *version)
{
    struct visits *visits = visit->visits;
    const struct server_options *options = visits->options;
    struct header_scan scan = {0};
    size_t header_size = scan_headers(&scan, visit, method, version);

    visit->began = true;
    visit->began_ms = clock_monotonic_ms();
    visits_begin(visits);
    visit->exchange.request.method = parse_method(method);
    visit->exchange.request.client = *peer_address(visit->caller->peer);
    options->greet(options->arg, &visit->exchange);
    if (!has_sound_shape(visit, &scan, header_size))
        return refuse(visit, &scan.framing);
    if (peer_is_surplus(visit->caller->peer)) {
        answer_unavailable(&visit->exchange, "there are too many connections");
        return refuse(visit, &scan.framing);
    }
    if (!options->admit(options->arg, &visit->exchange))
        return refuse(visit, &scan.framing);
    if (framing_exceeds(&scan.framing, options->body_bytes_max)) {
        answer_too_large(visit);
        return refuse(visit, &scan.framing);
    }
    return MHD_YES;
}

static enum MHD_Result take_body(struct visit *visit, const char *bytes, size_t count)
{
    struct strbuf *body = &visit->exchange.request.body;

    if (count > body->max - body->length) {
        answer_too_large(visit);
        return break_off(visit);
    }
    strbuf_append(body, bytes, count);
    if (strbuf_failed(body)) {
        answer_unavailable(&visit->exchange, "out of memory");
        return break_off(visit);
    }
    return MHD_YES;
}

static enum MHD_Result handle(struct visit *visit)
{
    const struct server_options *options = visit->visits->options;

    visit->handled = true;
    peers_note_handling(visit->visits->peers, visit->caller->peer);
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

/* The request line was read: the only place where the target is seen as it came. */
void *visit_on_uri(void *arg, const char *uri, struct MHD_Connection *connection)
{
    struct visits *visits = arg;
    struct caller *caller = caller_of(connection);
    struct visit *visit = caller ? calloc(1, sizeof *visit) : NULL;

    if (!visit)
        return NULL;
    exchange_init(&visit->exchange, visits->options->body_bytes_max);
    visit->visits = visits;
    visit->connection = connection;
    visit->caller = caller;
    visit->uri = strdup(uri);
    if (!visit->uri) {
        visit_free(visit);
        return NULL;
    }
    peers_note_receiving(visits->peers, caller->peer);
    return visit;
}

static const char *method_name(enum method method)
{
    switch (method) {
    case METHOD_GET:
        return "GET";
    case METHOD_HEAD:
        return "HEAD";
    case METHOD_POST:
        return "POST";
    case METHOD_PATCH:
        return "PATCH";
    case METHOD_OPTIONS:
        return "OPTIONS";
    default:
        return "OTHER";
    }
}

static void log_visit(const struct visit *visit)
{
    const struct logger *logger = visit->visits->options->logger;
    CLEANUP(freep) char *path = strndup(visit->uri, strcspn(visit->uri, "?"));
    char status[16];
    char ms[24];

    if (logger->level > TEL_LOG_DEBUG)
        return;
    (void)snprintf(status, sizeof status, "%d", visit->exchange.answer.status);
    (void)snprintf(ms, sizeof ms, "%" PRId64, clock_monotonic_ms() - visit->began_ms);
    logger_event(logger, TEL_LOG_DEBUG, "request",
                 LOG_FIELDS({"method", method_name(visit->exchange.request.method)}, {"path", path},
                            {"status", status}, {"ms", ms}));
}

void visit_on_completed(void *arg, struct MHD_Connection *connection, void **context,
                        enum MHD_RequestTerminationCode code)
{
    struct visits *visits = arg;
    struct visit *visit = *context;

    (void)connection;
    (void)code;
    if (!visit)
        return;
    *context = NULL;
    if (visit->began) {
        log_visit(visit);
        visits_end(visits);
    }
    peers_note_waiting(visits->peers, visit->caller->peer);
    visit_free(visit);
}

void server_suspend(struct exchange *exchange)
{
    struct visit *visit = (struct visit *)exchange;

    visit->suspended = true;
    MHD_suspend_connection(visit->connection);
}

void server_resume(struct exchange *exchange)
{
    MHD_resume_connection(((struct visit *)exchange)->connection);
}
