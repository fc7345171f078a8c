/* SPDX-License-Identifier: MIT
 *
 * A run of this client, from its start to its end.
 */
#ifndef CLIENT_RUN_H
#define CLIENT_RUN_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "client/client.h"
#include "model/record.h"

struct tel_run {
    struct tel_client *client; /* a reference */
    struct process *process;   /* that started it: a run stays its parent's across a fork */
    struct tel_run *next;      /* in the registry, guarded by its mutex */
    atomic_size_t references;  /* the registry's, the handle's, calls' by run_id */
    int64_t start_ms;          /* on the monotonic clock */
    bool start_was_given;      /* then the clock cannot tell the duration */
    atomic_int start;          /* enum outcome of the start; STARTING before that */
    pthread_mutex_t mutex;     /* guards the rest, which is settled once `ended` is set */
    atomic_bool ended;
    field_set changed; /* since the start */
    struct tel_record record;
};

#define STARTING (-1)

/* What wins over the fields of a start, where it is not NULL. */
struct run_names {
    const char *agent_name;
    const char *job_type;
    const char *parent_run_id;
};

/* Start a run of `fields` (NULL: none). On success *out has a reference for the caller. */
tel_error run_begin(struct tel_run **out, struct tel_client *client, const tel_run_fields *fields,
                    const struct run_names *names);

/* Take over the fields of `set` from a record; those that are not given there are taken back. The
 * caller holds the run's mutex. */
tel_error run_replace(struct tel_run *run, const struct tel_record *from, field_set set);

/* End a run. `error_summary` (NULL: none) is set unless one was given. */
tel_error run_finish(struct tel_run *run, const char *status, const tel_run_fields *fields,
                     const char *error_summary);

struct tel_run *run_ref(struct tel_run *run);
void run_unref(struct tel_run *run);

#endif
