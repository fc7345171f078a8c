/* SPDX-License-Identifier: MIT
 *
 * One request and the answer to it, as handlers see them. Nothing here knows the HTTP library.
 */
#ifndef HTTP_EXCHANGE_H
#define HTTP_EXCHANGE_H

#include "base/strbuf.h"
#include "http/rate_limiter.h"
#include "http/request_id.h"
#include "http/target.h"

enum method {
    METHOD_OTHER = 0,
    METHOD_GET = 1 << 0,
    METHOD_HEAD = 1 << 1,
    METHOD_POST = 1 << 2,
    METHOD_PATCH = 1 << 3,
    METHOD_OPTIONS = 1 << 4,
};

/* The request headers that anybody here looks at; NULL: not given. */
struct request_headers {
    const char *host;
    const char *accept;
    const char *accept_encoding;
    const char *authorization;
    const char *content_encoding;
    const char *content_length;
    const char *content_type; /* read by nobody: a body is JSON */
    const char *origin;
    const char *request_id;
    const char *sec_fetch_site;
    const char *transfer_encoding;
};

struct request {
    struct address client;
    char id[REQUEST_ID_SIZE];
    enum method method;
    struct target target;
    const struct route *route; /* the router's */
    const char *path_argument; /* what stood for {...} in the route's path; NULL: it has none */
    struct request_headers headers;
    struct strbuf body;
};

#define ANSWER_BYTES_MAX \
    ((size_t)1 << 30) /* 1,000 runs of the largest kind fit; nothing is larger */
#define ANSWER_HEADERS_MAX 8

struct answer_header {
    const char *name; /* static */
    char *value;
};

struct answer {
    int status;
    struct strbuf body;
    const char *content_type; /* static */
    struct answer_header headers[ANSWER_HEADERS_MAX];
    size_t header_count;
    bool close; /* end the connection after it */
};

struct exchange {
    struct request request;
    struct answer answer;
    struct quota quota; /* told with every answer */
};

void exchange_init(struct exchange *exchange, size_t body_bytes_max);
void exchange_clear(struct exchange *exchange);

/* Return the answer's body, emptied, after setting the status: append JSON to it, or nothing. */
struct strbuf *answer_json(struct exchange *exchange, int status);

/* The same for another type of content, which must be static. */
struct strbuf *answer_text(struct exchange *exchange, int status, const char *content_type);

/* Answer {"detail": text}. */
void answer_detail(struct exchange *exchange, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Answer 503 with the reason, and ask to be tried again soon. */
void answer_unavailable(struct exchange *exchange, const char *reason);

/* Add a header. `name` must be static; the value is copied. Too many: left out. Out of memory: the body
 * fails, since without the header it may say something else. */
void answer_header(struct exchange *exchange, const char *name, const char *value);

#endif
