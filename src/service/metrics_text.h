/* SPDX-License-Identifier: MIT
 *
 * Metrics as Prometheus reads them.
 */
#ifndef SERVICE_METRICS_TEXT_H
#define SERVICE_METRICS_TEXT_H

#include "base/strbuf.h"
#include "service/metrics.h"

/* The two formats differ in the names of counters, and in how they end. */
enum metrics_format { METRICS_PROMETHEUS, METRICS_OPENMETRICS };

/* So many agents have figures of their own; the others are summed up. */
#define METRICS_AGENTS_MAX 100

void metrics_write_text(struct strbuf *out, const struct metrics *metrics,
                        const struct service *service, enum metrics_format format);

#endif
