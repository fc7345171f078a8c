/* SPDX-License-Identifier: MIT
 *
 * Who is at the other end of a connection, as far as limits go. Whoever has one IPv6 address has 2^64
 * of them, so those count by their first 64 bits; all who come by a Unix-domain socket are one.
 */
#ifndef HTTP_ADDRESS_H
#define HTTP_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

struct address {
    unsigned char bytes[16]; /* an IPv4 address as IPv6 writes it; all zero: a local process */
};

#define ADDRESS_TEXT_SIZE 46

/* `socket` may be NULL. */
struct address address_of(const struct sockaddr *socket);
bool address_is_same(const struct address *a, const struct address *b);

/* Write it as people do: 127.0.0.1, 2001:db8::, unix. */
void address_write(char out[ADDRESS_TEXT_SIZE], const struct address *address);

#endif
