/* SPDX-License-Identifier: MIT
 *
 * A service that takes whatever it is sent and keeps the requests, and may be away.
 */
#ifndef SUPPORT_SERVICE_STUB_H
#define SUPPORT_SERVICE_STUB_H

#include <stdatomic.h>

#include "base/strbuf.h"
#include "support/peer.h"

struct service_stub {
    atomic_bool is_away;       /* then it answers 503 */
    atomic_bool hates_batches; /* then those alone are answered 503 */
    struct strbuf requests;    /* one after the other; to be read when the peer was stopped */
};

/* A behaviour; `arg` is a struct service_stub. */
peer_fn service_stub;

#endif
