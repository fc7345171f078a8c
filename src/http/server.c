/* SPDX-License-Identifier: MIT
 *
 * One HTTP library for all listening sockets: it is handed accepted connections, since it would
 * listen to a single socket itself, and leave those beyond a limit waiting.
 */
#include "http/server.h"

#include <microhttpd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/server_caller.h"
#include "http/server_queue.h"
#include "http/server_visit.h"

#define OTHER_HEADER_BYTES 4096
#define OTHER_DESCRIPTORS 128 /* beside connections: database, files, libraries */

/* Ours holds before. A thread of libmicrohttpd's that meets its own with a new connection keeps a lock. */
#define UNREACHED_LIMIT (1U << 30)

struct server {
    struct server_options options;
    struct MHD_Daemon *daemon;
    struct visits visits;
};

static void on_log(void *arg, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));

/* What the HTTP library has to say concerns one connection at most. */
static void on_log(void *arg, const char *format, va_list args)
{
    struct server *server = arg;
    char message[512];

    (void)vsnprintf(message, sizeof message, format, args);
    message[strcspn(message, "\n")] = '\0';
    logger_event(server->options.logger, TEL_LOG_DEBUG, "http", LOG_FIELDS({"message", message}));
}

/* What a connection's memory must hold, which the library clears for each request: all headers of the
 * request, and those of the answer, of which the longest is a link to the same URL, each byte escaped. */
static size_t connection_bytes(const struct server_options *options)
{
    return options->header_bytes_max + (size_t)3 * SERVER_URL_BYTES_MAX + OTHER_HEADER_BYTES;
}

static tel_error start_daemon(struct server *server, tel_fault *fault)
{
    const struct server_options *options = &server->options;
    const unsigned flags = MHD_USE_ERROR_LOG | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_EPOLL |
                           MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME;

    server->daemon =
        MHD_start_daemon(flags, 0, NULL, NULL, visit_on_request, NULL, MHD_OPTION_EXTERNAL_LOGGER,
                         on_log, server, MHD_OPTION_NOTIFY_CONNECTION, caller_on_connection,
                         &server->visits, MHD_OPTION_URI_LOG_CALLBACK, visit_on_uri, NULL,
                         MHD_OPTION_NOTIFY_COMPLETED, visit_on_completed, NULL,
                         MHD_OPTION_THREAD_POOL_SIZE, (unsigned)SERVER_THREADS,
                         MHD_OPTION_CONNECTION_LIMIT, UNREACHED_LIMIT,
                         MHD_OPTION_CONNECTION_MEMORY_LIMIT, connection_bytes(options),
                         MHD_OPTION_END);
    if (!server->daemon)
        return fault_errno(fault, TEL_E_IO, "cannot start the HTTP server");
    return TEL_OK;
}

/* The library has a connection wait until its thread comes to it, so it is known from here on. */
static void on_accepted(void *arg, int fd, const struct sockaddr *address, socklen_t size)
{
    struct server *server = arg;
    struct peers *peers = server->visits.peers;
    struct peer *peer = peers_add(peers, fd, address);

    if (!peer)
        (void)close(fd);
    else if (MHD_add_connection(server->daemon, fd, address, size) != MHD_YES)
        peers_remove(peers, peer);
}

/* Each connection is a descriptor, and the usual limit of 1024 would be met before ours. */
static void raise_descriptor_limit(const struct server_options *options)
{
    rlim_t wanted = options->limits.connections_max + PEERS_SURPLUS_MAX + OTHER_DESCRIPTORS;
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur >= wanted)
        return;
    limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

tel_error server_start(struct server **out, const struct server_options *options, tel_fault *fault)
{
    struct server *server = calloc(1, sizeof *server);
    struct acceptor_options acceptor = {
        .listeners = options->listeners,
        .linger_bytes_max = options->body_bytes_max,
        .accepted = on_accepted,
        .arg = server,
        .logger = options->logger,
    };
    tel_error error;

    *out = NULL;
    if (!server)
        return fault_nomem(fault);
    raise_descriptor_limit(options);
    server->options = *options;
    visits_init(&server->visits, &server->options);
    error = peers_new(&server->visits.peers, &options->limits, fault);
    acceptor.peers = server->visits.peers;
    if (!error)
        error = queue_init(fault);
    if (!error)
        error = start_daemon(server, fault);
    if (!error)
        error = acceptor_start(&server->visits.acceptor, &acceptor, fault);
    if (error) {
        server_stop(server);
        return error;
    }
    *out = server;
    return TEL_OK;
}

void server_quiesce(struct server *server)
{
    const struct listeners *listeners = server->options.listeners;

    visits_quiesce(&server->visits);
    acceptor_quiesce(server->visits.acceptor);
    /* Who connects from here on is refused, instead of waiting for nobody. */
    for (size_t i = 0; i < listeners->count; i++)
        listener_refuse(&listeners->items[i]);
}

bool server_wait_idle(struct server *server, struct deadline deadline)
{
    return visits_wait_idle(&server->visits, deadline);
}

void server_stop(struct server *server)
{
    if (!server)
        return;
    if (server->visits.acceptor)
        acceptor_stop(server->visits.acceptor);
    if (server->daemon)
        MHD_stop_daemon(server->daemon);
    acceptor_free(server->visits.acceptor);
    peers_free(server->visits.peers);
    visits_clear(&server->visits);
    free(server);
}
