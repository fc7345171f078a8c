/* SPDX-License-Identifier: MIT
 *
 * libcurl's easy interface, one handle for each request under way. Idle handles wait in a pool with
 * their connection open, so that a thread that asks again pays no connect.
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
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "deliver/fd_window.h"
#include "deliver/http_answer.h"
#include "deliver/idle_pool.h"

#define WATCH_MS 20 /* how often `cancelled` is looked at */
#define URL_BYTES_MAX ((size_t)64 * 1024)
#define HEADER_BYTES_MAX ((size_t)8 * 1024) /* of the one with our token */
#define HEAD_BYTES_MAX ((size_t)64 * 1024)  /* of an answer, interim ones included */

struct http {
    char *url; /* without '/' at its end */
    char *socket_path;
    struct curl_slist *headers;
    bool has_token;
    bool asks_proxy;
    bool sends_once;
    const atomic_bool *cancelled;
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
        http->socket_path = strdup(url + 5);
        http->url = strdup("http://localhost");
        return http->socket_path && http->url ? TEL_OK : fault_nomem(fault);
    }
    error = check_url(url, fault);
    if (error)
        return error;
    length = strlen(url);
    while (length > 0 && url[length - 1] == '/')
        length--;
    http->url = strndup(url, length);
    return http->url ? TEL_OK : fault_nomem(fault);
}

static bool add_header(struct http *http, const char *header)
{
    struct curl_slist *longer = curl_slist_append(http->headers, header);

    if (longer)
        http->headers = longer;
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
    http->asks_proxy = options->asks_proxy;
    http->sends_once = options->sends_once;
    http->cancelled = options->cancelled;
    idle_pool_init(&http->idle);
    error = set_url(http, options->url, fault);
    if (!error)
        error = set_headers(http, options, fault);
    if (!error)
        *out = steal(&http);
    return error;
}

static void release_handle(void *handle)
{
    curl_easy_cleanup(handle);
}

void http_free(struct http *http)
{
    if (!http)
        return;
    /* Closing an https connection in a forked child would say goodbye in the parent's name. */
    if (idle_pool_is_own(&http->idle) || strncmp(http->url, "http:", 5) == 0)
        idle_pool_clear(&http->idle, release_handle);
    curl_slist_free_all(http->headers);
    free(http->socket_path);
    free(http->url);
    free(http);
}

const char *http_peer(const struct http *http)
{
    return http->socket_path ? http->socket_path : http->url;
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

/* An answer as it arrives. libcurl takes one that ends within its head for an answer. */
struct arrival {
    struct http_response *response;
    size_t head_bytes;
    bool head_is_whole;
};

static size_t take_head(char *line, size_t size, size_t count, void *arg)
{
    struct arrival *arrival = arg;

    arrival->head_bytes += size * count;
    arrival->head_is_whole = *line == '\r' || *line == '\n';
    return arrival->head_bytes <= HEAD_BYTES_MAX ? size * count : 0;
}

/* Make a socket that no program of the host's inherits. libcurl's own pair was made just before. */
static curl_socket_t open_socket(void *window, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)purpose;
    fd_window_protect(window);
    return fd_above_stdio(
        socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol));
}

static size_t take_body(char *bytes, size_t size, size_t count, void *arg)
{
    struct strbuf *body = &((struct arrival *)arg)->response->body;

    strbuf_append(body, bytes, size * count);
    return strbuf_failed(body) ? 0 : size * count;
}

/* Set what is the same for all requests. Without QUICK_EXIT a name server that hangs would be waited
 * for beyond the time-out. */
static CURLcode set_up(CURL *handle, const struct http *http)
{
    CURLcode code = curl_easy_setopt(handle, CURLOPT_QUICK_EXIT, 1L);

    if (!code)
        code = curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
    if (!code && http->socket_path)
        code = curl_easy_setopt(handle, CURLOPT_UNIX_SOCKET_PATH, http->socket_path);
    if (!code && !http->asks_proxy)
        code = curl_easy_setopt(handle, CURLOPT_PROXY, "");
    if (!code && !http->asks_proxy)
        code = curl_easy_setopt(handle, CURLOPT_NOPROXY, "*");
    if (!code)
        code = curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
    if (!code)
        code = curl_easy_setopt(handle, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    if (!code)
        code = curl_easy_setopt(handle, CURLOPT_USERAGENT, "telemetry/" TEL_VERSION_STRING);
    if (!code)
        code = curl_easy_setopt(handle, CURLOPT_HTTPHEADER, http->headers);
    if (!code && http->sends_once)
        code = curl_easy_setopt(handle, CURLOPT_FRESH_CONNECT, 1L);
    if (!code && http->sends_once)
        code = curl_easy_setopt(handle, CURLOPT_FORBID_REUSE, 1L);
    return code ? code : curl_easy_setopt(handle, CURLOPT_MAXCONNECTS, 1L);
}

/* A handle keeps the connection, and nothing of the last caller's. Not by curl_easy_reset(): when that
 * finds no memory it says nothing, and the handle fails for ever. None of these can fail. */
static void forget_message(CURL *handle)
{
    (void)curl_easy_setopt(handle, CURLOPT_POSTFIELDS, NULL);
    (void)curl_easy_setopt(handle, CURLOPT_HTTPGET, 1L);
    (void)curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, NULL);
}

static CURLcode set_message(CURL *handle, const char *url, const char *method, const char *body)
{
    CURLcode code = curl_easy_setopt(handle, CURLOPT_URL, url);

    if (code)
        return code;
    if (strcmp(method, "HEAD") == 0)
        return curl_easy_setopt(handle, CURLOPT_NOBODY, 1L);
    if (body) {
        code = curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(body));
        if (!code)
            code = curl_easy_setopt(handle, CURLOPT_POSTFIELDS, body);
    }
    return code ? code : curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, method);
}

static CURLcode set_limits(CURL *handle, struct deadline deadline)
{
    long left_ms = (long)deadline_left_ms(deadline);
    CURLcode code;

    left_ms = left_ms > 0 ? left_ms : 1; /* 0 would mean for ever */
    code = curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, left_ms);
    return code ? code : curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, left_ms);
}

/* Wait for the end of the one request of `multi`. */
static CURLcode watch(CURLM *multi, const atomic_bool *cancelled)
{
    const CURLMsg *message;
    int running = 1;
    int left;

    while (running) {
        if (atomic_load(cancelled))
            return CURLE_ABORTED_BY_CALLBACK;
        if (curl_multi_perform(multi, &running) ||
            (running && curl_multi_poll(multi, NULL, 0, WATCH_MS, NULL)))
            return CURLE_FAILED_INIT;
    }
    message = curl_multi_info_read(multi, &left);
    return message ? message->data.result : CURLE_FAILED_INIT;
}

/* curl_easy_perform() looks up once a second at most, which is too late for who waits for its end. */
static CURLcode perform_watched(CURL *handle, const atomic_bool *cancelled)
{
    CURLM *multi = curl_multi_init();
    CURLcode code = CURLE_OUT_OF_MEMORY;

    if (multi && !curl_multi_add_handle(multi, handle)) {
        code = watch(multi, cancelled);
        (void)curl_multi_remove_handle(multi, handle);
    }
    (void)curl_multi_cleanup(multi);
    return code;
}

static void take_redirect(CURL *handle, struct http_response *response)
{
    char *target = NULL;

    (void)curl_easy_getinfo(handle, CURLINFO_REDIRECT_URL, &target);
    (void)snprintf(response->redirect, sizeof response->redirect, "%s", target ? target : "");
}

static CURLcode perform(struct http *http, CURL *handle, struct http_response *response)
{
    struct arrival arrival = {.response = response};
    struct fd_window window = fd_window_open();
    CURLcode code = curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, take_head);

    if (!code)
        code = curl_easy_setopt(handle, CURLOPT_HEADERDATA, &arrival);
    if (!code)
        code = curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, take_body);
    if (!code)
        code = curl_easy_setopt(handle, CURLOPT_WRITEDATA, &arrival);
    if (!code)
        code = curl_easy_setopt(handle, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    if (!code)
        code = curl_easy_setopt(handle, CURLOPT_OPENSOCKETDATA, &window);
    if (!code)
        code =
            http->cancelled ? perform_watched(handle, http->cancelled) : curl_easy_perform(handle);
    fd_window_close(&window);
    (void)curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &response->status);
    take_redirect(handle, response);
    return code || arrival.head_is_whole ? code : CURLE_PARTIAL_FILE;
}

static CURLcode take_handle(CURL **out, struct http *http)
{
    CURL *handle = idle_pool_take(&http->idle);
    CURLcode code = CURLE_OK;

    if (!handle) {
        handle = curl_easy_init();
        code = handle ? set_up(handle, http) : CURLE_OUT_OF_MEMORY;
    }
    *out = handle;
    return code;
}

/* What a request that failed left of its connection is nothing to build the next one on. */
static void give_back(struct http *http, CURL *handle, CURLcode code)
{
    if (!code)
        forget_message(handle);
    if (code || !idle_pool_put(&http->idle, handle))
        curl_easy_cleanup(handle);
}

tel_error http_send(struct http *http, const char *method, const char *path, const char *body,
                    struct deadline deadline, struct http_response *response, tel_fault *fault)
{
    CLEANUP(strbuf_clear) struct strbuf url = STRBUF(URL_BYTES_MAX);
    CURL *handle;
    CURLcode code;

    http_response_clear(response);
    if (response->body.max == 0)
        response->body.max = HTTP_RESPONSE_BYTES_MAX;
    strbuf_printf(&url, "%s%s", http->url, path);
    if (strbuf_failed(&url))
        return fault_nomem(fault);
    code = take_handle(&handle, http);
    if (!code)
        code = set_message(handle, url.text, method, body);
    if (!code)
        code = set_limits(handle, deadline);
    if (!code)
        code = perform(http, handle, response);
    give_back(http, handle, code);
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
