/* SPDX-License-Identifier: MIT */
#include "http/auth.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Digests are of one length, so that not even the token's shows. */
static bool is_same(const char *given, const char *token)
{
    unsigned char digests[2][SHA256_DIGEST_LENGTH];

    return SHA256((const unsigned char *)given, strlen(given), digests[0]) &&
           SHA256((const unsigned char *)token, strlen(token), digests[1]) &&
           CRYPTO_memcmp(digests[0], digests[1], SHA256_DIGEST_LENGTH) == 0;
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
