/* SPDX-License-Identifier: MIT
 *
 * From an answer to bytes on the connection.
 */
#ifndef HTTP_SERVER_SEND_H
#define HTTP_SERVER_SEND_H

#include <microhttpd.h>

#include "http/exchange.h"

/* Hand the answer to the HTTP library; its body is used up. */
enum MHD_Result send_answer(struct MHD_Connection *connection, struct exchange *exchange);

/* Write an answer to the socket, past the library, which takes none in the middle of a request; the
 * connection must be closed after it. */
void send_at_once(int fd, const struct exchange *exchange);

#endif
