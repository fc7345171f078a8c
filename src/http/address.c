/* SPDX-License-Identifier: MIT */
#include "http/address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#define NETWORK_BYTES 8

static const unsigned char mapped[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static bool is_mapped(const unsigned char *bytes)
{
    return memcmp(bytes, mapped, sizeof mapped) == 0;
}

struct address address_of(const struct sockaddr *socket)
{
    struct address address = {0};

    if (socket && socket->sa_family == AF_INET) {
        const struct sockaddr_in *ipv4 = (const void *)socket;

        memcpy(address.bytes, mapped, sizeof mapped);
        memcpy(address.bytes + sizeof mapped, &ipv4->sin_addr, sizeof ipv4->sin_addr);
    } else if (socket && socket->sa_family == AF_INET6) {
        const struct sockaddr_in6 *ipv6 = (const void *)socket;
        const unsigned char *bytes = ipv6->sin6_addr.s6_addr;
        bool is_whole = is_mapped(bytes) || IN6_IS_ADDR_LOOPBACK(&ipv6->sin6_addr);

        memcpy(address.bytes, bytes, is_whole ? sizeof address.bytes : NETWORK_BYTES);
    }
    return address;
}

bool address_is_same(const struct address *a, const struct address *b)
{
    return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

void address_write(char out[ADDRESS_TEXT_SIZE], const struct address *address)
{
    static const struct address local;

    if (address_is_same(address, &local))
        (void)snprintf(out, ADDRESS_TEXT_SIZE, "unix");
    else if (is_mapped(address->bytes))
        (void)inet_ntop(AF_INET, address->bytes + sizeof mapped, out, ADDRESS_TEXT_SIZE);
    else
        (void)inet_ntop(AF_INET6, address->bytes, out, ADDRESS_TEXT_SIZE);
}
