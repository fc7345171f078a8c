/* SPDX-License-Identifier: MIT
 *
 * Peers that misbehave, each in its own way. None of them is our service, and none answers a request
 * as it would.
 */
#ifndef SUPPORT_HOSTILE_H
#define SUPPORT_HOSTILE_H

#include "support/peer.h"

struct hostile {
    const char *name;
    peer_fn *behave;
    const char *text; /* what it says */
    bool is_silent;   /* it keeps the caller waiting until the caller gives up */
};

extern const struct hostile hostiles[];
extern const size_t hostile_count;
extern const struct hostile *const hostile_silence; /* accepts and never answers */

/* Start it. */
struct peer *hostile_start(const struct hostile *hostile);

/* A behaviour: answer one request with the first `bytes` of `text`, then reset the connection. */
struct hostile_cut {
    const char *text;
    size_t bytes;
};
peer_fn hostile_reset;

#endif
