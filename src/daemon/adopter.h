/* SPDX-License-Identifier: MIT
 *
 * Brings what clients left in the buffer directory into the database, and after an unclean stop what
 * only the audit trail has: once when it starts, then on an interval, on a thread of its own, so that
 * neither start nor requests wait for it.
 */
#ifndef DAEMON_ADOPTER_H
#define DAEMON_ADOPTER_H

#include "http/logger.h"
#include "service/writer.h"
#include "deliver/recovery.h"

struct adopter;

/* The configuration, writer, recovery and logger must outlive the adopter. */
tel_error adopter_start(struct adopter **out, const struct tel_config *config,
                        struct writer *writer, struct recovery *recovery, struct logger *logger,
                        tel_fault *fault);

/* End it after the batch it is working on. */
void adopter_stop(struct adopter *adopter);

#endif
