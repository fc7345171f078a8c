/* SPDX-License-Identifier: MIT */
#include "http/visitor.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

/* Return the length of the name in "name" or "name:port", 0 when it is neither. */
static size_t name_length(const char *host)
{
    size_t length = *host == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":");
    const char *port = host + length;

    if (length > strlen(host))
        return 0;
    if (*port == ':')
        port += 1 + strspn(port + 1, "0123456789");
    return *port ? 0 : length;
}

static bool is_name(const char *host, size_t length, const char *name, size_t name_size)
{
    return length == name_size && strncasecmp(host, name, length) == 0;
}

static bool is_listed(const char *host, size_t length, const char *list)
{
    while (list && *list) {
        size_t size;

        list += strspn(list, ", ");
        size = strcspn(list, ", ");
        if (size && is_name(host, length, list, size))
            return true;
        list += size;
    }
    return false;
}

static bool is_address(const char *host, size_t length)
{
    unsigned char address[sizeof(struct in6_addr)];
    bool bracketed = *host == '[';
    char text[INET6_ADDRSTRLEN];

    if (bracketed) {
        host++;
        length -= 2;
    }
    if (length >= sizeof text)
        return false;
    memcpy(text, host, length);
    text[length] = '\0';
    return inet_pton(bracketed ? AF_INET6 : AF_INET, text, address) == 1;
}

bool visitor_host_is_allowed(const struct visitor_rules *rules, const char *host)
{
    size_t length = name_length(host);

    if (!length)
        return false;
    if (is_listed(host, length, "localhost,127.0.0.1,[::1]") ||
        is_listed(host, length, rules->allowed_hosts))
        return true;
    if (rules->is_loopback)
        return is_listed(host, length, rules->bound_hosts);
    return is_address(host, length) || is_listed(host, length, rules->own_name);
}

bool visitor_origin_is_allowed(const char *host, const char *origin, const char *sec_fetch_site)
{
    static const char scheme[] = "http://";

    if (sec_fetch_site && strcasecmp(sec_fetch_site, "cross-site") == 0)
        return false;
    if (!origin)
        return true;
    return strncasecmp(origin, scheme, strlen(scheme)) == 0 &&
           strcasecmp(origin + strlen(scheme), host) == 0;
}
