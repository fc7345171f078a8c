/* SPDX-License-Identifier: MIT
 *
 * One handle for each request under way. Idle ones wait in a pool with their connection open, so that a
 * thread that asks again pays no connect. The first is made before any other thread can ask: while
 * libcurl makes the descriptors of one, a program that the host executes from another thread inherits them.
 *
 * A forked child must not speak on its parent's connections. It works without the pool then: a
 * handle for each request, which is slow but right; who forks for long makes itself a new one.
 *
 * Messages use libcurl's fixed texts, not its error buffer, whose milliseconds and ports would make
 * each failure look like a new one.
 */
#include "deliver/http.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "deliver/http_answer.h"
#include "deliver/http_handle.h"
#include "deliver/idle_pool.h"

#define URL_BYTES_MAX ((size_t)64 * 1024)
#define HEADER_BYTES_MAX ((size_t)8 * 1024) /* of the one with our token */

struct http {
    char *url; /* without '/' at its end */
    bool has_token;
    struct http_settings settings;
    struct idle_pool idle; /* handles, each with its connection */
};

bool http_is_built_in(void)
{
    return true;
}

/* ---- Making one ------------------------------------------------------------------------------ */

static void init_curl(void)
{
    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
}

void http_prepare(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    (void)pthread_once(&once, init_curl);
}

static void urlp_free(CURLU **url)
{
    curl_url_cleanup(*url);
}

static void curl_textp_free(char **text)
{
    curl_free(*text);
}

static tel_error check_url(const char *text, tel_fault *fault)
{
    CLEANUP(urlp_free) CURLU *url = curl_url();
    CLEANUP(curl_textp_free) char *scheme = NULL;
    CURLUcode code = url ? curl_url_set(url, CURLUPART_URL, text, 0) : CURLUE_OUT_OF_MEMORY;

    if (!code)
        code = curl_url_get(url, CURLUPART_SCHEME, &scheme, 0);
    if (code == CURLUE_OUT_OF_MEMORY)
        return fault_nomem(fault);
    if (!code && (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0) &&
        !strpbrk(text, "?#"))
        return TEL_OK;
    return fault_set(fault, TEL_E_INVALID,
                     "the service's URL must look like http://host:port or unix:/path, not "
                     "\"%.100s\"",
                     text);
}

static tel_error set_url(struct http *http, const char *url, tel_fault *fault)
{
    size_t length;
    tel_error error;

    if (!url) /* there was no memory for the setting, which has a default */
        return fault_nomem(fault);
    if (strncmp(url, "unix:/", 6) == 0) {
        http->settings.socket_path = strdup(url + 5);
        http->url = strdup("http://localhost");
        return http->settings.socket_path && http->url ? TEL_OK : fault_nomem(fault);
    }
    error = check_url(url, fault);
    if (error)
        return error;
    length = strlen(url);
    while (url[length - 1] == '/')
        length--;
    http->url = strndup(url, length);
    return http->url ? TEL_OK : fault_nomem(fault);
}

static bool add_header(struct http *http, const char *header)
{
    struct curl_slist *longer = curl_slist_append(http->settings.headers, header);

    if (longer)
        http->settings.headers = longer;
    return longer != NULL;
}

static tel_error set_headers(struct http *http, const struct http_options *options,
                             tel_fault *fault)
{
    const char *type = options->content_type ? options->content_type : "application/json";
    CLEANUP(strbuf_clear) struct strbuf content_type = STRBUF(HEADER_BYTES_MAX);
    CLEANUP(strbuf_clear) struct strbuf authorization = STRBUF(HEADER_BYTES_MAX);
    const char *token = options->token;

    strbuf_printf(&content_type, "Content-Type: %s", type);
    if (strbuf_failed(&content_type) || !add_header(http, content_type.text) ||
        !add_header(http, "Accept: application/json") || !add_header(http, "Expect:"))
        return fault_nomem(fault);
    if (!token)
        return TEL_OK;
    for (const char *c = token; *c; c++) {
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            return fault_set(fault, TEL_E_INVALID, "the token has a control character in it");
    }
    http->has_token = true;
    strbuf_printf(&authorization, "Authorization: Bearer %s", token);
    if (strbuf_failed(&authorization) || !add_header(http, authorization.text))
        return fault_nomem(fault);
    return TEL_OK;
}

static tel_error make_first_handle(struct http *http, tel_fault *fault)
{
    struct http_handle *handle = http_handle_new(&http->settings);

    if (!handle)
        return fault_nomem(fault);
    if (!idle_pool_put(&http->idle, handle))
        http_handle_free(handle);
    return TEL_OK;
}

static void httpp_free(struct http **http)
{
    http_free(*http);
}

tel_error http_new(struct http **out, const struct http_options *options, tel_fault *fault)
{
    CLEANUP(httpp_free) struct http *http = NULL;
    tel_error error;

    *out = NULL;
    http_prepare();
    http = calloc(1, sizeof *http);
    if (!http)
        return fault_nomem(fault);
    http->settings = (struct http_settings){.asks_proxy = options->asks_proxy,
                                            .sends_once = options->sends_once,
                                            .cancelled = options->cancelled};
    idle_pool_init(&http->idle);
    error = set_url(http, options->url, fault);
    if (!error && options->ca_file && !(http->settings.ca_file = strdup(options->ca_file)))
        error = fault_nomem(fault);
    if (!error)
        error = set_headers(http, options, fault);
    if (!error)
        error = make_first_handle(http, fault);
    if (!error)
        *out = steal(&http);
    return error;
}

static void release(void *handle)
{
    http_handle_free(handle);
}

/* In a forked child, which must not say goodbye in its parent's name. */
static void leave_to_parent(void *handle)
{
    http_handle_abandon(handle);
}

void http_free(struct http *http)
{
    if (!http)
        return;
    idle_pool_clear(&http->idle, idle_pool_is_own(&http->idle) ? release : leave_to_parent);
    curl_slist_free_all(http->settings.headers);
    free(http->settings.ca_file);
    free(http->settings.socket_path);
    free(http->url);
    free(http);
}

const char *http_peer(const struct http *http)
{
    return http->settings.socket_path ? http->settings.socket_path : http->url;
}

bool http_has_token(const struct http *http)
{
    return http->has_token;
}

/* ---- One request ----------------------------------------------------------------------------- */

void http_response_clear(struct http_response *response)
{
    response->status = 0;
    response->redirect[0] = '\0';
    strbuf_clear(&response->body);
}

static struct http_handle *take_handle(struct http *http)
{
    struct http_handle *handle;

    while ((handle = idle_pool_take(&http->idle)) != NULL) {
        if (http_handle_is_whole(handle))
            return handle;
        http_handle_free(handle);
    }
    return http_handle_new(&http->settings);
}

tel_error http_send(struct http *http, const char *method, const char *path, const char *body,
                    struct deadline deadline, struct http_response *response, tel_fault *fault)
{
    CLEANUP(strbuf_clear) struct strbuf url = STRBUF(URL_BYTES_MAX);
    struct http_handle *handle;
    CURLcode code;

    http_response_clear(response);
    if (response->body.max == 0)
        response->body.max = HTTP_RESPONSE_BYTES_MAX;
    strbuf_printf(&url, "%s%s", http->url, path);
    handle = strbuf_failed(&url) ? NULL : take_handle(http);
    if (!handle)
        return fault_nomem(fault);
    code = http_handle_send(handle, method, url.text, body, deadline, response);
    if (!http_handle_is_usable_after(code) || !idle_pool_put(&http->idle, handle))
        http_handle_free(handle);
    if (code == CURLE_ABORTED_BY_CALLBACK)
        return fault_set(fault, TEL_E_CLOSED, "the request to %s was broken off", http_peer(http));
    if (code && strbuf_failed(&response->body))
        return fault_set(fault, TEL_E_UNAVAILABLE, "the answer of %s is larger than %zu bytes",
                         http_peer(http), response->body.max);
    if (code) /* even "out of memory": libcurl says so of a header line without end */
        return fault_set(fault, TEL_E_UNAVAILABLE, "cannot reach %s: %s", http_peer(http),
                         curl_easy_strerror(code));
    return http_answer_judge(http_peer(http), response, fault);
}
