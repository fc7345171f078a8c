/* SPDX-License-Identifier: MIT */
#include "client/breaker.h"

bool breaker_allows(struct breaker *breaker, int64_t now_ms)
{
    int64_t at_ms = atomic_load(&breaker->ask_at_ms);

    if (at_ms == 0)
        return true;
    /* Whoever moves the time on is the one to probe; should nothing be heard of him, another may. */
    if (now_ms < at_ms ||
        !atomic_compare_exchange_strong(&breaker->ask_at_ms, &at_ms, now_ms + BREAKER_PAUSE_MAX_MS))
        return false;
    atomic_store(&breaker->is_probing, true);
    return true;
}

void breaker_note_success(struct breaker *breaker)
{
    atomic_store(&breaker->is_probing, false);
    atomic_store(&breaker->ask_at_ms, 0);
}

void breaker_note_failure(struct breaker *breaker, int64_t now_ms)
{
    bool was_probe = atomic_exchange(&breaker->is_probing, false);
    int64_t pause_ms = was_probe ? 2 * atomic_load(&breaker->pause_ms) : BREAKER_PAUSE_MIN_MS;

    if (!was_probe && atomic_load(&breaker->ask_at_ms) != 0)
        return; /* it was under way when another failed: no further news */
    if (pause_ms > BREAKER_PAUSE_MAX_MS)
        pause_ms = BREAKER_PAUSE_MAX_MS;
    atomic_store(&breaker->pause_ms, pause_ms);
    atomic_store(&breaker->ask_at_ms, now_ms + pause_ms);
}
