/* SPDX-License-Identifier: MIT */
#include "http/server_caller.h"

#include <fcntl.h>
#include <stdlib.h>

static struct caller *caller_new(struct visits *visits, struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *fd =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct peer *peer = peers_find(visits->peers, fd->connect_fd);
    struct caller *caller = calloc(1, sizeof *caller);

    if (!caller || !peer) {
        peers_remove(visits->peers, peer);
        free(caller);
        (void)shutdown(fd->connect_fd, SHUT_RDWR);
        return NULL;
    }
    caller->visits = visits;
    caller->linger_fd = -1;
    caller->peer = peer;
    return caller;
}

void caller_on_connection(void *arg, struct MHD_Connection *connection, void **context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct visits *visits = arg;
    struct caller *caller = *context;

    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        *context = caller_new(visits, connection);
    } else if (caller) {
        *context = NULL;
        peers_remove(visits->peers, caller->peer);
        if (caller->linger_fd >= 0)
            acceptor_linger(visits->acceptor, caller->linger_fd);
        free(caller);
    }
}

struct caller *caller_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

    return info ? info->socket_context : NULL;
}

void caller_linger(struct caller *caller)
{
    if (caller->linger_fd < 0)
        caller->linger_fd = fcntl(peer_fd(caller->peer), F_DUPFD_CLOEXEC, 0);
}
