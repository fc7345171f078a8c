/* SPDX-License-Identifier: MIT
 *
 * libmicrohttpd calls on_request() again and again for one request: when its headers are there, for
 * each piece of its body, when all of it is there, and once more after it was suspended. A request
 * that is refused early still has its body taken in and dropped, because a client that is writing
 * would otherwise see a reset instead of the answer.
 */
#include "daemon/server.h"

#include <errno.h>
#include <inttypes.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "base/cleanup.h"

struct server {
    struct server_options options;
    struct MHD_Daemon *daemon;
    atomic_bool quiescing;

    pthread_mutex_t lock; /* over `active` */
    pthread_cond_t idle;
    size_t active; /* requests that are being worked on */
};

/* A request on its way through the server. */
struct visit {
    struct exchange exchange; /* first, so that one is the other */
    struct server *server;
    struct MHD_Connection *connection;
    char *uri; /* as it came */
    int64_t began_ms;
    bool began;     /* the headers were seen */
    bool refused;   /* the answer is known; the body is dropped */
    bool handled;   /* the handler was called */
    bool suspended; /* ... and put the answer off */
    size_t dropped_bytes;
};

/* What the headers say about the request's framing. */
struct framing {
    unsigned hosts;
    unsigned lengths;
    unsigned encodings;
    const char *length;
    const char *encoding;
    bool expects;
};

struct header_scan {
    struct framing framing;
    struct request_headers *headers;
};

static enum MHD_Result scan_header(void *arg, enum MHD_ValueKind kind, const char *key,
                                   size_t key_size, const char *value, size_t value_size)
{
    struct header_scan *scan = arg;
    struct framing *framing = &scan->framing;

    (void)kind;
    (void)key_size;
    (void)value_size;
    if (!value)
        value = "";
    if (strcasecmp(key, "Host") == 0) {
        framing->hosts++;
        scan->headers->host = value;
    } else if (strcasecmp(key, "Content-Length") == 0) {
        framing->lengths++;
        framing->length = value;
    } else if (strcasecmp(key, "Transfer-Encoding") == 0) {
        framing->encodings++;
        framing->encoding = value;
    } else if (strcasecmp(key, "Expect") == 0) {
        framing->expects = true;
    } else if (strcasecmp(key, "Accept") == 0) {
        scan->headers->accept = value;
    } else if (strcasecmp(key, "Authorization") == 0) {
        scan->headers->authorization = value;
    } else if (strcasecmp(key, "Origin") == 0) {
        scan->headers->origin = value;
    } else if (strcasecmp(key, "Sec-Fetch-Site") == 0) {
        scan->headers->sec_fetch_site = value;
    }
    return MHD_YES;
}

/* Return what is wrong with a request's framing, or NULL. */
static const char *framing_fault(const struct framing *framing)
{
    if (framing->hosts != 1)
        return framing->hosts ? "there must be one Host header, not several"
                              : "there must be a Host header";
    if (framing->lengths > 1)
        return "there must be one Content-Length header, not several";
    if (framing->lengths && framing->encodings)
        return "Content-Length and Transfer-Encoding must not come together";
    if (framing->encodings > 1 ||
        (framing->encodings && strcasecmp(framing->encoding, "chunked") != 0))
        return "the only Transfer-Encoding that is taken is chunked";
    return NULL;
}

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

static struct MHD_Response *make_response(struct answer *answer)
{
    static char no_memory[] = "{\"detail\":\"out of memory, or the answer is too large\"}";
    size_t length = answer->body.length;
    char *body = strbuf_take(&answer->body);
    struct MHD_Response *response;

    if (!body) {
        answer->status = 500;
        return MHD_create_response_from_buffer(strlen(no_memory), no_memory,
                                               MHD_RESPMEM_PERSISTENT);
    }
    response = MHD_create_response_from_buffer(length, body, MHD_RESPMEM_MUST_FREE);
    if (!response)
        free(body);
    return response;
}

static enum MHD_Result send_answer(struct visit *visit)
{
    struct answer *answer = &visit->exchange.answer;
    bool has_body = answer->body.length > 0 || strbuf_failed(&answer->body);
    struct MHD_Response *response = make_response(answer);
    enum MHD_Result result;

    if (!response)
        return MHD_NO;
    if (has_body)
        (void)MHD_add_response_header(response, "Content-Type", answer->content_type);
    for (size_t i = 0; i < answer->header_count; i++)
        (void)MHD_add_response_header(response, answer->headers[i].name, answer->headers[i].value);
    if (answer->close || atomic_load(&visit->server->quiescing))
        (void)MHD_add_response_header(response, "Connection", "close");
    result = MHD_queue_response(visit->connection, (unsigned)answer->status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result send_fault(struct visit *visit, int status, const char *detail)
{
    answer_detail(&visit->exchange, status, "%s", detail);
    visit->exchange.answer.close = true;
    return send_answer(visit);
}

static void refuse_large_body(struct visit *visit)
{
    visit->refused = true;
    answer_detail(&visit->exchange, 413, "the body must be at most %zu bytes",
                  visit->server->options.body_bytes_max);
}

static bool is_too_large(const struct visit *visit, const struct framing *framing)
{
    return framing->length &&
           strtoumax(framing->length, NULL, 10) > visit->server->options.body_bytes_max;
}

/* The first call for a request: only its headers are there. */
static enum MHD_Result begin(struct visit *visit, const char *method)
{
    struct server *server = visit->server;
    struct request *request = &visit->exchange.request;
    struct header_scan scan = {.headers = &request->headers};
    const union MHD_ConnectionInfo *size;
    const char *wrong;
    tel_fault fault;

    visit->began = true;
    visit->began_ms = clock_monotonic_ms();
    pthread_mutex_lock(&server->lock);
    server->active++;
    pthread_mutex_unlock(&server->lock);

    request->method = parse_method(method);
    (void)MHD_get_connection_values_n(visit->connection, MHD_HEADER_KIND, scan_header, &scan);
    wrong = framing_fault(&scan.framing);
    if (wrong)
        return send_fault(visit, 400, wrong);
    if (strlen(visit->uri) > SERVER_URL_BYTES_MAX)
        return send_fault(visit, 414, "the URL is too long: at most 8 KiB are taken");
    size = MHD_get_connection_info(visit->connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    if (size && size->header_size > server->options.header_bytes_max)
        return send_fault(visit, 431, "the request's headers are too large");
    if (target_parse(&request->target, visit->uri, &fault))
        return send_fault(visit, fault.code == TEL_E_NOMEM ? 503 : 400, fault.text);

    visit->refused = !server->options.admit(server->options.arg, &visit->exchange);
    if (!visit->refused && is_too_large(visit, &scan.framing))
        refuse_large_body(visit);
    /* Who asks before sending the body needs the answer now. */
    if (visit->refused && scan.framing.expects)
        return send_answer(visit);
    return MHD_YES;
}

static enum MHD_Result take_body(struct visit *visit, const char *bytes, size_t count)
{
    struct strbuf *body = &visit->exchange.request.body;

    if (!visit->refused && count > body->max - body->length)
        refuse_large_body(visit);
    if (!visit->refused) {
        strbuf_append(body, bytes, count);
        if (strbuf_failed(body)) {
            visit->refused = true;
            answer_unavailable(&visit->exchange, "out of memory");
        }
        return MHD_YES;
    }
    strbuf_clear(body);
    visit->dropped_bytes += count;
    return visit->dropped_bytes > 2 * body->max ? MHD_NO : MHD_YES;
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *bytes,
                                  size_t *count, void **context)
{
    struct visit *visit = *context;
    struct server *server = arg;
    size_t taken = *count;

    (void)url;
    (void)version;
    if (!visit)
        return MHD_NO; /* out of memory in on_uri() */
    visit->connection = connection;
    if (!visit->began)
        return begin(visit, method);
    if (taken) {
        *count = 0;
        return take_body(visit, bytes, taken);
    }
    if (!visit->refused && !visit->handled) {
        visit->handled = true;
        server->options.handle(server->options.arg, &visit->exchange);
        if (visit->suspended)
            return MHD_YES;
    }
    return send_answer(visit);
}

/* The request line was read: the only place where the target is seen as it came. */
static void *on_uri(void *arg, const char *uri, struct MHD_Connection *connection)
{
    struct server *server = arg;
    struct visit *visit = calloc(1, sizeof *visit);

    if (!visit)
        return NULL;
    visit->server = server;
    visit->connection = connection;
    visit->uri = strdup(uri);
    exchange_init(&visit->exchange, server->options.body_bytes_max);
    if (!visit->uri) {
        free(visit);
        return NULL;
    }
    return visit;
}

static void log_visit(const struct visit *visit, const char *method)
{
    CLEANUP(freep) char *path = strndup(visit->uri, strcspn(visit->uri, "?"));
    char status[16];
    char ms[24];

    if (atomic_load(&visit->server->options.logger->level) > TEL_LOG_DEBUG)
        return;
    (void)snprintf(status, sizeof status, "%d", visit->exchange.answer.status);
    (void)snprintf(ms, sizeof ms, "%" PRId64, clock_monotonic_ms() - visit->began_ms);
    logger_event(visit->server->options.logger, TEL_LOG_DEBUG, "request",
                 LOG_FIELDS({"method", method}, {"path", path}, {"status", status}, {"ms", ms}));
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
        return "other";
    }
}

static void on_completed(void *arg, struct MHD_Connection *connection, void **context,
                         enum MHD_RequestTerminationCode code)
{
    struct server *server = arg;
    struct visit *visit = *context;

    (void)connection;
    (void)code;
    if (!visit)
        return;
    *context = NULL;
    if (visit->began) {
        log_visit(visit, method_name(visit->exchange.request.method));
        pthread_mutex_lock(&server->lock);
        if (--server->active == 0)
            pthread_cond_broadcast(&server->idle);
        pthread_mutex_unlock(&server->lock);
    }
    exchange_clear(&visit->exchange);
    free(visit->uri);
    free(visit);
}

static void on_log(void *arg, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));

/* What the HTTP library has to say concerns one connection at most. */
static void on_log(void *arg, const char *format, va_list args)
{
    struct server *server = arg;
    char message[512];

    (void)vsnprintf(message, sizeof message, format, args);
    message[strcspn(message, "\n")] = '\0';
    logger_event(server->options.logger, TEL_LOG_DEBUG, "http", LOG_FIELDS({"message", message}));
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

static struct MHD_Daemon *start_daemon(struct server *server)
{
    const struct server_options *options = &server->options;

    /* Its own answers to large headers are HTML: give it room for twice ours, and a request line. */
    return MHD_start_daemon(MHD_USE_ERROR_LOG | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_EPOLL |
                                MHD_ALLOW_SUSPEND_RESUME,
                            0, NULL, NULL, on_request, server, MHD_OPTION_EXTERNAL_LOGGER, on_log,
                            server, MHD_OPTION_LISTEN_SOCKET, options->listen_fd,
                            MHD_OPTION_URI_LOG_CALLBACK, on_uri, server,
                            MHD_OPTION_NOTIFY_COMPLETED, on_completed, server,
                            MHD_OPTION_THREAD_POOL_SIZE, (unsigned)SERVER_THREADS,
                            MHD_OPTION_CONNECTION_LIMIT, options->connections_max,
                            MHD_OPTION_PER_IP_CONNECTION_LIMIT, options->connections_per_ip_max,
                            MHD_OPTION_CONNECTION_TIMEOUT, options->idle_timeout_seconds,
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                            2 * options->header_bytes_max + 4096, MHD_OPTION_END);
}

tel_error server_start(struct server **out, const struct server_options *options, tel_fault *fault)
{
    struct server *server = calloc(1, sizeof *server);

    *out = NULL;
    if (!server)
        return fault_nomem(fault);
    server->options = *options;
    (void)pthread_mutex_init(&server->lock, NULL);
    (void)pthread_cond_init(&server->idle, NULL);
    server->daemon = start_daemon(server);
    if (!server->daemon) {
        free(server);
        return fault_errno(fault, TEL_E_IO, "cannot start the HTTP server");
    }
    *out = server;
    return TEL_OK;
}

void server_quiesce(struct server *server)
{
    atomic_store(&server->quiescing, true);
    (void)MHD_quiesce_daemon(server->daemon);
    /* Who connects from here on is refused, instead of waiting for nobody. */
    (void)shutdown(server->options.listen_fd, SHUT_RDWR);
}

bool server_wait_idle(struct server *server, struct deadline deadline)
{
    bool idle;

    pthread_mutex_lock(&server->lock);
    while (server->active && deadline_left_ms(deadline) > 0) {
        struct timespec until;
        int64_t left_ms = deadline_left_ms(deadline);

        (void)clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += (time_t)(left_ms / 1000) + 1;
        (void)pthread_cond_timedwait(&server->idle, &server->lock, &until);
    }
    idle = server->active == 0;
    pthread_mutex_unlock(&server->lock);
    return idle;
}

void server_stop(struct server *server)
{
    if (!server)
        return;
    MHD_stop_daemon(server->daemon);
    (void)pthread_cond_destroy(&server->idle);
    (void)pthread_mutex_destroy(&server->lock);
    free(server);
}
