/* SPDX-License-Identifier: MIT
 *
 * What a client asks of the service: figures, and which run a run_id names.
 */
#ifndef DELIVER_REMOTE_READ_H
#define DELIVER_REMOTE_READ_H

#include "deliver/http.h"

/* Count the runs. What an older service does not tell is -1. TEL_E_UNAVAILABLE. */
tel_error remote_stats(struct http *http, tel_run_stats *out, struct deadline deadline,
                       tel_fault *fault);

/* Find the event_id of the newest run of this run_id; the caller frees it. TEL_E_NOT_FOUND,
 * TEL_E_UNAVAILABLE. */
tel_error remote_find(char **event_id, struct http *http, const char *run_id,
                      struct deadline deadline, tel_fault *fault);

#endif
