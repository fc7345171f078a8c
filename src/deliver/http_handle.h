/* SPDX-License-Identifier: MIT
 *
 * libcurl's part of one request after the other, and the connection that stays open between them.
 *
 * libcurl would use and close the numbers of its descriptors whatever has become of them. So they are
 * known here. Where the host has closed some, and perhaps has something of its own there, libcurl does
 * not get to see the handle again: what is still ours is closed, and the handle's memory stays, as it
 * could be released only together with the descriptors. In a forked child the same is done with what
 * is the parent's.
 */
#ifndef DELIVER_HTTP_HANDLE_H
#define DELIVER_HTTP_HANDLE_H

#include <curl/curl.h>

#include "deliver/http.h"

struct http_handle;

/* What is the same for all requests; outlives the handle. */
struct http_settings {
    char *socket_path; /* NULL: none */
    char *ca_file;     /* NULL: the system's alone */
    struct curl_slist *headers;
    bool asks_proxy;
    bool sends_once;
    const atomic_bool *cancelled;
};

/* NULL: out of memory. */
struct http_handle *http_handle_new(const struct http_settings *settings);
void http_handle_free(struct http_handle *handle);

/* Close its descriptors without a word to the other side, and leave its memory. */
void http_handle_abandon(struct http_handle *handle);

/* Are all its descriptors still ours? If not, it can only be freed. */
bool http_handle_is_whole(const struct http_handle *handle);

/* Send a request and take the answer. */
CURLcode http_handle_send(struct http_handle *handle, const char *method, const char *url,
                          const char *body, struct deadline deadline,
                          struct http_response *response);

/* Can the handle be used again? Else it can only be freed. */
bool http_handle_is_usable_after(CURLcode code);

#endif
