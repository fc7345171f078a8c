/* SPDX-License-Identifier: MIT
 *
 * Does a request carry the token?
 */
#ifndef HTTP_AUTH_H
#define HTTP_AUTH_H

#include <pthread.h>
#include <stdbool.h>

/* The token that requests must carry. It may change while they come; whether there is one does not. */
struct auth {
    bool is_on; /* false: nobody has to authenticate */
    pthread_mutex_t lock;
    char *token;
};

#define AUTH() ((struct auth){.lock = PTHREAD_MUTEX_INITIALIZER})

/* Take over a token (NULL: none) in place of the one that is there. */
void auth_set_token(struct auth *auth, char *token);
void auth_clear(struct auth *auth);

/* Does a request with this header (may be NULL) carry the token? */
bool auth_admits(struct auth *auth, const char *authorization);

/* Is `authorization` (may be NULL) "Bearer <token>", the scheme in any case? The time this takes
 * does not depend on how much of the token is right. */
bool auth_is_valid(const char *authorization, const char *token);

#endif
