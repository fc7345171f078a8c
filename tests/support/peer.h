/* SPDX-License-Identifier: MIT
 *
 * A server that behaves as a test says: one thread, one connection after the other.
 */
#ifndef SUPPORT_PEER_H
#define SUPPORT_PEER_H

#include <stdbool.h>
#include <stddef.h>

struct peer;

/* Talk to one client on `fd`, which is closed afterwards. */
typedef void peer_fn(struct peer *peer, int fd, void *arg);

/* Listen on a free port of 127.0.0.1, or at a socket path. NULL `behave`: the port is taken, but
 * connections are refused. */
struct peer *peer_start(peer_fn *behave, void *arg);
struct peer *peer_start_ipv6(peer_fn *behave, void *arg); /* of ::1; NULL: there is no IPv6 */
struct peer *peer_start_at(const char *socket_path, peer_fn *behave, void *arg);

/* End the conversation under way and wait for the thread. */
void peer_stop(struct peer *peer);

const char *peer_url(const struct peer *peer);
size_t peer_connections(struct peer *peer);

/* Read a request, its body included; false when the client is gone. The text is valid until the
 * next one is read, or, after peer_stop(), no longer. */
bool peer_read_request(struct peer *peer, int fd, const char **text);

/* Send bytes; false when the client is gone. */
bool peer_send(int fd, const void *bytes, size_t count);
bool peer_puts(int fd, const char *text);

/* Wait until the client goes or the peer is stopped. */
void peer_wait(int fd);

/* A behaviour: answer every request with the text `arg`. */
peer_fn peer_answer;

/* A behaviour: answer the n-th request with the n-th of `answers`, then the last again and again, and
 * keep what was asked, one request after the other; to be read when the peer was stopped. */
struct peer_script {
    struct peer_reply {
        const char *status; /* "200 OK" */
        const char *body;
    } answers[16];
    size_t asked;
    char requests[65536];
};
peer_fn peer_follow; /* `arg` is a struct peer_script */

/* Answer with a status and a body; false when the client is gone. */
bool peer_reply(int fd, const char *status, const char *body);

/* What the service answers to GET /version. */
#define PEER_VERSION_BODY "{\"name\":\"telemetryd\"}"
#define PEER_VERSION ((struct peer_reply){"200 OK", PEER_VERSION_BODY})

#endif
