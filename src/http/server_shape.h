/* SPDX-License-Identifier: MIT
 *
 * Reading a request's headers, and refusing those that cannot be understood in one way only, or are
 * too long.
 */
#ifndef HTTP_SERVER_SHAPE_H
#define HTTP_SERVER_SHAPE_H

#include <microhttpd.h>
#include <stdbool.h>

#include "http/framing.h"
#include "http/header_block.h"

struct shape {
    struct framing framing;
    struct header_block block;
    size_t size; /* of all headers */
};

/* Read the headers; what anybody looks at goes to `headers`. The strings are the library's. */
void shape_read(struct shape *shape, struct request_headers *headers,
                struct MHD_Connection *connection, const char *method, const char *uri,
                const char *version);

/* Is it sound? The target is parsed then; else it is answered, and the connection is to close. */
bool shape_check(const struct shape *shape, struct exchange *exchange, const char *uri,
                 size_t header_bytes_max);

/* Return what is wrong with a request that is refused by this status for its shape alone. */
const char *shape_reason(unsigned status);

#endif
