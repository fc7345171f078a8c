/* SPDX-License-Identifier: MIT */
#include "daemon/auth.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Compare without stopping at the first difference; only the given text's length shows. */
static bool is_same(const char *given, const char *token)
{
    size_t given_length = strlen(given);
    size_t length = strlen(token);
    volatile unsigned char difference = given_length != length;

    for (size_t i = 0; i < given_length; i++)
        difference |= (unsigned char)(given[i] ^ token[length ? i % length : 0]);
    return difference == 0;
}

bool auth_is_valid(const char *authorization, const char *token)
{
    static const char scheme[] = "Bearer ";
    const char *given;

    if (!authorization || strncasecmp(authorization, scheme, strlen(scheme)) != 0)
        return false;
    given = authorization + strlen(scheme);
    given += strspn(given, " ");
    return *given && is_same(given, token);
}

void auth_set_token(struct auth *auth, char *token)
{
    char *old;

    pthread_mutex_lock(&auth->lock);
    old = auth->token;
    auth->token = token;
    pthread_mutex_unlock(&auth->lock);
    if (old)
        explicit_bzero(old, strlen(old));
    free(old);
}

void auth_clear(struct auth *auth)
{
    auth_set_token(auth, NULL);
}

bool auth_admits(struct auth *auth, const char *authorization)
{
    bool admitted;

    pthread_mutex_lock(&auth->lock);
    admitted = auth->token && auth_is_valid(authorization, auth->token);
    pthread_mutex_unlock(&auth->lock);
    return admitted;
}
