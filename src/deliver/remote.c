/* SPDX-License-Identifier: MIT
 *
 * Only what the service refuses for its content (400, 413, 422) is refused for good. All else, a
 * wrong token or a foreign program on the port included, somebody may put right, so it is worth
 * trying again. And since a foreign program may answer anything, an answer that is not as it should
 * be counts only when /version says that it is our service's.
 */
#include "deliver/remote.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/url.h"
#include "deliver/http_answer.h"
#include "deliver/remote_batch.h"
#include "model/record_json.h"

#define BODY_BYTES_MAX ((size_t)512 * 1024 * 1024)
#define ANSWER_BYTES_MAX ((size_t)16 * 1024 * 1024) /* a line for each of 10,000 items fits */
#define PATH_BYTES_MAX ((size_t)16 * 1024)

/* What became of a request. */
enum reply {
    REPLY_TAKEN,     /* 2xx */
    REPLY_NOT_FOUND, /* 404 of our service */
    REPLY_REFUSED,   /* 400, 413 or 422 of our service */
    REPLY_NONE,      /* nothing that counts */
};

static bool is_refusal(long status)
{
    return status == 400 || status == 413 || status == 422;
}

/* An answer was not what it should be: find out whose it is. Keeps `fault`, which says what it was,
 * if it is our service's. */
static bool is_ours(struct http *http, struct deadline deadline, tel_fault *fault)
{
    tel_fault why;
    tel_error error = remote_identify(http, deadline, &why);

    if (error == TEL_E_UNAVAILABLE)
        (void)fault_set(fault, TEL_E_UNAVAILABLE, "%s", why.text);
    return !error || error == TEL_E_REJECTED;
}

/* Say of something that was answered, but not as our service does, who did so. */
static tel_error fault_strange(struct http *http, struct deadline deadline, tel_fault *fault)
{
    (void)fault_set(fault, TEL_E_UNAVAILABLE, "%s does not answer as the telemetry service does",
                    http_peer(http));
    (void)is_ours(http, deadline, fault);
    return TEL_E_UNAVAILABLE;
}

static tel_error fault_later(tel_fault *fault)
{
    if (fault)
        fault->code = TEL_E_UNAVAILABLE;
    return TEL_E_UNAVAILABLE;
}

static tel_error ask(enum reply *reply, struct http *http, const char *method, const char *path,
                     const struct strbuf *body, struct deadline deadline,
                     struct http_response *response, tel_fault *fault)
{
    tel_error error;

    *reply = REPLY_NONE;
    if (strbuf_failed(body))
        return fault_nomem(fault);
    error = http_send(http, method, path, body->text, deadline, response, fault);
    if (!error)
        *reply = REPLY_TAKEN;
    if (!error || error == TEL_E_NOMEM)
        return error;
    if (http_status_is_passing(response->status) || !is_ours(http, deadline, fault))
        return fault_later(fault);
    if (error == TEL_E_NOT_FOUND)
        *reply = REPLY_NOT_FOUND;
    else if (error == TEL_E_REJECTED && is_refusal(response->status))
        *reply = REPLY_REFUSED;
    return *reply == REPLY_NONE ? fault_later(fault) : TEL_OK;
}

static void set_invalid(struct write *write, const struct strbuf *answer)
{
    CLEANUP(freep) char *reason = http_answer_reason(answer);

    write->result = WRITE_INVALID;
    (void)snprintf(write->reason, sizeof write->reason, "%s",
                   reason && *reason ? reason : "the service refuses it");
}

/* ---- One write ------------------------------------------------------------------------------- */

/* Take the answer to a run or an update that was accepted. false: it is about something else. */
static bool read_single(struct write *write, const struct strbuf *body)
{
    CLEANUP(json_releasep) json_t *answer = NULL;
    const char *event_id;
    const char *run_id;
    const char *status;

    if (body->length > 0)
        answer = json_parse(body->text, body->length, NULL);
    event_id = json_string_value(json_object_get(answer, "event_id"));
    run_id = json_string_value(json_object_get(answer, "run_id"));
    status = json_string_value(json_object_get(answer, "status"));
    if (!event_id || strcmp(event_id, write->record->fields.event_id) != 0)
        return false;
    if (write->kind == WRITE_UPDATE || json_is_true(json_object_get(answer, "updated")))
        write->result = WRITE_UPDATED;
    else
        write->result =
            status && strcmp(status, "duplicate") == 0 ? WRITE_DUPLICATE : WRITE_CREATED;
    (void)snprintf(write->run_id, sizeof write->run_id, "%s", run_id ? run_id : "");
    return true;
}

static void write_fields(struct strbuf *body, const struct tel_record *record, field_set set)
{
    strbuf_putc(body, '{');
    record_write_members(body, record, set & record->given, RECORD_AS_SERVED);
    strbuf_putc(body, '}');
}

static tel_error send_single(struct http *http, struct write *write, struct deadline deadline,
                             tel_fault *fault)
{
    CLEANUP(http_response_clear) struct http_response response = HTTP_RESPONSE(ANSWER_BYTES_MAX);
    CLEANUP(strbuf_clear) struct strbuf path = STRBUF(PATH_BYTES_MAX);
    CLEANUP(strbuf_clear) struct strbuf body = STRBUF(BODY_BYTES_MAX);
    bool is_update = write->kind == WRITE_UPDATE;
    enum reply reply;
    tel_error error;

    strbuf_puts(&path, REMOTE_RUNS_PATH);
    if (is_update) {
        strbuf_putc(&path, '/');
        url_append_segment(&path, write->record->fields.event_id);
        strbuf_puts(&path, write->merges ? "?merge=true" : "");
    }
    write_fields(&body, write->record, run_fields_with(is_update ? PATCH : CREATE));
    if (strbuf_failed(&path))
        return fault_nomem(fault);
    error = ask(&reply, http, is_update ? "PATCH" : "POST", path.text, &body, deadline, &response,
                fault);
    if (error)
        return error;
    if (reply == REPLY_REFUSED) {
        set_invalid(write, &response.body);
        return TEL_OK;
    }
    if (reply == REPLY_NOT_FOUND && is_update) {
        write->result = WRITE_NOT_FOUND;
        return TEL_OK;
    }
    if (reply == REPLY_TAKEN && read_single(write, &response.body))
        return TEL_OK;
    return fault_strange(http, deadline, fault);
}

/* ---- Many ------------------------------------------------------------------------------------ */

/* Send a batch; *refused: none of it was taken, for what some item contains. */
static tel_error try_batch(struct http *http, struct write **writes, size_t count,
                           struct deadline deadline, bool *refused, tel_fault *fault)
{
    CLEANUP(http_response_clear) struct http_response response = HTTP_RESPONSE(ANSWER_BYTES_MAX);
    CLEANUP(strbuf_clear) struct strbuf body = STRBUF(BODY_BYTES_MAX);
    enum reply reply;
    tel_error error;

    remote_batch_write(&body, writes, count);
    error = ask(&reply, http, "POST", REMOTE_BATCH_PATH, &body, deadline, &response, fault);
    if (error)
        return error;
    *refused = reply == REPLY_REFUSED;
    if (*refused && count == 1)
        set_invalid(writes[0], &response.body);
    if (*refused || (reply == REPLY_TAKEN && remote_batch_read(&response.body, writes, count)))
        return TEL_OK;
    return fault_strange(http, deadline, fault);
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
