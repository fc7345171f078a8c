/* SPDX-License-Identifier: MIT
 *
 * Everything that /metrics tells, gathered at one moment; how it is written down is for others.
 */
#ifndef SERVICE_METRICS_H
#define SERVICE_METRICS_H

#include "service/process.h"
#include "service/service.h"
#include "deliver/backlog.h"
#include "model/status.h"

struct agent_counts {
    char *name;
    int64_t counts[STATUS_COUNT]; /* in the order of statuses[] */
    int64_t total;                /* rows without a status of ours included */
};

struct metrics {
    struct agent_counts *agents; /* the one with the most runs comes first */
    size_t agent_count;
    size_t agent_capacity;
    bool failed; /* out of memory */
    struct run_figures runs;
    struct writer_figures writer;
    struct process_figures process;
    struct backlog backlog;
    int64_t store_bytes;
};

/* Fill in an empty one; what a database or directory that cannot be read would have told is a fault.
 * Clear it in any case. */
tel_error metrics_gather(struct metrics *metrics, struct service *service, tel_fault *fault);
void metrics_clear(struct metrics *metrics);

/* Return the name under which a write's result is counted; NULL: it is not. */
const char *metrics_result_name(enum write_result result);

#endif
