/* SPDX-License-Identifier: MIT
 *
 * Exports to Google Sheets what clients left pending, on a thread of its own: after each interval, and
 * after longer and longer ones while the other side fails.
 */
#ifndef DAEMON_EXPORTER_H
#define DAEMON_EXPORTER_H

#include "config/config.h"
#include "http/logger.h"
#include "service/reader.h"
#include "service/writer.h"

struct exporter;

/* Start it; *out is NULL when the export is off. All but `out` must outlive the exporter. */
tel_error exporter_start(struct exporter **out, const struct tel_config *config,
                         struct reader *reader, struct writer *writer, struct logger *logger,
                         tel_fault *fault);

/* End it, breaking off the request under way. */
void exporter_stop(struct exporter *exporter);

/* How long to wait after a round that failed: twice as long as before it, an hour at most, unless the
 * interval is longer. */
int64_t exporter_longer_pause(int64_t interval_ms, int64_t pause_ms);

#endif
