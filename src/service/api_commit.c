/* SPDX-License-Identifier: MIT
 *
 * The commit that came out of a run, and of all runs below it.
 */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "service/api.h"
#include "service/body.h"
#include "service/lookup.h"
#include "service/pending.h"
#include "service/tree.h"
#include "model/commit.h"

/* A commit on its way to the disk: one write for each run that gets it. */
struct commit {
    struct pending pending;
    struct tel_record record; /* what was sent */
    struct target_run {
        struct write write;
        struct tel_record record;
    } * runs; /* the one that was named comes first */
    struct write **writes;
    char *run_id; /* of that one, once it is written */
    bool has_children;
};

static void commit_free(struct pending *pending)
{
    struct commit *commit = (struct commit *)pending;

    if (!commit)
        return;
    for (size_t i = 0; commit->runs && i < pending->job.count; i++)
        record_clear(&commit->runs[i].record);
    record_clear(&commit->record);
    free(commit->runs);
    free(commit->writes);
    free(commit->run_id);
    free(commit);
}

static void commit_freep(struct commit **commit)
{
    commit_free((struct pending *)*commit);
}

/* How many of the runs below the one that was named have the commit now. */
static size_t count_children(const struct commit *commit)
{
    size_t count = 0;

    for (size_t i = 1; i < commit->pending.job.count; i++)
        count += commit->runs[i].write.result == WRITE_UPDATED;
    return count;
}

static void answer_commit(struct pending *pending)
{
    const struct commit *commit = (struct commit *)pending;
    const struct tel_record *record = &commit->runs[0].record;
    struct strbuf *body;

    if (commit->runs[0].write.result != WRITE_UPDATED) {
        answer_no_run(pending->exchange, record_text(record, FIELD_event_id));
        return;
    }
    body = answer_json(pending->exchange, 200);
    strbuf_puts(body, "{\"status\":\"success\",\"event_id\":");
    json_write_string(body, record_text(record, FIELD_event_id));
    strbuf_puts(body, ",\"run_id\":");
    json_write_string(body, commit->run_id);
    strbuf_puts(body, ",\"commit_hash\":");
    json_write_string(body, record_text(record, FIELD_git_commit_hash));
    if (commit->has_children)
        strbuf_printf(body, ",\"children\":%zu", count_children(commit));
    strbuf_putc(body, '}');
}

static struct commit *commit_new(struct exchange *exchange)
{
    struct commit *commit = calloc(1, sizeof *commit);

    if (!commit)
        return NULL;
    commit->record = RECORD();
    commit->pending = (struct pending){
        .exchange = exchange,
        .answer = answer_commit,
        .release = commit_free,
    };
    return commit;
}

/* ---- What was sent --------------------------------------------------------------------------- */

/* Return a body's members under the names of the run's fields; a new reference, or NULL. */
static json_t *rename_members(const json_t *object)
{
    CLEANUP(json_releasep) json_t *renamed = json_object();

    for (size_t i = 0; i < COMMIT_MEMBER_COUNT; i++) {
        json_t *value = json_object_get(object, commit_members[i].name);

        if (value && json_object_set(renamed, run_fields[commit_members[i].field].name, value))
            return NULL;
    }
    return steal(&renamed);
}

/* Report a fault under the body's name for the field. */
static void report_member(void *faults, const char *field, const char *message)
{
    for (size_t i = 0; i < COMMIT_MEMBER_COUNT; i++) {
        if (strcmp(run_fields[commit_members[i].field].name, field) == 0)
            faults_add(faults, "body", commit_members[i].name, message);
    }
}

static void check_hash(const struct tel_record *record, struct faults *faults)
{
    const char *hash = record_text(record, FIELD_git_commit_hash);

    if (hash && *hash && !commit_hash_fits(hash))
        faults_add(faults, "body", "commit_hash", "must have 7 to 40 characters");
}

/* false: the exchange has its answer. */
static bool read_commit(struct exchange *exchange, struct tel_record *record, struct faults *faults)
{
    CLEANUP(json_releasep) json_t *object = body_read_object(exchange, faults);
    CLEANUP(json_releasep) json_t *renamed = object ? rename_members(object) : NULL;
    tel_error error;

    if (!object)
        return false;
    error = renamed ? record_read_json(record, renamed, COMMIT_FIELDS, COMMIT_FIELDS_REQUIRED,
                                       report_member, faults)
                    : TEL_E_NOMEM;
    check_hash(record, faults);
    if (error == TEL_E_NOMEM)
        answer_unavailable(exchange, "out of memory");
    else if (faults->count)
        faults_answer(faults, exchange);
    return error != TEL_E_NOMEM && !faults->count;
}

/* ---- Which runs get it ----------------------------------------------------------------------- */

static tel_error add_run(struct commit *commit, const char *event_id)
{
    size_t index = commit->pending.job.count++;
    struct target_run *run = &commit->runs[index];
    tel_error error;

    run->record = RECORD();
    run->write =
        (struct write){.kind = WRITE_UPDATE, .record = &run->record, .cleared = COMMIT_FIELDS};
    if (index == 0)
        run->write.run_id = &commit->run_id;
    commit->writes[index] = &run->write;
    error = record_merge(&run->record, &commit->record, COMMIT_FIELDS, NULL);
    return error ? error : record_set_text(&run->record, FIELD_event_id, event_id, NULL);
}

static tel_error make_room(struct commit *commit, size_t count)
{
    commit->runs = calloc(count, sizeof *commit->runs);
    commit->writes = calloc(count, sizeof(struct write *));
    commit->pending.job.writes = commit->writes;
    return commit->runs && commit->writes ? TEL_OK : TEL_E_NOMEM;
}

/* Give it to a run and to all runs below it. */
static tel_error add_tree(struct service *service, struct commit *commit,
                          const struct tel_record *root, tel_fault *fault)
{
    CLEANUP(tree_clear)
    struct tree tree = TREE(TREE_LIMIT_MAX, TREE_DEPTH_MAX, /* objects_too= */ false);
    tel_error error = tree_read(&tree, service, root, fault);

    if (error)
        return error;
    if (tree.truncated)
        return fault_set(fault, TEL_E_TOO_LARGE,
                         "there are too many runs below this one: at most %d, on at most %d "
                         "levels, get a commit at once",
                         TREE_LIMIT_MAX, TREE_DEPTH_MAX);
    error = make_room(commit, tree.count);
    for (size_t i = 0; i < tree.count && !error; i++) {
        if (tree.nodes[i].event_id)
            error = add_run(commit, tree.nodes[i].event_id);
    }
    return error ? fault_nomem(fault) : TEL_OK;
}

static tel_error add_single(struct commit *commit, const char *event_id, tel_fault *fault)
{
    tel_error error = make_room(commit, 1);

    if (!error)
        error = add_run(commit, event_id);
    return error ? fault_nomem(fault) : TEL_OK;
}

/* Name the run, and what is below it when that is asked for. false: the exchange has its answer. */
static bool find_runs(struct service *service, struct exchange *exchange, struct commit *commit)
{
    CLEANUP(record_clear) struct tel_record run = RECORD();
    tel_fault fault = {0};
    tel_error error;

    if (commit->has_children && !lookup_run(service, exchange, &run))
        return false;
    if (commit->has_children)
        error = add_tree(service, commit, &run, &fault);
    else
        error = add_single(commit, exchange->request.path_argument, &fault);
    if (error == TEL_E_TOO_LARGE)
        answer_detail(exchange, 413, "%s", fault.text);
    else if (error)
        answer_read_fault(exchange, &fault);
    return !error;
}

const struct parameter_spec commit_parameters[] = {
    {.name = "children",
     .kind = PARAMETER_BOOL,
     .meaning = "give the commit to every run below this one too"},
    {0},
};

void api_commit(struct service *service, struct exchange *exchange)
{
    CLEANUP(faults_clear) struct faults faults = FAULTS();
    CLEANUP(commit_freep) struct commit *commit = commit_new(exchange);

    if (!commit) {
        answer_unavailable(exchange, "out of memory");
        return;
    }
    commit->has_children =
        parameter_find_bool(&exchange->request.target, commit_parameters, &faults);
    if (read_commit(exchange, &commit->record, &faults) && find_runs(service, exchange, commit))
        pending_submit(service, &steal(&commit)->pending);
}
