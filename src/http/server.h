/* SPDX-License-Identifier: MIT
 *
 * From listening sockets to exchanges and back: server.c starts and ends it, acceptor.c takes
 * connections, server_visit.c follows a request. Nobody else knows libmicrohttpd, whose leniency ends here:
 * what is odd about a request's framing is refused before anyone sees it, every error has our own JSON
 * body, and a connection whose answer has to wait for the disk holds no thread, unless it is alone.
 */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/clock.h"
#include "http/exchange.h"
#include "http/listeners.h"
#include "http/logger.h"
#include "http/peers.h"

struct server;

#define SERVER_THREADS 2
#define SERVER_URL_BYTES_MAX 8192

/* A request has begun: note what every answer to it shall tell. Nothing but the client is known yet. */
typedef void server_greet_fn(void *arg, struct exchange *exchange);

/* Look at a request before its body arrives. false: it is refused, and `exchange` holds the answer. */
typedef bool server_admit_fn(void *arg, struct exchange *exchange);

/* Answer a request, or server_suspend() it and see to it that it is resumed. Called on any of the
 * server's threads. */
typedef void server_handle_fn(void *arg, struct exchange *exchange);

struct server_options {
    const struct listeners *listeners; /* stay the caller's */
    struct peers_limits limits;
    size_t body_bytes_max;
    size_t header_bytes_max;
    server_greet_fn *greet;
    server_admit_fn *admit;
    server_handle_fn *handle;
    void *arg;
    const struct logger *logger;
};

tel_error server_start(struct server **out, const struct server_options *options, tel_fault *fault);

/* Accept no more connections, and end each one with its next answer. */
void server_quiesce(struct server *server);

/* Wait until no request is being worked on. false: some still are at the deadline. */
bool server_wait_idle(struct server *server, struct deadline deadline);

/* End all connections and threads, and release the server. No exchange may be suspended. */
void server_stop(struct server *server);

/* Is this the only connection? Then nobody but who connects now waits for this thread. */
bool server_is_alone(const struct exchange *exchange);

/* The answer comes later. To be called by the handler, before anyone may resume. */
void server_suspend(struct exchange *exchange);

/* The answer is in the exchange, which belongs to the server again. From any thread; in the handler, of
 * an exchange that was not suspended, this does nothing. */
void server_resume(struct exchange *exchange);

#endif
