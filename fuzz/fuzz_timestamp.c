/* SPDX-License-Identifier: MIT
 *
 * Any bytes as a time: refused, or a time whose stored form stands for the same microsecond.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = strndup((const char *)data, size);
    char stored[TEL_TIMESTAMP_SIZE];
    int64_t us;
    int64_t again;

    if (text && timestamp_parse_date(&us, text)) {
        timestamp_format(stored, us);
        if (!timestamp_parse(&again, stored) || again != us)
            abort();
    }
    free(text);
    return 0;
}
