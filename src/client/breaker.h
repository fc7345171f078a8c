/* SPDX-License-Identifier: MIT
 *
 * When not to ask: after a failure nobody is asked again for a while, and then by one call alone,
 * until something succeeds. It holds no lock, so it serves any thread, and a fork cannot break it.
 */
#ifndef CLIENT_BREAKER_H
#define CLIENT_BREAKER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define BREAKER_PAUSE_MIN_MS 1000  /* after the first failure... */
#define BREAKER_PAUSE_MAX_MS 30000 /* ...and twice as long each time, up to this */

/* All zero: closed. Times are of the monotonic clock, in milliseconds. */
struct breaker {
    _Atomic int64_t ask_at_ms; /* 0: closed */
    _Atomic int64_t pause_ms;  /* the last one */
    atomic_bool is_probing;
};

/* May it be asked now? While it is open, true is for one caller at a time, who then probes. */
bool breaker_allows(struct breaker *breaker, int64_t now_ms);

/* Note how it went. */
void breaker_note_success(struct breaker *breaker);
void breaker_note_failure(struct breaker *breaker, int64_t now_ms);

#endif
