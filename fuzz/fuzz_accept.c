/* SPDX-License-Identifier: MIT
 *
 * Any bytes as an Accept header.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "http/accept.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *accept = strndup((const char *)data, size);
    int quality = accept ? accept_quality(accept, "text/plain") : 0;

    if (quality < 0 || quality > 1000)
        abort();
    free(accept);
    return 0;
}
