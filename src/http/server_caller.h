/* SPDX-License-Identifier: MIT
 *
 * A connection of the HTTP library's, for as long as it is open.
 */
#ifndef HTTP_SERVER_CALLER_H
#define HTTP_SERVER_CALLER_H

#include <microhttpd.h>

#include "http/visits.h"

struct caller {
    struct visits *visits;
    struct peer *peer;
    struct visit *visit; /* its request that is under way; NULL: none is known of */
    int linger_fd; /* keeps it open for a moment after the library closed it; -1: not needed */
};

/* A MHD_NotifyConnectionCallback; `visits` is the struct visits. */
void caller_on_connection(void *visits, struct MHD_Connection *connection, void **context,
                          enum MHD_ConnectionNotificationCode code);

/* Return whose connection this is; NULL: nobody may use it. */
struct caller *caller_of(struct MHD_Connection *connection);

/* The connection is going to end before what is sent on it does. */
void caller_linger(struct caller *caller);

#endif
