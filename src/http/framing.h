/* SPDX-License-Identifier: MIT
 *
 * Where a request ends, as its headers say it. Whoever is let say it twice, or in two ways, can hide
 * a second request in the first; so what is odd here is refused, whatever it may have meant.
 */
#ifndef HTTP_FRAMING_H
#define HTTP_FRAMING_H

#include <stdbool.h>

#include "http/exchange.h"

struct framing {
    unsigned hosts;
    unsigned lengths;
    unsigned encodings;
    const char *length; /* NULL: there is none */
    const char *encoding;
    bool is_malformed; /* a name that is none */
};

/* Note one header; what anybody here looks at goes to `headers`, borrowed. */
void framing_add(struct framing *framing, struct request_headers *headers, const char *name,
                 const char *value);

/* Return what is wrong with it, or NULL. */
const char *framing_fault(const struct framing *framing);

/* Does a body follow? */
bool framing_has_body(const struct framing *framing);

/* Does a body follow that says of itself that it is larger than this? */
bool framing_exceeds(const struct framing *framing, size_t bytes_max);

#endif
