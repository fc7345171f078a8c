/* SPDX-License-Identifier: MIT
 *
 * A listening socket: TCP from a name or address and a port, a Unix-domain socket from a path, or one
 * that whoever started us had opened already.
 */
#ifndef HTTP_LISTENER_H
#define HTTP_LISTENER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/file.h"

struct listener {
    int fd;         /* -1: none */
    char host[64];  /* the address as a URL has it: 127.0.0.1, [::1]; "" of a Unix-domain socket */
    uint16_t port;  /* the real one, when 0 was asked for */
    char path[108]; /* of a Unix-domain socket */
    ino_t inode;    /* ... that we made; 0: somebody else did */
    bool is_local;  /* only this machine can reach it */
    bool is_borrowed; /* others go on using it after our end */
};

#define LISTENER() ((struct listener){.fd = -1})

/* Is `host` an address (or a name for one) that only this machine can reach? false also when it
 * cannot be resolved. */
bool listener_is_loopback(const char *host);

/* Listen on `host` (a name, an IPv4 or IPv6 address, with or without brackets). A port in use: the
 * fault names who has it, where that can be seen. */
tel_error listener_open(struct listener *listener, const char *host, uint16_t port,
                        tel_fault *fault);

/* Listen on a Unix-domain socket. One that nobody listens on any more, and is ours, is replaced. */
tel_error listener_open_unix(struct listener *listener, const char *path, enum file_access access,
                             tel_fault *fault);

/* Take over a descriptor. TEL_E_INVALID: it is no stream socket that listens. */
tel_error listener_adopt(struct listener *listener, int fd, tel_fault *fault);

/* Refuse whoever comes from here on, unless others may go on to take them. */
void listener_refuse(const struct listener *listener);

void listener_close(struct listener *listener);

/* Fill in what a descriptor can tell about itself. */
tel_error listener_describe(struct listener *listener, tel_fault *fault);

#endif
