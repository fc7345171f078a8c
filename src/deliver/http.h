/* SPDX-License-Identifier: MIT
 *
 * One HTTP request with one deadline. Thread-safe: connections are kept alive in a small pool, and a
 * forked child leaves its parent's alone.
 */
#ifndef DELIVER_HTTP_H
#define DELIVER_HTTP_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/strbuf.h"

struct http; /* where to: a base URL, and how to authenticate */

struct http_options {
    const char *url;          /* http://host:port, or unix:/path */
    const char *token;        /* bearer token; NULL: none */
    const char *content_type; /* of bodies; NULL: application/json */
    const char *ca_file;      /* certificates that https trusts besides the system's; NULL: none */
    bool asks_proxy;          /* the one that the environment names */
    bool sends_once;          /* no connection is kept: libcurl sends again by itself what it lost
                                 on one that had died */
    const atomic_bool *cancelled; /* set by another thread: break off; NULL: never */
};

/* false: this library was built without libcurl, and every http_new() is TEL_E_SKIPPED. */
bool http_is_built_in(void);

/* Initialise libcurl and what it stands on, which http_new() does otherwise. Handlers that are given to
 * atexit() after this run before theirs. */
void http_prepare(void);

/* TEL_E_INVALID when the URL is none or the token cannot stand in a header. */
tel_error http_new(struct http **out, const struct http_options *options, tel_fault *fault);
void http_free(struct http *http);

/* Return whom it asks, for messages: the URL or the socket's path, borrowed. */
const char *http_peer(const struct http *http);
bool http_has_token(const struct http *http);

#define HTTP_RESPONSE_BYTES_MAX ((size_t)64 * 1024 * 1024)

struct http_response {
    long status;        /* 0: none arrived */
    struct strbuf body; /* one over its maximum: TEL_E_UNAVAILABLE */
    char redirect[256]; /* where a 3xx points to, as far as it fits; "": nowhere */
};

/* A response of zeroes is fine too: its body is then bounded by HTTP_RESPONSE_BYTES_MAX. */
#define HTTP_RESPONSE(bytes_max) ((struct http_response){.body = STRBUF(bytes_max)})

void http_response_clear(struct http_response *response);

/*
 * Send `method` to `path` (query included) with a body (NULL: none) and take the answer. No redirect
 * is followed. `response` is cleared first and filled as far as it came.
 *
 *   TEL_OK             2xx
 *   TEL_E_CLOSED       broken off, because `cancelled` was set
 *   TEL_E_UNAVAILABLE  refused, timed out, garbled, 5xx, 408, 429 or 3xx: worth trying again later
 *   TEL_E_NOT_FOUND    404
 *   TEL_E_REJECTED     any other 4xx: sending it again is no use; the fault has the service's reason
 */
tel_error http_send(struct http *http, const char *method, const char *path, const char *body,
                    struct deadline deadline, struct http_response *response, tel_fault *fault);

#endif
