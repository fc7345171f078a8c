/* SPDX-License-Identifier: MIT */
#include "daemon/auth.h"

#include <stddef.h>
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
