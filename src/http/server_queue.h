/* SPDX-License-Identifier: MIT
 *
 * The library's answers of its own. To what it cannot read (a Content-Length that is no number, a
 * broken chunk) it answers by itself, in HTML, and has no setting for that. But it does so by its
 * public MHD_queue_response(), and of a function that the program defines too, everybody gets the
 * program's: so where its answer would be queued, visit_refuse() is called, and ours are queued by
 * queue_response().
 */
#ifndef HTTP_SERVER_QUEUE_H
#define HTTP_SERVER_QUEUE_H

#include <microhttpd.h>

#include "base/error.h"

/* Find the library's function. Once, before there is a server. */
tel_error queue_init(tel_fault *fault);

/* Queue an answer of ours, as the library does it. */
enum MHD_Result queue_response(struct MHD_Connection *connection, unsigned status,
                               struct MHD_Response *response);

#endif
