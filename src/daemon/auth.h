/* SPDX-License-Identifier: MIT
 *
 * Does a request carry the token?
 */
#ifndef DAEMON_AUTH_H
#define DAEMON_AUTH_H

#include <stdbool.h>

/* Is `authorization` (may be NULL) "Bearer <token>", the scheme in any case? The time this takes
 * does not depend on how much of the token is right. */
bool auth_is_valid(const char *authorization, const char *token);

#endif
