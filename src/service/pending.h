/* SPDX-License-Identifier: MIT
 *
 * Writes on their way to the disk, and the exchange that waits for them. The first member of a
 * struct that owns the writes; it lives until they are answered.
 */
#ifndef SERVICE_PENDING_H
#define SERVICE_PENDING_H

#include "http/exchange.h"
#include "service/service.h"

struct pending;
typedef void pending_fn(struct pending *pending);

struct pending {
    struct write_job job; /* first, so that one is the other */
    struct exchange *exchange;
    pending_fn *answer;  /* the writes have their results: answer the exchange */
    pending_fn *release; /* free it and all that it owns */
};

/* Hand the writes over, or, where nobody waits for this thread, apply them here. The exchange is answered
 * (503 when they could not be stored) and resumed; `pending` is released. */
void pending_submit(struct service *service, struct pending *pending);

#endif
