/* SPDX-License-Identifier: MIT */
#include "deliver/remote.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/url.h"
#include "deliver/http_answer.h"
#include "deliver/remote_ask.h"
#include "deliver/remote_batch.h"
#include "model/commit.h"
#include "model/record_json.h"

#define BODY_BYTES_MAX ((size_t)512 * 1024 * 1024)
#define ANSWER_BYTES_MAX ((size_t)16 * 1024 * 1024) /* a line for each of 10,000 items fits */
#define PATH_BYTES_MAX ((size_t)16 * 1024)

static void set_invalid(struct write *write, const struct strbuf *answer)
{
    CLEANUP(freep) char *reason = http_answer_reason(answer);

    write->result = WRITE_INVALID;
    (void)snprintf(write->reason, sizeof write->reason, "%s",
                   reason && *reason ? reason : "the service refuses it");
}

/* ---- One write ------------------------------------------------------------------------------- */

/* Parse an answer about this run; a new reference. NULL: it is about something else. */
static json_t *parse_about(const struct strbuf *body, const struct tel_record *record)
{
    CLEANUP(json_releasep) json_t *answer = NULL;
    const char *event_id;

    if (body->length > 0)
        answer = json_parse(body->text, body->length, NULL);
    event_id = json_string_value(json_object_get(answer, "event_id"));
    return event_id && strcmp(event_id, record->fields.event_id) == 0 ? steal(&answer) : NULL;
}

/* Take the answer to a run or an update that was accepted. false: it is about something else. */
static bool read_single(struct write *write, const struct strbuf *body)
{
    CLEANUP(json_releasep) json_t *answer = parse_about(body, write->record);
    const char *status = json_string_value(json_object_get(answer, "status"));

    if (!answer)
        return false;
    if (write->kind == WRITE_UPDATE || json_is_true(json_object_get(answer, "updated")))
        write->result = WRITE_UPDATED;
    else
        write->result =
            status && strcmp(status, "duplicate") == 0 ? WRITE_DUPLICATE : WRITE_CREATED;
    return true;
}

static void write_fields(struct strbuf *body, const struct tel_record *record, field_set set)
{
    strbuf_putc(body, '{');
    record_write_members(body, record, set & record->given, RECORD_AS_SERVED);
    strbuf_putc(body, '}');
}

static void write_run_path(struct strbuf *path, const struct tel_record *record, const char *rest)
{
    strbuf_puts(path, REMOTE_RUNS_PATH "/");
    url_append_segment(path, record->fields.event_id);
    strbuf_puts(path, rest);
}

static void write_commit(struct strbuf *body, const struct tel_record *commit)
{
    const char *separator = "";

    strbuf_putc(body, '{');
    for (size_t i = 0; i < COMMIT_MEMBER_COUNT; i++) {
        const char *value = record_text(commit, commit_members[i].field);

        if (!value)
            continue;
        strbuf_printf(body, "%s\"%s\":", separator, commit_members[i].name);
        json_write_string(body, value);
        separator = ",";
    }
    strbuf_putc(body, '}');
}

tel_error remote_associate_commit(struct http *http, const struct tel_record *commit,
                                  struct deadline deadline, tel_fault *fault)
{
    CLEANUP(http_response_clear) struct http_response response = HTTP_RESPONSE(ANSWER_BYTES_MAX);
    CLEANUP(json_releasep) json_t *answer = NULL;
    CLEANUP(strbuf_clear) struct strbuf path = STRBUF(PATH_BYTES_MAX);
    CLEANUP(strbuf_clear) struct strbuf body = STRBUF(BODY_BYTES_MAX);
    tel_error error;

    write_run_path(&path, commit, "/associate-commit");
    write_commit(&body, commit);
    if (strbuf_failed(&path) || strbuf_failed(&body))
        return fault_nomem(fault);
    error = remote_ask(http, "POST", path.text, body.text, deadline, &response, fault);
    if (error)
        return error;
    answer = parse_about(&response.body, commit);
    return answer ? TEL_OK : remote_fault_strange(http, deadline, fault);
}

/* As one of several writes, with its result. */
static tel_error send_commit(struct http *http, struct write *write, struct deadline deadline,
                             tel_fault *fault)
{
    tel_fault why = {0};
    tel_error error = remote_associate_commit(http, write->record, deadline, &why);

    if (!error)
        write->result = WRITE_UPDATED;
    else if (error == TEL_E_NOT_FOUND)
        write->result = WRITE_NOT_FOUND;
    else if (error == TEL_E_REJECTED)
        write->result = WRITE_INVALID;
    else
        return fault_set(fault, error, "%s", why.text);
    (void)snprintf(write->reason, sizeof write->reason, "%.*s", (int)sizeof write->reason - 1,
                   why.text);
    return TEL_OK;
}

static tel_error send_single(struct http *http, struct write *write, struct deadline deadline,
                             tel_fault *fault)
{
    CLEANUP(http_response_clear) struct http_response response = HTTP_RESPONSE(ANSWER_BYTES_MAX);
    CLEANUP(strbuf_clear) struct strbuf path = STRBUF(PATH_BYTES_MAX);
    CLEANUP(strbuf_clear) struct strbuf body = STRBUF(BODY_BYTES_MAX);
    bool is_update = write->kind == WRITE_UPDATE;
    tel_error error;

    if (write->cleared)
        return send_commit(http, write, deadline, fault);
    if (is_update)
        write_run_path(&path, write->record, write->merges ? "?merge=true" : "");
    else
        strbuf_puts(&path, REMOTE_RUNS_PATH);
    write_fields(&body, write->record, run_fields_with(is_update ? PATCH : CREATE));
    if (strbuf_failed(&path) || strbuf_failed(&body))
        return fault_nomem(fault);
    error = remote_ask(http, is_update ? "PATCH" : "POST", path.text, body.text, deadline,
                       &response, fault);
    if (error == TEL_E_REJECTED)
        set_invalid(write, &response.body);
    else if (error == TEL_E_NOT_FOUND && is_update)
        write->result = WRITE_NOT_FOUND;
    else if (error == TEL_E_NOT_FOUND || (!error && !read_single(write, &response.body)))
        return remote_fault_strange(http, deadline, fault);
    return write->result == WRITE_PENDING ? error : TEL_OK;
}

/* ---- Many ------------------------------------------------------------------------------------ */

/* Send a batch; *refused: none of it was taken, for what some item contains. */
static tel_error try_batch(struct http *http, struct write **writes, size_t count,
                           struct deadline deadline, bool *refused, tel_fault *fault)
{
    CLEANUP(http_response_clear) struct http_response response = HTTP_RESPONSE(ANSWER_BYTES_MAX);
    CLEANUP(strbuf_clear) struct strbuf body = STRBUF(BODY_BYTES_MAX);
    tel_error error;

    remote_batch_write(&body, writes, count);
    if (strbuf_failed(&body))
        return fault_nomem(fault);
    error = remote_ask(http, "POST", REMOTE_BATCH_PATH, body.text, deadline, &response, fault);
    *refused = error == TEL_E_REJECTED;
    if (*refused && count == 1)
        set_invalid(writes[0], &response.body);
    if (error == TEL_E_NOT_FOUND || (!error && !remote_batch_read(&response.body, writes, count)))
        return remote_fault_strange(http, deadline, fault);
    return *refused ? TEL_OK : error;
}

/* Halve a batch that is refused as a whole until the item is found. */
static tel_error send_batch(struct http *http, struct write **writes, size_t count,
                            struct deadline deadline, tel_fault *fault)
{
    bool refused = false;
    tel_error error = try_batch(http, writes, count, deadline, &refused, fault);

    if (error || !refused || count == 1)
        return error;
    error = send_batch(http, writes, count / 2, deadline, fault);
    if (!error)
        error = send_batch(http, writes + count / 2, count - count / 2, deadline, fault);
    return error;
}

tel_error remote_apply(struct http *http, struct write **writes, size_t count,
                       struct deadline deadline, tel_fault *fault)
{
    bool is_single =
        count == 1 && (writes[0]->kind == WRITE_CREATE || writes[0]->kind == WRITE_UPDATE);
    tel_error error;

    for (size_t i = 0; i < count; i++) {
        writes[i]->result = WRITE_PENDING;
        if (!is_single && writes[i]->kind != WRITE_CREATE && writes[i]->kind != WRITE_LATE_UPDATE)
            return fault_set(fault, TEL_E_INTERNAL, "a batch holds runs and late updates only");
    }
    if (count == 0)
        return TEL_OK;
    error = is_single ? send_single(http, writes[0], deadline, fault)
                      : send_batch(http, writes, count, deadline, fault);
    for (size_t i = 0; error && i < count; i++)
        writes[i]->result = WRITE_PENDING;
    return error;
}

tel_error remote_deliver(void *arg, struct write **writes, size_t count, tel_fault *fault)
{
    const struct remote_delivery *delivery = arg;

    if (deadline_left_ms(delivery->deadline) == 0)
        return fault_set(fault, TEL_E_UNAVAILABLE, "there was no time for the whole buffer");
    return remote_apply(delivery->http, writes, count, delivery->deadline, fault);
}
