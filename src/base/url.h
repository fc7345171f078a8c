/* SPDX-License-Identifier: MIT
 *
 * Text as part of a URL; and URLs as people write them into settings:
 * scheme://[user@]host[:port][/path][?query].
 */
#ifndef BASE_URL_H
#define BASE_URL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/strbuf.h"

/* Append any text so that it stands for itself as one path segment or as a query's value. */
void url_append_segment(struct strbuf *url, const char *text);

/* Pieces of a URL, pointing into it. */
struct url {
    const char *scheme;
    size_t scheme_length;
    const char *host; /* without user and port; an IPv6 address with its brackets */
    size_t host_length;
    const char *rest; /* from the end of host and port on: path, query, "" */
    bool has_user;
};

/* Take a URL to pieces. false: it has no scheme or no host. */
bool url_split(struct url *url, const char *text);

bool url_has_scheme(const struct url *url, const char *scheme);
bool url_has_host(const struct url *url, const char *host);

/* Is the host a domain or within it ("example.org" and "www.example.org" are in "example.org")? */
bool url_is_within(const struct url *url, const char *domain);

/* Does the host name this machine? */
bool url_is_loopback(const struct url *url);

#endif
