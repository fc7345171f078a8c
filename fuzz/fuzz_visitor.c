/* SPDX-License-Identifier: MIT
 *
 * Any bytes as Host, and behind a newline as Origin: only our own names get in, and a page only from
 * the very host that it asks.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "daemon/visitor.h"

static bool is_ours(const char *host)
{
    static const char *const names[] = {"localhost", "127.0.0.1", "[::1]", "allowed.example"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t length = strlen(names[i]);

        if (strncasecmp(host, names[i], length) == 0 && (!host[length] || host[length] == ':'))
            return true;
    }
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct visitor_rules rules = {
        .bound_host = "127.0.0.1",
        .allowed_hosts = "allowed.example",
        .own_name = "machine",
        .is_loopback = true,
    };
    char *host = strndup((const char *)data, size);
    char *origin = host ? strchr(host, '\n') : NULL;

    if (!host)
        return 0;
    if (origin)
        *origin++ = '\0';
    if (visitor_host_is_allowed(&rules, host) && !is_ours(host))
        abort();
    if (origin && visitor_origin_is_allowed(host, origin, NULL) &&
        (strncasecmp(origin, "http://", 7) != 0 || strcasecmp(origin + 7, host) != 0))
        abort();
    free(host);
    return 0;
}
