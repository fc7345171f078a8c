/* SPDX-License-Identifier: MIT */
#include "http/server_send.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "http/gzip.h"
#include "http/server_queue.h"

/* Less does not fit a packet better; more would hold up the thread. */
#define PACKED_BYTES_MIN 1400
#define PACKED_BYTES_MAX ((size_t)64 * 1024 * 1024)

static struct MHD_Response *make_response(struct answer *answer)
{
    static char no_memory[] = "{\"detail\":\"out of memory, or the answer is too large\"}";
    size_t length = answer->body.length;
    char *body = strbuf_take(&answer->body);
    struct MHD_Response *response;

    if (!body) {
        answer->status = answer->status < 500 ? 500 : answer->status;
        return MHD_create_response_from_buffer(strlen(no_memory), no_memory,
                                               MHD_RESPMEM_PERSISTENT);
    }
    response = MHD_create_response_from_buffer(length, body, MHD_RESPMEM_MUST_FREE);
    if (!response)
        free(body);
    return response;
}

typedef void header_fn(void *arg, const char *name, const char *value);

static void add_number(header_fn *add, void *arg, const char *name, unsigned number)
{
    char text[16];

    (void)snprintf(text, sizeof text, "%u", number);
    add(arg, name, text);
}

/* What every answer has, and what this one has. */
static void add_headers(const struct exchange *exchange, header_fn *add, void *arg)
{
    const struct answer *answer = &exchange->answer;

    for (size_t i = 0; i < answer->header_count; i++)
        add(arg, answer->headers[i].name, answer->headers[i].value);
    add(arg, "X-Request-ID", exchange->request.id);
    if (exchange->quota.limit) {
        add_number(add, arg, "X-RateLimit-Limit", exchange->quota.limit);
        add_number(add, arg, "X-RateLimit-Remaining", exchange->quota.remaining);
    }
}

struct adding {
    struct MHD_Response *response;
    bool failed;
};

/* A header_fn for a response of the library's. */
static void add_to_response(void *arg, const char *name, const char *value)
{
    struct adding *adding = arg;

    adding->failed |= MHD_add_response_header(adding->response, name, value) != MHD_YES;
}

/* A header_fn for a text. */
static void add_to_text(void *text, const char *name, const char *value)
{
    strbuf_printf(text, "%s: %s\r\n", name, value);
}

/* Pack the body, if that is wanted and worth it. */
static void pack(struct exchange *exchange)
{
    struct answer *answer = &exchange->answer;
    CLEANUP(strbuf_clear) struct strbuf packed = STRBUF(answer->body.max);

    if (answer->body.length < PACKED_BYTES_MIN || answer->body.length > PACKED_BYTES_MAX)
        return;
    answer_header(exchange, "Vary", "Accept-Encoding");
    if (strbuf_failed(&answer->body) ||
        !gzip_is_accepted(exchange->request.headers.accept_encoding))
        return;
    gzip_pack(&packed, answer->body.text, answer->body.length);
    if (strbuf_failed(&packed))
        return;
    strbuf_clear(&answer->body);
    answer->body = packed;
    packed = STRBUF(0);
    answer_header(exchange, "Content-Encoding", "gzip");
}

enum MHD_Result send_answer(struct MHD_Connection *connection, struct exchange *exchange)
{
    struct answer *answer = &exchange->answer;
    bool has_body = answer->body.length > 0 || strbuf_failed(&answer->body);
    struct adding adding = {0};
    enum MHD_Result result;

    pack(exchange);
    adding.response = make_response(answer);
    if (!adding.response)
        return MHD_NO;
    if (has_body)
        add_to_response(&adding, "Content-Type", answer->content_type);
    add_headers(exchange, add_to_response, &adding);
    if (answer->close)
        add_to_response(&adding, "Connection", "close");
    /* Better none than one that is taken for something else. */
    result = adding.failed ? MHD_NO
                           : queue_response(connection, (unsigned)answer->status, adding.response);
    MHD_destroy_response(adding.response);
    return result;
}

void send_at_once(int fd, const struct exchange *exchange)
{
    const struct answer *answer = &exchange->answer;
    CLEANUP(strbuf_clear) struct strbuf text = STRBUF((size_t)16 * 1024);
    ssize_t sent;

    strbuf_printf(&text,
                  "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
                  "Connection: close\r\n",
                  answer->status, MHD_get_reason_phrase_for((unsigned)answer->status),
                  answer->content_type, answer->body.length);
    add_headers(exchange, add_to_text, &text);
    strbuf_puts(&text, "\r\n");
    strbuf_append(&text, answer->body.text, answer->body.length);
    if (strbuf_failed(&text))
        return;
    sent = send(fd, text.text, text.length, MSG_DONTWAIT | MSG_NOSIGNAL);
    (void)sent; /* who takes nothing gets nothing */
}
