/* SPDX-License-Identifier: MIT
 *
 * Lines of outboxes: requests that other clients could not send and wrote down as
 * {"endpoint":..., "method":..., "payload":...}.
 */
#ifndef DELIVER_OUTBOX_H
#define DELIVER_OUTBOX_H

#include "base/json.h"

/* Is this line a request that was written down? */
bool outbox_is_request(const json_t *line);

/*
 * Translate a request into lines as our own buffer has them: *out is a run, an update, or an array of
 * these; a new reference. TEL_E_INVALID: it is no request that records a run, as `reason` says.
 */
tel_error outbox_translate(json_t **out, const json_t *line, tel_fault *reason);

#endif
