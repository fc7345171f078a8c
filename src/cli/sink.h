/* SPDX-License-Identifier: MIT
 *
 * Where records are put: the service, when one of ours answers, else the database, under the
 * single-writer lock.
 */
#ifndef CLI_SINK_H
#define CLI_SINK_H

#include "cli/options.h"
#include "deliver/sync.h"

struct sink;

/*
 * Open it. TEL_E_BUSY: another process has the lock; TEL_E_REJECTED: the service wants a token;
 * TEL_E_UNAVAILABLE: the service that was named does not answer; the database's faults as store_open()
 * has them.
 */
tel_error sink_open(struct sink **out, const struct common_options *options, tel_fault *fault);

/* The same, for the database alone. */
tel_error sink_open_database(struct sink **out, const struct tel_config *config,
                             int64_t lock_wait_ms, tel_fault *fault);
void sink_close(struct sink *sink);

bool sink_is_service(const struct sink *sink);

/* A sync_deliver_fn; `arg` is a sink. */
sync_deliver_fn sink_deliver;

#endif
