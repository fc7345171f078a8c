/* SPDX-License-Identifier: MIT
 *
 * A job of the writer's that is over only when it is let go, so that others queue up behind it.
 */
#ifndef SUPPORT_SLOW_JOB_H
#define SUPPORT_SLOW_JOB_H

#include <pthread.h>
#include <stdatomic.h>

#include "service/writer.h"

struct slow_job {
    struct write_job job;
    struct tel_record record; /* the caller clears it */
    struct write write;
    struct write *writes[1];
    pthread_mutex_t gate; /* locked until the caller lets it go */
    atomic_bool at_gate;  /* it is written, and waits */
    bool done;            /* it has passed, and had created its run */
};

/* Make one that creates the run "event-<number>". */
void slow_job_init(struct slow_job *slow, int number);

#endif
