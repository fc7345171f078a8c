/* SPDX-License-Identifier: MIT */
#include "support/slow_job.h"

#include "support/cmocka_all.h"

#include <stdio.h>

#include "support/database.h"

static void pass_gate(struct write_job *job, const tel_fault *fault)
{
    struct slow_job *slow = (struct slow_job *)job;

    atomic_store(&slow->at_gate, true);
    pthread_mutex_lock(&slow->gate);
    slow->done = !fault && slow->write.result == WRITE_CREATED;
    pthread_mutex_unlock(&slow->gate);
}

void slow_job_init(struct slow_job *slow, int number)
{
    char event_id[32];

    *slow = (struct slow_job){.gate = PTHREAD_MUTEX_INITIALIZER, .record = RECORD()};
    (void)snprintf(event_id, sizeof event_id, "event-%d", number);
    make_run(&slow->record, event_id, TEL_SUCCESS);
    slow->write = (struct write){.kind = WRITE_CREATE, .record = &slow->record};
    slow->writes[0] = &slow->write;
    slow->job = (struct write_job){.writes = slow->writes, .count = 1, .done = pass_gate};
    pthread_mutex_lock(&slow->gate);
}
