/* SPDX-License-Identifier: MIT
 *
 * The counterpart of a context manager: a run around a function. C has no exceptions; what can leave
 * the function from within is the end of its thread, so that is caught.
 */
#include <pthread.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/host.h"
#include "client/run.h"

static void end(struct tel_run *run, const char *status, const char *error_summary)
{
    CLEANUP(host_restore) struct host_state host = host_protect();

    if (!run)
        return;
    (void)run_finish(run, status, NULL, error_summary);
    run_unref(run);
}

static void end_left(void *run)
{
    end(run, TEL_FAILURE, "the thread was cancelled or ended inside the run");
}

static int run_body(struct tel_run *run, tel_body_fn *body, void *arg)
{
    int result;

    pthread_cleanup_push(end_left, run);
    result = body(run, arg);
    pthread_cleanup_pop(/* execute= */ 0);
    return result;
}

static struct tel_run *start(struct tel_client *client, const char *agent_name,
                             const char *job_type, const tel_run_fields *fields)
{
    CLEANUP(host_restore) struct host_state host = host_protect();
    const struct run_names names = {.agent_name = agent_name, .job_type = job_type};
    struct tel_run *run = NULL;

    if (client && agent_name && job_type)
        (void)run_begin(&run, client, fields, &names);
    return run;
}

int tel_client_track_run(tel_client *client, const char *agent_name, const char *job_type,
                         const tel_run_fields *fields, tel_body_fn *body, void *arg)
{
    struct tel_run *run;
    char summary[64];
    int result;

    if (!body)
        return TEL_E_INVALID;
    run = start(client, agent_name, job_type, fields);
    result = run_body(run, body, arg);
    (void)snprintf(summary, sizeof summary, "body returned %d", result);
    end(run, result ? TEL_FAILURE : NULL, result ? summary : NULL);
    return result;
}
