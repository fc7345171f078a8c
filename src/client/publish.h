/* SPDX-License-Identifier: MIT
 *
 * Puts what happened where it is kept: in the audit trail, and through the outlet.
 */
#ifndef CLIENT_PUBLISH_H
#define CLIENT_PUBLISH_H

#include "client/run.h"

/* Record the start of a run, or, when its fields are settled, its end. TEL_E_IO when nothing took
 * it. */
tel_error publish_start(struct process *process, struct tel_run *run);
tel_error publish_end(struct process *process, struct tel_run *run);

/* Record an event, in the audit trail alone. */
tel_error publish_event(struct tel_client *client, struct process *process, const char *run_id,
                        const char *event_type, const char *payload_json);

#endif
