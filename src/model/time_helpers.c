/* SPDX-License-Identifier: MIT
 *
 * The founding document's helpers about time.
 */
#include "base/clock.h"

tel_error tel_get_iso8601_timestamp(char out[TEL_TIMESTAMP_SIZE])
{
    if (!out)
        return TEL_E_INVALID;
    timestamp_format(out, clock_now_us());
    return TEL_OK;
}

tel_error tel_calculate_duration_ms(int64_t *out, const char *start, const char *end)
{
    int64_t start_us;
    int64_t end_us;

    if (!out)
        return TEL_E_INVALID;
    *out = 0;
    if (!timestamp_parse(&start_us, start) || !timestamp_parse(&end_us, end))
        return TEL_E_INVALID;
    if (end_us > start_us)
        *out = (end_us - start_us) / 1000;
    return TEL_OK;
}
