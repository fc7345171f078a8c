/* SPDX-License-Identifier: MIT
 *
 * Any bytes as Host and, behind a line feed, Origin. On a loopback address only our own names may
 * pass, and an origin that passes names the host that was asked.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "http/visitor.h"

/* Does a Host header begin with a name, with nothing behind it but a port? */
static int is_name(const char *host, const char *name)
{
    size_t length = strlen(name);
    const char *port = host + length;

    return strncasecmp(host, name, length) == 0 &&
           (!*port || (*port == ':' && strspn(port + 1, "0123456789") == strlen(port + 1)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct visitor_rules rules = {.bound_hosts = "127.0.0.1",
                                               .own_name = "box",
                                               .is_loopback = true};
    char *host = strndup((const char *)data, size);
    char *origin;

    if (!host)
        return 0;
    origin = strchr(host, '\n');
    if (origin)
        *origin++ = '\0';
    if (visitor_host_is_allowed(&rules, host) && !is_name(host, "localhost") &&
        !is_name(host, "127.0.0.1") && !is_name(host, "[::1]"))
        abort();
    if (origin && visitor_origin_is_allowed(host, origin, NULL) && !strcasestr(origin, host))
        abort();
    free(host);
    return 0;
}
