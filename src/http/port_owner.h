/* SPDX-License-Identifier: MIT
 *
 * Who listens on a TCP port of this machine, from /proc: so that "address in use" can be acted on.
 */
#ifndef HTTP_PORT_OWNER_H
#define HTTP_PORT_OWNER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct port_owner {
    pid_t pid;
    char program[64];
};

/* Find a process that listens on `port`. false: none, or it is not ours to see. */
bool port_owner_find(struct port_owner *owner, uint16_t port);

/* Read one line of /proc/net/tcp or tcp6. true: a socket listens on `port`, and this is its inode. */
bool port_owner_read_line(uint64_t *inode, const char *line, uint16_t port);

#endif
