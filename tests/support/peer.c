/* SPDX-License-Identifier: MIT */
#include "support/peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define REQUEST_BYTES_MAX ((size_t)1024 * 1024)

struct peer {
    peer_fn *behave;
    void *arg;
    pthread_t thread;
    int listener;
    atomic_int connection; /* -1: none */
    atomic_bool stopping;
    atomic_size_t connections;
    size_t length;
    char request[REQUEST_BYTES_MAX];
    char url[200];
};

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void *serve(void *arg)
{
    struct peer *peer = arg;

    while (!atomic_load(&peer->stopping)) {
        int fd = accept4(peer->listener, NULL, NULL, SOCK_CLOEXEC);

        if (fd < 0)
            break;
        atomic_fetch_add(&peer->connections, 1);
        atomic_store(&peer->connection, fd);
        if (!atomic_load(&peer->stopping)) {
            peer->length = 0;
            peer->behave(peer, fd, peer->arg);
        }
        atomic_store(&peer->connection, -1);
        (void)close(fd);
    }
    return NULL;
}

static struct peer *start(int family, const struct sockaddr *address, socklen_t length,
                          peer_fn *behave, void *arg)
{
    struct peer *peer = calloc(1, sizeof *peer);

    if (!peer)
        die("calloc");
    peer->behave = behave;
    peer->arg = arg;
    atomic_store(&peer->connection, -1);
    peer->listener = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (peer->listener < 0 || bind(peer->listener, address, length))
        die("bind");
    if (behave && (listen(peer->listener, 64) || pthread_create(&peer->thread, NULL, serve, peer)))
        die("listen");
    return peer;
}

struct peer *peer_start(peer_fn *behave, void *arg)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    struct peer *peer = start(AF_INET, (struct sockaddr *)&address, sizeof address, behave, arg);

    if (getsockname(peer->listener, (struct sockaddr *)&address, &length))
        die("getsockname");
    (void)snprintf(peer->url, sizeof peer->url, "http://127.0.0.1:%d", ntohs(address.sin_port));
    return peer;
}

static bool has_ipv6(void)
{
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool has = fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0;

    if (fd >= 0)
        (void)close(fd);
    return has;
}

struct peer *peer_start_ipv6(peer_fn *behave, void *arg)
{
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
    socklen_t length = sizeof address;
    struct peer *peer;

    if (!has_ipv6())
        return NULL;
    peer = start(AF_INET6, (struct sockaddr *)&address, sizeof address, behave, arg);
    if (getsockname(peer->listener, (struct sockaddr *)&address, &length))
        die("getsockname");
    (void)snprintf(peer->url, sizeof peer->url, "http://[::1]:%d", ntohs(address.sin6_port));
    return peer;
}

struct peer *peer_start_at(const char *socket_path, peer_fn *behave, void *arg)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct peer *peer;

    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", socket_path);
    peer = start(AF_UNIX, (struct sockaddr *)&address, sizeof address, behave, arg);
    (void)snprintf(peer->url, sizeof peer->url, "unix:%s", socket_path);
    return peer;
}

void peer_stop(struct peer *peer)
{
    atomic_store(&peer->stopping, true);
    if (peer->behave) {
        int fd = atomic_load(&peer->connection);

        (void)shutdown(peer->listener, SHUT_RDWR);
        if (fd >= 0)
            (void)shutdown(fd, SHUT_RDWR);
        (void)pthread_join(peer->thread, NULL);
    }
    (void)close(peer->listener);
    free(peer);
}

const char *peer_url(const struct peer *peer)
{
    return peer->url;
}

size_t peer_connections(struct peer *peer)
{
    return atomic_load(&peer->connections);
}

/* How long the request at the front of the buffer is; 0: it is not whole yet. */
static size_t request_length(const struct peer *peer)
{
    const char *end = memmem(peer->request, peer->length, "\r\n\r\n", 4);
    const char *header;
    size_t length;

    if (!end)
        return 0;
    length = (size_t)(end - peer->request) + 4;
    header = memmem(peer->request, length, "Content-Length: ", 16);
    if (header)
        length += strtoul(header + 16, NULL, 10);
    return length <= peer->length ? length : 0;
}

bool peer_read_request(struct peer *peer, int fd, const char **text)
{
    size_t length;

    peer->length = 0;
    while ((length = request_length(peer)) == 0) {
        ssize_t count =
            read(fd, peer->request + peer->length, REQUEST_BYTES_MAX - 1 - peer->length);

        if (count <= 0)
            return false;
        peer->length += (size_t)count;
    }
    peer->request[length] = '\0';
    if (text)
        *text = peer->request;
    return true;
}

bool peer_send(int fd, const void *bytes, size_t count)
{
    const char *next = bytes;

    while (count > 0) {
        ssize_t sent = send(fd, next, count, MSG_NOSIGNAL);

        if (sent <= 0)
            return false;
        next += sent;
        count -= (size_t)sent;
    }
    return true;
}

bool peer_puts(int fd, const char *text)
{
    return peer_send(fd, text, strlen(text));
}

bool peer_reply(int fd, const char *status, const char *body)
{
    char head[200];
    int length = snprintf(head, sizeof head, "HTTP/1.1 %s\r\nContent-Length: %zu\r\n\r\n", status,
                          strlen(body));

    /* Sent on its own, the body would wait for the head to be confirmed. */
    return send(fd, head, (size_t)length, MSG_NOSIGNAL | (*body ? MSG_MORE : 0)) == length &&
           peer_puts(fd, body);
}

void peer_wait(int fd)
{
    char bytes[4096];

    while (read(fd, bytes, sizeof bytes) > 0)
        continue;
}

void peer_answer(struct peer *peer, int fd, void *arg)
{
    while (peer_read_request(peer, fd, NULL) && peer_puts(fd, arg))
        continue;
}

void peer_follow(struct peer *peer, int fd, void *arg)
{
    struct peer_script *script = arg;
    const char *request;

    while (peer_read_request(peer, fd, &request)) {
        size_t used = strlen(script->requests);
        size_t index = script->asked < 15 ? script->asked : 15;

        (void)snprintf(script->requests + used, sizeof script->requests - used, "%s\n", request);
        script->asked++;
        while (index > 0 && !script->answers[index].status)
            index--;
        if (!peer_reply(fd, script->answers[index].status, script->answers[index].body))
            break;
    }
}
