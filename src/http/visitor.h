/* SPDX-License-Identifier: MIT
 *
 * Who may ask: a web page in the user's browser must not reach the service, neither under a foreign
 * name that resolves to this machine (Host) nor by a form or script of another site (Origin).
 */
#ifndef HTTP_VISITOR_H
#define HTTP_VISITOR_H

#include <stdbool.h>

struct visitor_rules {
    const char *bound_hosts; /* the addresses that are listened on, as URLs have them, by commas */
    const char *allowed_hosts; /* further names, by commas; NULL: none */
    const char *own_name;      /* this host's name */
    bool is_loopback;          /* they all are: none but this machine can come */
};

/* May the service be called by this Host header, "name" or "name:port"? */
bool visitor_host_is_allowed(const struct visitor_rules *rules, const char *host);

/* May a write with these headers (each may be NULL but `host`) be taken? */
bool visitor_origin_is_allowed(const char *host, const char *origin, const char *sec_fetch_site);

#endif
