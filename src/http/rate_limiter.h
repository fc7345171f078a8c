/* SPDX-License-Identifier: MIT
 *
 * How often each client may ask: so many requests in any 60 s. Exact up to RATE_EXACT_MAX requests a
 * minute, and beyond that to half a second. The memory is bounded whatever addresses arrive: those for
 * whom there is no place share one.
 */
#ifndef HTTP_RATE_LIMITER_H
#define HTTP_RATE_LIMITER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "http/address.h"

#define RATE_WINDOW_MS 60000
#define RATE_EXACT_MAX 120
#define RATE_CLIENTS_MAX 1024 /* that have asked within the window */

struct rate_limiter;

struct quota {
    bool is_exceeded;
    unsigned limit;         /* 0: there is none */
    unsigned remaining;     /* requests that may still come now */
    unsigned retry_after_s; /* when exceeded */
};

tel_error rate_limiter_new(struct rate_limiter **out, unsigned requests_max, tel_fault *fault);
void rate_limiter_free(struct rate_limiter *limiter);

/* Count a request, unless that exceeds the limit. `now_ms` never goes back. Thread-safe. */
struct quota rate_limiter_take(struct rate_limiter *limiter, const struct address *client,
                               int64_t now_ms);

/* Tell how things stand, and count nothing. */
struct quota rate_limiter_look(struct rate_limiter *limiter, const struct address *client,
                               int64_t now_ms);

#endif
