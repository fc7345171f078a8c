/* SPDX-License-Identifier: MIT
 *
 * An easy handle and the multi handle that it is always used with. curl_easy_perform() makes such a
 * multi handle too, but looks up once a second at most, which is too late for who waits to break it
 * off; and here it is known when its wake-up pair is made.
 */
#include "deliver/http_handle.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "deliver/fd_window.h"
#include "deliver/kept_fd.h"

#define DESCRIPTORS_MAX 8 /* the pair, a connection's sockets and those of one in its place */
#define WATCH_MS 20       /* how often `cancelled` is looked at */
#define PAUSE_MAX_MS 1000
#define HEAD_BYTES_MAX ((size_t)64 * 1024) /* of an answer, interim ones included */

struct http_handle {
    const struct http_settings *settings;
    CURL *easy;
    CURLM *multi;
    struct kept_fd descriptors[DESCRIPTORS_MAX];
    struct http_handle *next_abandoned;
};

/* ---- Its descriptors ------------------------------------------------------------------------- */

/* Find the place of a descriptor; of -1: a free one. NULL: there is none. */
static struct kept_fd *find(struct http_handle *handle, int fd)
{
    for (size_t i = 0; i < DESCRIPTORS_MAX; i++) {
        if (handle->descriptors[i].fd == fd)
            return &handle->descriptors[i];
    }
    return NULL;
}

static void keep(struct http_handle *handle, int fd)
{
    struct kept_fd *place = fd < 0 ? NULL : find(handle, -1);

    if (place)
        *place = kept_fd_of(fd);
}

/* Make a socket that no program of the host's inherits, and that is none of its standard ones. */
static curl_socket_t open_socket(void *handle, curlsocktype purpose, struct curl_sockaddr *address)
{
    int fd = fd_above_stdio(
        socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol));

    (void)purpose;
    keep(handle, fd);
    return fd;
}

static int close_socket(void *handle, curl_socket_t fd)
{
    struct kept_fd *place = find(handle, fd);

    if (!place)
        return close(fd);
    kept_fd_close(place);
    return 0;
}

bool http_handle_is_whole(const struct http_handle *handle)
{
    for (size_t i = 0; i < DESCRIPTORS_MAX; i++) {
        if (handle->descriptors[i].fd >= 0 && !kept_fd_is_ours(&handle->descriptors[i]))
            return false;
    }
    return true;
}

/* ---- Making one ------------------------------------------------------------------------------ */

static CURLM *make_multi(struct http_handle *handle)
{
    struct fd_window window = fd_window_open();
    CURLM *multi = curl_multi_init();
    int pair[2];

    fd_window_close(&window, pair);
    keep(handle, pair[0]);
    keep(handle, pair[1]);
    return multi;
}

/* Set what is the same for all requests. Without QUICK_EXIT a name server that hangs would be waited
 * for beyond the time-out. */
static CURLcode set_up(CURL *easy, struct http_handle *handle)
{
    const struct http_settings *settings = handle->settings;
    CURLcode code = curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);

    if (!code)
        code = curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    if (!code && settings->socket_path)
        code = curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, settings->socket_path);
    if (!code && settings->ca_file)
        code = curl_easy_setopt(easy, CURLOPT_CAINFO, settings->ca_file);
    if (!code && !settings->asks_proxy)
        code = curl_easy_setopt(easy, CURLOPT_PROXY, "");
    if (!code && !settings->asks_proxy)
        code = curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
    if (!code)
        code = curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    if (!code)
        code = curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    if (!code)
        code = curl_easy_setopt(easy, CURLOPT_USERAGENT, "telemetry/" TEL_VERSION_STRING);
    if (!code)
        code = curl_easy_setopt(easy, CURLOPT_HTTPHEADER, settings->headers);
    if (!code) /* whoever cannot be reached may be found at another address, and trusted, soon */
        code = curl_easy_setopt(easy, CURLOPT_DNS_CACHE_TIMEOUT, 0L);
    (void)curl_easy_setopt(easy, CURLOPT_CA_CACHE_TIMEOUT, 0L); /* not every TLS library has it */
    if (!code && settings->sends_once)
        code = curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
    if (!code && settings->sends_once)
        code = curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
    return code;
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

static size_t take_body(char *bytes, size_t size, size_t count, void *arg)
{
    struct strbuf *body = &((struct arrival *)arg)->response->body;

    strbuf_append(body, bytes, size * count);
    return strbuf_failed(body) ? 0 : size * count;
}

static CURLcode set_callbacks(CURL *easy, struct http_handle *handle)
{
    CURLcode code = curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_head);

    if (!code)
        code = curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
    if (!code)
        code = curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    if (!code)
        code = curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, handle);
    if (!code)
        code = curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, close_socket);
    return code ? code : curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, handle);
}

struct http_handle *http_handle_new(const struct http_settings *settings)
{
    struct http_handle *handle = calloc(1, sizeof *handle);

    if (!handle)
        return NULL;
    handle->settings = settings;
    for (size_t i = 0; i < DESCRIPTORS_MAX; i++)
        handle->descriptors[i] = KEPT_FD;
    handle->easy = curl_easy_init();
    handle->multi = make_multi(handle);
    if (handle->easy && handle->multi && !set_up(handle->easy, handle) &&
        !set_callbacks(handle->easy, handle) &&
        !curl_multi_setopt(handle->multi, CURLMOPT_MAXCONNECTS, 1L))
        return handle;
    http_handle_free(handle);
    return NULL;
}

/* Nothing refers to them but this list, which says that they are not lost. */
static _Atomic(struct http_handle *) abandoned;

void http_handle_abandon(struct http_handle *handle)
{
    for (size_t i = 0; i < DESCRIPTORS_MAX; i++)
        kept_fd_close(&handle->descriptors[i]);
    handle->next_abandoned = atomic_load(&abandoned);
    while (!atomic_compare_exchange_weak(&abandoned, &handle->next_abandoned, handle))
        continue;
}

void http_handle_free(struct http_handle *handle)
{
    if (!http_handle_is_whole(handle)) {
        http_handle_abandon(handle);
        return;
    }
    curl_easy_cleanup(handle->easy);
    (void)curl_multi_cleanup(handle->multi);
    free(handle);
}

/* ---- One request ----------------------------------------------------------------------------- */

static CURLcode set_message(CURL *easy, const char *method, const char *url, const char *body)
{
    CURLcode code = curl_easy_setopt(easy, CURLOPT_URL, url);

    if (code)
        return code;
    if (strcmp(method, "HEAD") == 0)
        return curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    if (body) {
        code = curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(body));
        if (!code)
            code = curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body);
    }
    return code ? code : curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
}

static CURLcode set_limits(CURL *easy, struct deadline deadline)
{
    long left_ms = (long)deadline_left_ms(deadline);
    CURLcode code;

    left_ms = left_ms > 0 ? left_ms : 1; /* 0 would mean for ever */
    code = curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, left_ms);
    return code ? code : curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, left_ms);
}

/* Keep nothing of the caller's. Not by curl_easy_reset(): when that finds no memory it says nothing,
 * and the handle fails for ever. None of these can fail. */
static void forget_message(CURL *easy)
{
    (void)curl_easy_setopt(easy, CURLOPT_POSTFIELDS, NULL);
    (void)curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, NULL);
}

/* Wait for the end of the one request of `multi`. */
static CURLcode watch(CURLM *multi, const atomic_bool *cancelled)
{
    int pause_ms = cancelled ? WATCH_MS : PAUSE_MAX_MS;
    const CURLMsg *message;
    int running = 1;
    int left;

    while (running) {
        if (cancelled && atomic_load(cancelled))
            return CURLE_ABORTED_BY_CALLBACK;
        if (curl_multi_perform(multi, &running) ||
            (running && curl_multi_poll(multi, NULL, 0, pause_ms, NULL)))
            return CURLE_FAILED_INIT;
    }
    message = curl_multi_info_read(multi, &left);
    return message ? message->data.result : CURLE_FAILED_INIT;
}

static CURLcode perform(struct http_handle *handle)
{
    CURLcode code;

    if (curl_multi_add_handle(handle->multi, handle->easy))
        return CURLE_OUT_OF_MEMORY;
    code = watch(handle->multi, handle->settings->cancelled);
    (void)curl_multi_remove_handle(handle->multi, handle->easy);
    return code;
}

static void take_status(CURL *easy, struct http_response *response)
{
    char *target = NULL;

    (void)curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &response->status);
    (void)curl_easy_getinfo(easy, CURLINFO_REDIRECT_URL, &target);
    (void)snprintf(response->redirect, sizeof response->redirect, "%s", target ? target : "");
}

CURLcode http_handle_send(struct http_handle *handle, const char *method, const char *url,
                          const char *body, struct deadline deadline,
                          struct http_response *response)
{
    struct arrival arrival = {.response = response};
    CURLcode code = set_message(handle->easy, method, url, body);

    if (!code)
        code = set_limits(handle->easy, deadline);
    if (!code)
        code = curl_easy_setopt(handle->easy, CURLOPT_HEADERDATA, &arrival);
    if (!code)
        code = curl_easy_setopt(handle->easy, CURLOPT_WRITEDATA, &arrival);
    if (!code)
        code = perform(handle);
    take_status(handle->easy, response);
    forget_message(handle->easy);
    return code || arrival.head_is_whole ? code : CURLE_PARTIAL_FILE;
}

bool http_handle_is_usable_after(CURLcode code)
{
    return code != CURLE_OUT_OF_MEMORY && code != CURLE_FAILED_INIT;
}
