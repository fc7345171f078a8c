/* SPDX-License-Identifier: MIT */
#include "base/uuid.h"

#include <string.h>
#include <uuid/uuid.h>

#include "base/cleanup.h"
#include "base/host.h"

void uuid_make(char out[UUID_SIZE])
{
    CLEANUP(errno_restore) int host_errno = errno; /* libuuid sets it to 0 */
    uuid_t uuid;

    uuid_generate_random(uuid);
    uuid_unparse_lower(uuid, out);
}

void random_hex8(char out[9])
{
    char uuid[UUID_SIZE];

    uuid_make(uuid);
    memcpy(out, uuid, 8); /* the first group is random throughout */
    out[8] = '\0';
}
