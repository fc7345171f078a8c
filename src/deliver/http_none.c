/* SPDX-License-Identifier: MIT
 *
 * In place of http.c where there is no libcurl (TEL_HTTP=OFF).
 */
#include "deliver/http.h"

#include <stddef.h>

static tel_error not_built_in(tel_fault *fault)
{
    return fault_set(fault, TEL_E_SKIPPED, "this library was built without libcurl");
}

bool http_is_built_in(void)
{
    return false;
}

void http_prepare(void)
{
}

tel_error http_new(struct http **out, const struct http_options *options, tel_fault *fault)
{
    (void)options;
    *out = NULL;
    return not_built_in(fault);
}

void http_free(struct http *http)
{
    (void)http;
}

const char *http_peer(const struct http *http)
{
    (void)http;
    return "";
}

bool http_has_token(const struct http *http)
{
    (void)http;
    return false;
}

void http_response_clear(struct http_response *response)
{
    response->status = 0;
    response->redirect[0] = '\0';
    strbuf_clear(&response->body);
}

tel_error http_send(struct http *http, const char *method, const char *path, const char *body,
                    struct deadline deadline, struct http_response *response, tel_fault *fault)
{
    (void)http;
    (void)method;
    (void)path;
    (void)body;
    (void)deadline;
    http_response_clear(response);
    return not_built_in(fault);
}
