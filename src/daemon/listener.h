/* SPDX-License-Identifier: MIT
 *
 * A listening TCP socket, from a name or address and a port.
 */
#ifndef DAEMON_LISTENER_H
#define DAEMON_LISTENER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct listener {
    int fd;        /* -1: none */
    char host[64]; /* the address as a URL has it: 127.0.0.1, [::1] */
    uint16_t port; /* the real one, when 0 was asked for */
};

#define LISTENER() ((struct listener){.fd = -1})

/* Is `host` an address (or a name for one) that only this machine can reach? false also when it
 * cannot be resolved. */
bool listener_is_loopback(const char *host);

/* Listen on `host` (a name, an IPv4 or IPv6 address, with or without brackets). A port in use: the
 * fault names who has it, where that can be seen. */
tel_error listener_open(struct listener *listener, const char *host, uint16_t port,
                        tel_fault *fault);
void listener_close(struct listener *listener);

#endif
