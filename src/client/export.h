/* SPDX-License-Identifier: MIT
 *
 * Exports each run that ends to Google Sheets, on a thread beside the caller's, and records how that
 * went. What was not exported stays pending, for the service or `telemetry sync`.
 */
#ifndef CLIENT_EXPORT_H
#define CLIENT_EXPORT_H

#include "client/run.h"

/* Make the queue of a process; none when the export is off. Fails for want of memory only. */
tel_error export_init(struct process *process, const struct tel_client *client);

/* Export a run whose end is recorded, `outcome` says where. */
void export_run(struct process *process, const struct tel_run *run, enum outcome outcome);

/* The client is closing: give what is queued until a little before its `close_by` to go out. */
void export_finish(struct process *process, const struct tel_client *client);

void export_clear(struct process *process);

#endif
