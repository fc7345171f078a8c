/* SPDX-License-Identifier: MIT
 *
 * The commit that came out of a run, and links to it and to its repository.
 */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "daemon/api.h"
#include "daemon/body.h"
#include "daemon/lookup.h"
#include "daemon/pending.h"
#include "model/git_url.h"

#define HASH_CHARS_MIN 7
#define HASH_CHARS_MAX 40

/* What the body calls the fields of a run. */
static const struct {
    const char *name;
    int field;
    bool is_required;
} members[] = {
    {"commit_hash", FIELD_git_commit_hash, true},
    {"commit_source", FIELD_git_commit_source, true},
    {"commit_author", FIELD_git_commit_author, false},
    {"commit_timestamp", FIELD_git_commit_timestamp, false},
};

#define MEMBER_COUNT (sizeof members / sizeof *members)

/* A commit on its way to the disk. */
struct commit {
    struct pending pending;
    struct write write;
    struct write *writes[1];
    struct tel_record record;
    char *run_id; /* of the run */
};

static void commit_free(struct pending *pending)
{
    struct commit *commit = (struct commit *)pending;

    if (!commit)
        return;
    record_clear(&commit->record);
    free(commit->run_id);
    free(commit);
}

static void commit_freep(struct commit **commit)
{
    commit_free((struct pending *)*commit);
}

static void answer_commit(struct pending *pending)
{
    const struct commit *commit = (struct commit *)pending;
    const struct tel_record *record = &commit->record;
    struct strbuf *body;

    if (commit->write.result != WRITE_UPDATED) {
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
    strbuf_putc(body, '}');
}

static field_set commit_fields(bool required_only)
{
    field_set set = 0;

    for (size_t i = 0; i < MEMBER_COUNT; i++) {
        if (members[i].is_required || !required_only)
            set |= FIELD_BIT(members[i].field);
    }
    return set;
}

static struct commit *commit_new(struct exchange *exchange)
{
    struct commit *commit = calloc(1, sizeof *commit);

    if (!commit)
        return NULL;
    commit->record = RECORD();
    commit->write = (struct write){.kind = WRITE_UPDATE,
                                   .record = &commit->record,
                                   .cleared = commit_fields(false)};
    commit->writes[0] = &commit->write;
    commit->pending = (struct pending){
        .job = {.writes = commit->writes, .count = 1},
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

    for (size_t i = 0; i < MEMBER_COUNT; i++) {
        json_t *value = json_object_get(object, members[i].name);

        if (value && json_object_set(renamed, run_fields[members[i].field].name, value))
            return NULL;
    }
    return steal(&renamed);
}

/* Report a fault under the body's name for the field. */
static void report_member(void *faults, const char *field, const char *message)
{
    for (size_t i = 0; i < MEMBER_COUNT; i++) {
        if (strcmp(run_fields[members[i].field].name, field) == 0)
            faults_add(faults, "body", members[i].name, message);
    }
}

static size_t count_chars(const char *text)
{
    size_t count = 0;

    for (; *text; text++)
        count += ((unsigned char)*text & 0xc0) != 0x80;
    return count;
}

static void check_hash(const struct tel_record *record, struct faults *faults)
{
    const char *hash = record_text(record, FIELD_git_commit_hash);
    size_t length = hash ? count_chars(hash) : 0;

    if (length && (length < HASH_CHARS_MIN || length > HASH_CHARS_MAX))
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
    error = renamed ? record_read_json(record, renamed, commit_fields(false), commit_fields(true),
                                       report_member, faults)
                    : TEL_E_NOMEM;
    check_hash(record, faults);
    if (error == TEL_E_NOMEM)
        answer_unavailable(exchange, "out of memory");
    else if (faults->count)
        faults_answer(faults, exchange);
    return error != TEL_E_NOMEM && !faults->count;
}

void api_commit(struct service *service, struct exchange *exchange)
{
    CLEANUP(faults_clear) struct faults faults = FAULTS();
    CLEANUP(record_clear) struct tel_record run = RECORD();
    CLEANUP(commit_freep) struct commit *commit = commit_new(exchange);
    const char *run_id;

    if (!commit) {
        answer_unavailable(exchange, "out of memory");
        return;
    }
    if (!read_commit(exchange, &commit->record, &faults) || !lookup_run(service, exchange, &run))
        return;
    run_id = record_text(&run, FIELD_run_id);
    commit->run_id = strdup(run_id ? run_id : "");
    if (!commit->run_id ||
        record_set_text(&commit->record, FIELD_event_id, exchange->request.path_argument, NULL))
        answer_unavailable(exchange, "out of memory");
    else
        pending_submit(service, &steal(&commit)->pending);
}

/* ---- Links ----------------------------------------------------------------------------------- */

static void answer_link(struct exchange *exchange, const char *name, const char *url)
{
    struct strbuf *body = answer_json(exchange, 200);

    strbuf_printf(body, "{\"%s\":", name);
    if (url)
        json_write_string(body, url);
    else
        strbuf_puts(body, "null");
    strbuf_putc(body, '}');
}

void api_commit_url(struct service *service, struct exchange *exchange)
{
    CLEANUP(record_clear) struct tel_record run = RECORD();
    CLEANUP(freep) char *url = NULL;

    if (!lookup_run(service, exchange, &run))
        return;
    url =
        git_url_commit(record_text(&run, FIELD_git_repo), record_text(&run, FIELD_git_commit_hash));
    answer_link(exchange, "commit_url", url);
}

void api_repo_url(struct service *service, struct exchange *exchange)
{
    CLEANUP(record_clear) struct tel_record run = RECORD();
    CLEANUP(freep) char *url = NULL;

    if (!lookup_run(service, exchange, &run))
        return;
    url = git_url_repo(record_text(&run, FIELD_git_repo));
    answer_link(exchange, "repo_url", url);
}
