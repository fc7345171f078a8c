/* SPDX-License-Identifier: MIT
 *
 * All sockets that the service listens on.
 */
#ifndef HTTP_LISTENERS_H
#define HTTP_LISTENERS_H

#include <stddef.h>

#include "http/listener.h"

#define LISTENERS_MAX 8
#define LISTENERS_URL_SIZE 128

struct listeners {
    struct listener items[LISTENERS_MAX];
    size_t count;
    char hosts[LISTENERS_MAX * 64]; /* their addresses, separated by commas */
};

struct listeners_options {
    const char *host;
    uint16_t port;
    const char *socket; /* NULL: no Unix-domain socket */
    enum file_access access;
};

/*
 * Open those that are asked for into empty `listeners`. Sockets that were inherited by the protocol of
 * systemd (LISTEN_PID, LISTEN_FDS) take the place of host and port. "localhost" is both of its
 * addresses, as far as the machine has them.
 */
tel_error listeners_open(struct listeners *listeners, const struct listeners_options *options,
                         tel_fault *fault);
void listeners_close(struct listeners *listeners);

/* Can only this machine reach them? */
bool listeners_are_local(const struct listeners *listeners);

/* Write where one is found: http://127.0.0.1:8765, unix:/run/telemetry. */
void listeners_write_url(char out[LISTENERS_URL_SIZE], const struct listener *listener);

#endif
