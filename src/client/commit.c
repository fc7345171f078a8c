/* SPDX-License-Identifier: MIT
 *
 * The commit that came out of a run, which may be known only when the run has ended.
 */
#include "base/cleanup.h"
#include "base/host.h"
#include "client/publish.h"
#include "deliver/line.h"
#include "deliver/remote_read.h"
#include "model/commit.h"
#include "model/pairs.h"
#include "model/run_id.h"

/* ---- What was given -------------------------------------------------------------------------- */

static tel_error take_commit(struct tel_record *commit, const tel_run_fields *given,
                             struct reporter *reporter)
{
    tel_fault fault = {0};
    tel_error error;

    if (!given->git_commit_hash || !given->git_commit_source)
        return TEL_E_INVALID;
    error = record_merge_fields(commit, given, COMMIT_FIELDS, &fault);
    if (!error && !record_has(commit, FIELD_git_commit_source))
        error = fault_set(&fault, TEL_E_INVALID, "git_commit_source must be manual, llm or ci");
    if (!error && !commit_hash_fits(given->git_commit_hash))
        error = fault_set(&fault, TEL_E_INVALID,
                          "git_commit_hash must have 7 to 40 characters, not \"%.60s\"",
                          given->git_commit_hash);
    if (error)
        report_fault(reporter, &fault, "no commit was noted");
    return error;
}

/* ---- Noting it ------------------------------------------------------------------------------- */

/* The run's record has the commit at its end too. */
static void note_in_run(struct process *process, struct tel_run *run,
                        const struct tel_record *commit)
{
    if (run->process != process)
        return;
    (void)pthread_mutex_lock(&run->mutex);
    if (!atomic_load(&run->ended))
        (void)run_replace(run, commit, COMMIT_FIELDS);
    (void)pthread_mutex_unlock(&run->mutex);
}

static void log_commit(struct tel_client *client, struct process *process, const char *run_id,
                       const struct tel_record *commit)
{
    CLEANUP(strbuf_clear) struct strbuf payload = LINE();
    tel_pair pairs[COMMIT_MEMBER_COUNT + 1] = {{.key = NULL}};

    for (size_t i = 0; i < COMMIT_MEMBER_COUNT; i++)
        pairs[i] = (tel_pair)TEL_TEXT(commit_members[i].name,
                                      record_text(commit, commit_members[i].field));
    pairs_write_json(&payload, pairs);
    if (!strbuf_failed(&payload))
        (void)publish_event(client, process, run_id, "associate_commit", payload.text);
}

static tel_error note(struct tel_client *client, struct process *process, const char *run_id,
                      const char *event_id, struct tel_record *commit)
{
    tel_error error = record_set_text(commit, FIELD_event_id, event_id, NULL);
    enum outcome outcome;

    if (error)
        return error;
    log_commit(client, process, run_id, commit);
    outcome = outlet_commit(&process->outlet, commit, client_deadline(client));
    if (outcome == REJECTED)
        return TEL_E_REJECTED;
    return outcome == LOST ? TEL_E_IO : TEL_OK;
}

static tel_error note_of_run(struct process *process, struct tel_run *run,
                             struct tel_record *commit)
{
    note_in_run(process, run, commit);
    return note(run->client, process, tel_run_id(run), tel_run_event_id(run), commit);
}

/* ---- By run_id ------------------------------------------------------------------------------- */

/* Ask for the event_id of a run that is not remembered here. */
static tel_error look_up(char **event_id, struct outlet *outlet, const char *run_id,
                         struct deadline deadline)
{
    tel_error error;

    *event_id = NULL;
    if (config_is_embedded(outlet->config))
        return store_way_find(event_id, &outlet->store, run_id, deadline, NULL);
    if (!outlet_may_ask(outlet))
        return TEL_E_UNAVAILABLE;
    error = remote_find(event_id, outlet->http, run_id, deadline, NULL);
    outlet_note(outlet, error == TEL_E_NOT_FOUND ? TEL_OK : error);
    return error;
}

static tel_error note_by_run_id(struct tel_client *client, struct process *process,
                                const char *run_id, struct tel_record *commit)
{
    CLEANUP(freep) char *event_id = NULL;
    struct tel_run *run = registry_find(&process->registry, run_id);
    tel_error error = TEL_OK;

    if (run) {
        error = note_of_run(process, run, commit);
        run_unref(run);
        return error;
    }
    event_id = recent_find(&process->recent, run_id);
    if (!event_id)
        error = look_up(&event_id, &process->outlet, run_id, client_deadline(client));
    return error ? error : note(client, process, run_id, event_id, commit);
}

/* ---- Public ---------------------------------------------------------------------------------- */

static tel_error associate(struct tel_client *client, struct tel_run *run, const char *run_id,
                           const tel_run_fields *given)
{
    CLEANUP(record_clear) struct tel_record commit = RECORD();
    struct process *process;
    tel_error error = take_commit(&commit, given, &client->reporter);

    if (error)
        return error;
    process = client_enter(client);
    if (!process)
        return TEL_E_CLOSED;
    error =
        run ? note_of_run(process, run, &commit) : note_by_run_id(client, process, run_id, &commit);
    client_leave(client, process);
    return error;
}

tel_error tel_run_associate_commit(tel_run *run, const char *commit_hash, const char *commit_source,
                                   const char *commit_author, const char *commit_timestamp)
{
    CLEANUP(host_restore) struct host_state host = host_protect();

    if (!run)
        return TEL_E_INVALID;
    return associate(run->client, run, NULL,
                     TEL_FIELDS(.git_commit_hash = commit_hash, .git_commit_source = commit_source,
                                .git_commit_author = commit_author,
                                .git_commit_timestamp = commit_timestamp));
}

tel_error tel_client_associate_commit(tel_client *client, const char *run_id,
                                      const char *commit_hash, const char *commit_source,
                                      const char *commit_author, const char *commit_timestamp)
{
    CLEANUP(host_restore) struct host_state host = host_protect();

    if (!client || !run_id || run_id_reject_reason(run_id))
        return TEL_E_INVALID;
    return associate(client, NULL, run_id,
                     TEL_FIELDS(.git_commit_hash = commit_hash, .git_commit_source = commit_source,
                                .git_commit_author = commit_author,
                                .git_commit_timestamp = commit_timestamp));
}
