/* SPDX-License-Identifier: MIT
 *
 * A request on its way through the server, from its first line to the last byte of the answer: what
 * the HTTP library calls.
 */
#ifndef HTTP_SERVER_VISIT_H
#define HTTP_SERVER_VISIT_H

#include <microhttpd.h>

#include "http/visits.h"

/* What MHD_OPTION_URI_LOG_CALLBACK wants, an MHD_AccessHandlerCallback and an
 * MHD_RequestCompletedCallback; they find all they need by the connection. */
void *visit_on_uri(void *arg, const char *uri, struct MHD_Connection *connection);
enum MHD_Result visit_on_request(void *arg, struct MHD_Connection *connection, const char *url,
                                 const char *method, const char *version, const char *bytes,
                                 size_t *count, void **context);
void visit_on_completed(void *arg, struct MHD_Connection *connection, void **context,
                        enum MHD_RequestTerminationCode code);

/* Answer what the library found malformed, in our way, and have it end the connection: always MHD_NO.
 * Past the library, since 0.9.75 sends the headers of some of these answers twice. */
enum MHD_Result visit_refuse(struct MHD_Connection *connection, unsigned status);

#endif
