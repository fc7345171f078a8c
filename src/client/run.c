/* SPDX-License-Identifier: MIT */
#include "client/run.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/uuid.h"
#include "client/publish.h"
#include "client/settable.h"
#include "model/run_id.h"
#include "model/status.h"

/* A run starts as running, whatever its caller says. */
#define START_FIELDS (run_fields_with(CREATE) & ~FIELD_BIT(FIELD_status))

/* ---- Lifetime -------------------------------------------------------------------------------- */

struct tel_run *run_ref(struct tel_run *run)
{
    atomic_fetch_add(&run->references, 1);
    return run;
}

void run_unref(struct tel_run *run)
{
    if (!run || atomic_fetch_sub(&run->references, 1) > 1)
        return;
    record_clear(&run->record);
    client_unref(run->client);
    free(run);
}

static void run_unrefp(struct tel_run **run)
{
    run_unref(*run);
}

static struct tel_run *run_alloc(struct tel_client *client, struct process *process)
{
    struct tel_run *run = calloc(1, sizeof *run);

    if (!run)
        return NULL;
    run->client = client_ref(client);
    run->process = process;
    run->record = RECORD();
    atomic_init(&run->references, 1);
    atomic_init(&run->start, STARTING);
    (void)pthread_mutex_init(&run->mutex, NULL);
    return run;
}

/* ---- Start ----------------------------------------------------------------------------------- */

/* Set a field that the caller did not give (or gave as ""). */
static tel_error set_default(struct tel_record *record, int index, const char *text)
{
    const char *given = record_text(record, index);

    if ((given && *given) || !text)
        return TEL_OK;
    return record_set_text(record, index, text, NULL);
}

static tel_error set_run_id(struct tel_run *run)
{
    static const enum tally_index counts[] = {
        [RUN_ID_FINE] = TALLY_run_ids_custom,
        [RUN_ID_BLANK] = TALLY_run_ids_blank,
        [RUN_ID_TOO_LONG] = TALLY_run_ids_too_long,
        [RUN_ID_WITH_SLASH] = TALLY_run_ids_with_slash,
    };
    struct tally *tally = &run->process->tally;
    struct tel_record *record = &run->record;
    const char *given = record->fields.run_id;
    const char *reason = given ? run_id_reject_reason(given) : NULL;
    char made[TEL_RUN_ID_SIZE];

    if (given)
        tally_add(tally, counts[run_id_examine(given)], 1);
    if (given && !reason)
        return TEL_OK;
    (void)tel_generate_run_id(made, record->fields.agent_name);
    tally_add(tally, TALLY_run_ids_generated, 1);
    if (reason)
        report(&run->client->reporter, TEL_LOG_WARNING, reason,
               "run_id \"%.60s\" cannot be taken, because %s; the run is called %s", given, reason,
               made);
    return record_set_text(record, FIELD_run_id, made, NULL);
}

static tel_error set_defaults(struct tel_run *run)
{
    const struct tel_client *client = run->client;
    struct tel_record *record = &run->record;
    char event_id[UUID_SIZE];
    char now[TEL_TIMESTAMP_SIZE];
    const struct {
        int index;
        const char *text;
    } defaults[] = {
        {FIELD_event_id, event_id},
        {FIELD_status, TEL_RUNNING},
        {FIELD_created_at, now},
        {FIELD_updated_at, now},
        {FIELD_start_time, now},
        {FIELD_trigger_type, "cli"},
        {FIELD_host, client->host},
        {FIELD_git_repo, client->git.repo},
        {FIELD_git_branch, client->git.branch},
        {FIELD_git_run_tag, client->git.run_tag},
        {FIELD_agent_owner, config_text(client->config, CONFIG_AGENT_OWNER)},
        {FIELD_parent_run_id, config_text(client->config, CONFIG_TELEMETRY_RUN_ID)},
    };

    uuid_make(event_id);
    timestamp_format(now, clock_now_us());
    run->start_was_given = record_has(record, FIELD_start_time);
    run->start_ms = clock_monotonic_ms();
    record_load_int(record, FIELD_schema_version, SCHEMA_VERSION);
    for (size_t i = 0; i < sizeof defaults / sizeof *defaults; i++) {
        tel_error error = set_default(record, defaults[i].index, defaults[i].text);

        if (error)
            return error;
    }
    return set_run_id(run);
}

static bool is_blank(const char *text)
{
    return !text || !*text;
}

static tel_error take_names(struct tel_record *record, const struct run_names *names)
{
    const struct {
        int index;
        const char *text;
    } given[] = {
        {FIELD_agent_name, names->agent_name},
        {FIELD_job_type, names->job_type},
        {FIELD_parent_run_id, names->parent_run_id},
    };
    tel_error error = TEL_OK;

    for (size_t i = 0; i < sizeof given / sizeof *given && !error; i++) {
        if (given[i].text)
            error = record_set_text(record, given[i].index, given[i].text, NULL);
    }
    return error;
}

static tel_error take_start_fields(struct tel_run *run, const tel_run_fields *fields,
                                   const struct run_names *names)
{
    struct reporter *reporter = &run->client->reporter;
    struct tel_record *record = &run->record;
    tel_error error = settable_take(record, fields, START_FIELDS, reporter);

    if (!error)
        error = take_names(record, names);
    if (error)
        return error;
    if (is_blank(record->fields.agent_name) || is_blank(record->fields.job_type)) {
        report(reporter, TEL_LOG_ERROR, "nameless",
               "a run was not started: it needs an agent_name and a job_type");
        return TEL_E_INVALID;
    }
    return set_defaults(run);
}

/* Register a run. One whose run_id is active gets another. */
static tel_error enlist(struct process *process, struct tel_run *run)
{
    char duplicate[TEL_RUN_ID_SIZE];
    tel_error error;

    while (!registry_add(&process->registry, run)) {
        run_id_make_duplicate(duplicate, run->record.fields.run_id);
        tally_add(&process->tally, TALLY_run_ids_duplicate, 1);
        report(&run->client->reporter, TEL_LOG_WARNING, "duplicate",
               "run_id \"%.60s\" is active already; the new run is called %s",
               run->record.fields.run_id, duplicate);
        error = record_set_text(&run->record, FIELD_run_id, duplicate, NULL);
        if (error)
            return error;
    }
    return TEL_OK;
}

static tel_error begin(struct tel_run **out, struct tel_client *client, struct process *process,
                       const tel_run_fields *fields, const struct run_names *names)
{
    CLEANUP(run_unrefp) struct tel_run *run = run_alloc(client, process);
    tel_error error = run ? TEL_OK : TEL_E_NOMEM;

    if (!error)
        error = take_start_fields(run, fields, names);
    if (!error)
        error = enlist(process, run);
    if (error)
        return error;
    error = publish_start(process, run);
    if (error)
        registry_remove(&process->registry, run);
    else
        *out = steal(&run);
    return error;
}

tel_error run_begin(struct tel_run **out, struct tel_client *client, const tel_run_fields *fields,
                    const struct run_names *names)
{
    struct process *process = client_enter(client);
    tel_error error;

    if (!process)
        return TEL_E_CLOSED;
    error = begin(out, client, process, fields, names);
    client_leave(client, process);
    return error;
}

/* ---- Change ---------------------------------------------------------------------------------- */

tel_error run_replace(struct tel_run *run, const struct tel_record *from, field_set set)
{
    for (int i = 0; i < RUN_FIELD_COUNT; i++) {
        if (set & ~from->given & FIELD_BIT(i))
            (void)record_set_text(&run->record, i, NULL, NULL);
    }
    run->changed |= set;
    return record_merge(&run->record, from, set, NULL);
}

/* ---- End ------------------------------------------------------------------------------------- */

static tel_error change_text(struct tel_run *run, int index, const char *text)
{
    run->changed |= FIELD_BIT(index);
    return record_set_text(&run->record, index, text, NULL);
}

/*
 * A status given to the end wins over one set before. One that is unknown, or says that the run goes
 * on, ends the run as failure all the same: left as running it would look alive for ever.
 */
static tel_error settle_status(struct tel_run *run, const char *status)
{
    const char *known = tel_normalize_status(status);

    if (!status && status_is_terminal(run->record.fields.status))
        return TEL_OK;
    if (!status)
        known = TEL_SUCCESS;
    if (known && status_is_terminal(known))
        return change_text(run, FIELD_status, known);
    (void)change_text(run, FIELD_status, TEL_FAILURE);
    return TEL_E_INVALID;
}

static tel_error settle_times(struct tel_run *run)
{
    const tel_run_fields *fields = &run->record.fields;
    bool end_was_given = (run->changed & FIELD_BIT(FIELD_end_time)) != 0;
    int64_t duration_ms = clock_monotonic_ms() - run->start_ms;
    char now[TEL_TIMESTAMP_SIZE];
    tel_error error = TEL_OK;

    timestamp_format(now, clock_now_us());
    if (!end_was_given)
        error = change_text(run, FIELD_end_time, now);
    if (!error)
        error = record_set_text(&run->record, FIELD_updated_at, now, NULL);
    if (error || run->changed & FIELD_BIT(FIELD_duration_ms))
        return error;
    if (run->start_was_given || end_was_given)
        (void)tel_calculate_duration_ms(&duration_ms, fields->start_time, fields->end_time);
    run->changed |= FIELD_BIT(FIELD_duration_ms);
    return record_set_int(&run->record, FIELD_duration_ms, duration_ms, NULL);
}

/* Bring the record into its last state. TEL_E_INVALID: it has ended, but not as was asked. */
static tel_error settle(struct tel_run *run, const char *status, const struct tel_record *last,
                        const char *error_summary)
{
    tel_error error = record_merge(&run->record, last, last->given, NULL);
    tel_error status_error;

    run->changed |= last->given;
    status_error = settle_status(run, status);
    if (!error)
        error = settle_times(run);
    if (!error && error_summary && is_blank(run->record.fields.error_summary))
        error = change_text(run, FIELD_error_summary, error_summary);
    return error ? error : status_error;
}

static tel_error finish(struct process *process, struct tel_run *run, const char *status,
                        const struct tel_record *last, const char *error_summary)
{
    tel_error settled = TEL_E_CLOSED;
    tel_error recorded;

    (void)pthread_mutex_lock(&run->mutex);
    if (!atomic_load(&run->ended)) {
        settled = settle(run, status, last, error_summary);
        atomic_store(&run->ended, true);
    }
    (void)pthread_mutex_unlock(&run->mutex);
    if (settled == TEL_E_CLOSED)
        return settled;
    if (settled == TEL_E_INVALID)
        report(&run->client->reporter, TEL_LOG_WARNING, "status",
               "\"%.60s\" is no status to end a run with; the run has ended as failure", status);
    registry_remove(&process->registry, run);
    recent_add(&process->recent, tel_run_id(run), tel_run_event_id(run));
    recorded = publish_end(process, run);
    return recorded ? recorded : settled;
}

tel_error run_finish(struct tel_run *run, const char *status, const tel_run_fields *fields,
                     const char *error_summary)
{
    CLEANUP(record_clear) struct tel_record last = RECORD();
    struct process *process = client_enter(run->client);
    tel_error error = TEL_E_CLOSED;

    if (!process)
        return TEL_E_CLOSED;
    if (process == run->process) {
        /* What does not fit in memory is left out: the run must end all the same. */
        (void)settable_take(&last, fields, SETTABLE_AT_END, &run->client->reporter);
        error = finish(process, run, status, &last, error_summary);
    }
    client_leave(run->client, process);
    return error;
}
