/* SPDX-License-Identifier: MIT
 *
 * Runs as host programs see them: tel_run_*() and tel_client_*_run() of telemetry.h.
 */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/host.h"
#include "client/run.h"
#include "client/settable.h"
#include "model/run_id.h"

/* ---- By handle ------------------------------------------------------------------------------- */

tel_error tel_run_start(tel_run **out, tel_client *client, const tel_run_fields *fields)
{
    CLEANUP(host_restore) struct host_state host = host_protect();

    if (!out)
        return TEL_E_INVALID;
    *out = NULL;
    if (!client)
        return TEL_E_INVALID;
    return run_begin(out, client, fields, &(struct run_names){0});
}

tel_error tel_run_start_child(tel_run **out, tel_run *parent, const tel_run_fields *fields)
{
    CLEANUP(host_restore) struct host_state host = host_protect();

    if (!out)
        return TEL_E_INVALID;
    *out = NULL;
    if (!parent)
        return TEL_E_INVALID;
    return run_begin(out, parent->client, fields,
                     &(struct run_names){.parent_run_id = tel_run_id(parent)});
}

tel_run *tel_run_enter(tel_client *client, const tel_run_fields *fields)
{
    tel_run *run = NULL;

    (void)tel_run_start(&run, client, fields);
    return run;
}

void tel_run_leave(tel_run **run)
{
    (void)tel_run_end(run, NULL, NULL);
}

const char *tel_run_id(const tel_run *run)
{
    return run ? run->record.fields.run_id : "";
}

const char *tel_run_event_id(const tel_run *run)
{
    return run ? run->record.fields.event_id : "";
}

/* Take over into the run what is given in `from`, and note as changed those of `set`. */
static tel_error change(struct tel_run *run, const struct tel_record *from, field_set set)
{
    struct process *process = client_enter(run->client);
    tel_error error = TEL_E_CLOSED;

    if (!process)
        return TEL_E_CLOSED;
    if (process == run->process) {
        (void)pthread_mutex_lock(&run->mutex);
        if (!atomic_load(&run->ended))
            error = run_replace(run, from, set);
        (void)pthread_mutex_unlock(&run->mutex);
    }
    client_leave(run->client, process);
    return error;
}

tel_error tel_run_set_metrics(tel_run *run, const tel_run_fields *fields)
{
    CLEANUP(host_restore) struct host_state host = host_protect();
    CLEANUP(record_clear) struct tel_record given = RECORD();
    tel_error error;

    if (!run || !fields)
        return TEL_E_INVALID;
    error = settable_take(&given, fields, SETTABLE, &run->client->reporter);
    return error ? error : change(run, &given, given.given);
}

/* Find a field that may be set. TEL_E_NOT_FOUND: there is none of this name, which was logged. */
static tel_error find_settable(int *index, struct tel_run *run, const char *name)
{
    struct reporter *reporter = &run->client->reporter;

    *index = run_field_find(name);
    if (*index < 0) {
        report(reporter, TEL_LOG_WARNING, name, "a run has no field \"%.60s\"; it is left out",
               name);
        return TEL_E_NOT_FOUND;
    }
    if (SETTABLE & FIELD_BIT(*index))
        return TEL_OK;
    report(reporter, TEL_LOG_WARNING, name, "%s cannot be set here; the field is left out", name);
    return TEL_E_INVALID;
}

/* Set one field from text, or, when that is NULL and `is_number`, from a number. */
static tel_error set_one(struct tel_run *run, const char *name, const char *text, bool is_number,
                         int64_t number)
{
    CLEANUP(record_clear) struct tel_record given = RECORD();
    tel_fault fault = {0};
    tel_error error;
    int index;

    if (!run || !name)
        return TEL_E_INVALID;
    error = find_settable(&index, run, name);
    if (error)
        return error == TEL_E_NOT_FOUND ? TEL_OK : error;
    error = is_number ? record_set_int(&given, index, number, &fault)
                      : record_parse(&given, index, text, &fault);
    if (error == TEL_E_INVALID)
        report_fault(&run->client->reporter, &fault, "the field is left out");
    if (!error)
        error = settable_hide_credentials(&given);
    return error ? error : change(run, &given, FIELD_BIT(index));
}

tel_error tel_run_set(tel_run *run, const char *name, const char *value)
{
    CLEANUP(host_restore) struct host_state host = host_protect();

    return set_one(run, name, value, /* is_number= */ false, 0);
}

tel_error tel_run_set_int(tel_run *run, const char *name, int64_t value)
{
    CLEANUP(host_restore) struct host_state host = host_protect();

    return set_one(run, name, NULL, /* is_number= */ true, value);
}

tel_error tel_run_fail(tel_run *run, const char *error_summary)
{
    CLEANUP(host_restore) struct host_state host = host_protect();

    return tel_run_set_metrics(run,
                               TEL_FIELDS(.status = TEL_FAILURE, .error_summary = error_summary));
}

tel_error tel_run_end(tel_run **run, const char *status, const tel_run_fields *fields)
{
    CLEANUP(host_restore) struct host_state host = host_protect();
    struct tel_run *ending;
    tel_error error;

    if (!run || !*run)
        return TEL_E_INVALID;
    ending = steal(run);
    error = run_finish(ending, status, fields, NULL);
    run_unref(ending);
    return error;
}

/* ---- By run_id ------------------------------------------------------------------------------- */

tel_error tel_client_start_run(tel_client *client, char run_id[TEL_RUN_ID_SIZE],
                               const char *agent_name, const char *job_type,
                               const tel_run_fields *fields)
{
    CLEANUP(host_restore) struct host_state host = host_protect();
    struct tel_run *run = NULL;
    tel_error error;

    if (!run_id)
        return TEL_E_INVALID;
    *run_id = '\0';
    if (!client || !agent_name || !job_type)
        return TEL_E_INVALID;
    error = run_begin(&run, client, fields,
                      &(struct run_names){.agent_name = agent_name, .job_type = job_type});
    if (error)
        return error;
    (void)snprintf(run_id, TEL_RUN_ID_SIZE, "%s", tel_run_id(run));
    run_unref(run); /* the registry keeps it */
    return TEL_OK;
}

tel_error tel_client_end_run(tel_client *client, const char *run_id, const char *status,
                             const tel_run_fields *fields)
{
    CLEANUP(host_restore) struct host_state host = host_protect();
    struct process *process;
    struct tel_run *run;
    tel_error error;

    if (!client || !run_id)
        return TEL_E_INVALID;
    process = client_enter(client);
    if (!process)
        return TEL_E_CLOSED;
    run = registry_find(&process->registry, run_id);
    error = run ? run_finish(run, status, fields, NULL) : TEL_E_NOT_FOUND;
    run_unref(run);
    client_leave(client, process);
    return error;
}
