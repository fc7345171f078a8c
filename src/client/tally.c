/* SPDX-License-Identifier: MIT */
#include "client/tally.h"

void tally_add(struct tally *tally, enum tally_index index, size_t count)
{
    (void)atomic_fetch_add_explicit(&tally->counts[index], (int64_t)count, memory_order_relaxed);
}

void tally_read(struct tally *tally, tel_client_stats *out)
{
#define COUNT(name) \
    out->name = atomic_load_explicit(&tally->counts[TALLY_##name], memory_order_relaxed);
    TALLY_COUNTS(COUNT)
#undef COUNT
}
