/* SPDX-License-Identifier: MIT
 *
 * Where a request ends, as its headers say it, and what else they say that must be said once. Whoever
 * is let say it twice, or in two ways, can hide a second request in the first, or show one sender to
 * us and another to a proxy; so what is odd here is refused, whatever it may have meant.
 */
#ifndef HTTP_FRAMING_H
#define HTTP_FRAMING_H

#include <stdbool.h>

#include "http/exchange.h"

struct framing {
    unsigned seen;        /* the headers that may be given once, a bit for each */
    const char *repeated; /* one of them that was given again; NULL: none */
    bool is_malformed;    /* a name that is none */
};

/* Note one header; what anybody here looks at goes to `headers`, borrowed. */
void framing_add(struct framing *framing, struct request_headers *headers, const char *name,
                 const char *value);

/* After the last header: TEL_E_INVALID when the request can be read in more than one way. */
tel_error framing_check(const struct framing *framing, const struct request_headers *headers,
                        tel_fault *fault);

/* Does a body follow? */
bool framing_has_body(const struct request_headers *headers);

/* Does a body follow that says of itself that it is larger than this? */
bool framing_exceeds(const struct request_headers *headers, size_t bytes_max);

#endif
