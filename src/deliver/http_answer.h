/* SPDX-License-Identifier: MIT
 *
 * What an answer's status means, and the reason that an error's body gives.
 */
#ifndef DELIVER_HTTP_ANSWER_H
#define DELIVER_HTTP_ANSWER_H

#include "deliver/http.h"

/* Judge an answer of `peer` as http_send() has it. */
tel_error http_answer_judge(const char *peer, const struct http_response *response,
                            tel_fault *fault);

/* Is this what any server may answer for a while (0: none arrived)? Then it does not tell whose it is. */
bool http_status_is_passing(long status);

/* Return the reason in an error's body (`detail`, or as Google has it) as one line, "" when it has none; NULL: out of memory. The
 * caller frees it. */
char *http_answer_reason(const struct strbuf *body);

#endif
