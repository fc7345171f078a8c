/* SPDX-License-Identifier: MIT
 *
 * What kind of answer a client prefers (RFC 9110, 12.5.1).
 */
#ifndef HTTP_ACCEPT_H
#define HTTP_ACCEPT_H

/* Return how much an Accept header (NULL: none was sent) wants a type, from 0 (not at all) to 1000.
 * The range that names the type most closely decides. */
int accept_quality(const char *accept, const char *type);

#endif
