/* SPDX-License-Identifier: MIT */
#include "http/request_id.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/uuid.h"

static bool is_short_word(const char *given)
{
    static const char word[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.:";
    size_t length = strspn(given, word);

    return length && !given[length] && length < REQUEST_ID_SIZE;
}

void request_id_choose(char out[REQUEST_ID_SIZE], const char *given)
{
    if (given && is_short_word(given))
        (void)snprintf(out, REQUEST_ID_SIZE, "%s", given);
    else
        uuid_make(out);
}
