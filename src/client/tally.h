/* SPDX-License-Identifier: MIT
 *
 * What a client did, counted: the members of tel_client_stats that are its own. Safe from any thread.
 */
#ifndef CLIENT_TALLY_H
#define CLIENT_TALLY_H

#include <stdatomic.h>
#include <stdint.h>

#include "telemetry.h"

#define TALLY_COUNTS(COUNT)   \
    COUNT(delivered)          \
    COUNT(buffered)           \
    COUNT(caught_up)          \
    COUNT(rejected)           \
    COUNT(dropped_no_buffer)  \
    COUNT(dropped_io)         \
    COUNT(dropped_too_large)  \
    COUNT(dropped_no_memory)  \
    COUNT(trail_lines)        \
    COUNT(trail_failed)       \
    COUNT(trail_unlocked)     \
    COUNT(run_ids_custom)     \
    COUNT(run_ids_generated)  \
    COUNT(run_ids_blank)      \
    COUNT(run_ids_too_long)   \
    COUNT(run_ids_with_slash) \
    COUNT(run_ids_duplicate)

enum tally_index {
#define COUNT(name) TALLY_##name,
    TALLY_COUNTS(COUNT)
#undef COUNT
        TALLY_SIZE
};

/* All zero: nothing happened yet. */
struct tally {
    _Atomic int64_t counts[TALLY_SIZE];
};

void tally_add(struct tally *tally, enum tally_index index, size_t count);

/* Fill in the members that are counted here. */
void tally_read(struct tally *tally, tel_client_stats *out);

#endif
