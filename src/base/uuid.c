/* SPDX-License-Identifier: MIT */
#include "base/uuid.h"

#include <string.h>
#include <sys/random.h>
#include <uuid/uuid.h>

#include "base/cleanup.h"
#include "base/host.h"

void uuid_make(char out[UUID_SIZE])
{
    CLEANUP(errno_restore) int host_errno = errno; /* libuuid sets it to 0 */
    uuid_t uuid;

    /* What libuuid does beside asking the kernel costs ten times as much, and helps only without it. */
    if (getrandom(uuid, sizeof uuid, GRND_NONBLOCK) == (ssize_t)sizeof uuid) {
        uuid[6] = (unsigned char)((uuid[6] & 0x0f) | 0x40); /* version 4: random */
        uuid[8] = (unsigned char)((uuid[8] & 0x3f) | 0x80); /* RFC 4122's variant */
    } else {
        uuid_generate_random(uuid);
    }
    uuid_unparse_lower(uuid, out);
}

void random_hex8(char out[9])
{
    char uuid[UUID_SIZE];

    uuid_make(uuid);
    memcpy(out, uuid, 8); /* the first group is random throughout */
    out[8] = '\0';
}
