/* SPDX-License-Identifier: MIT
 *
 * The service as host programs see it: tel_http_client_*() of telemetry.h.
 */
#include "base/cleanup.h"
#include "base/host.h"
#include "base/json.h"
#include "config/config.h"
#include "config/config_token.h"
#include "deliver/http_public.h"
#include "deliver/remote.h"
#include "deliver/remote_ask.h"

#define BATCH_SIZE 1000 /* runs in one request */
#define BATCH_TOTAL_MAX 100000
#define ANSWER_BYTES_MAX ((size_t)16 * 1024 * 1024)

static struct deadline call_deadline(const struct tel_http_client *http)
{
    return deadline_in(http->budget_ms);
}

/* ---- Lifetime -------------------------------------------------------------------------------- */

tel_error tel_http_client_new(tel_http_client **out, const char *url, const tel_config *config,
                              tel_fault *fault)
{
    CLEANUP(host_restore) struct host_state host = host_protect();
    CLEANUP(config_freep) struct tel_config *environment = NULL;
    CLEANUP(freep) struct tel_http_client *http = NULL;
    CLEANUP(freep) char *token = NULL;
    struct http_options options = {0};
    tel_error error;

    if (!out)
        return fault_null(fault, "out");
    *out = NULL;
    if (!config && tel_config_new(&environment))
        return fault_nomem(fault);
    config = config ? config : environment;
    http = calloc(1, sizeof *http);
    if (!http)
        return fault_nomem(fault);
    options.ca_file = config_text(config, CONFIG_SSL_CERT_FILE);
    options.url = url ? url : config_text(config, CONFIG_TELEMETRY_API_URL);
    http->budget_ms = config_int(config, CONFIG_TELEMETRY_CALL_BUDGET_MS);
    error = config_token(&token, config, fault);
    options.token = token;
    if (!error)
        error = http_new(&http->http, &options, fault);
    if (!error)
        *out = steal(&http);
    return error;
}

void tel_http_client_free(tel_http_client *http)
{
    CLEANUP(host_restore) struct host_state host = host_protect();

    if (!http)
        return;
    http_free(http->http);
    free(http);
}

/* ---- One run --------------------------------------------------------------------------------- */

static tel_error result_error(const struct write *write, tel_fault *fault)
{
    if (write->result == WRITE_INVALID)
        return fault_set(fault, TEL_E_REJECTED, "the service refuses it: %s", write->reason);
    if (write->result == WRITE_NOT_FOUND)
        return fault_set(fault, TEL_E_NOT_FOUND, "the service has no run with this event_id");
    return TEL_OK;
}

static tel_error send_one(struct tel_http_client *http, struct write *write, tel_fault *fault)
{
    tel_error error = remote_apply(http->http, &write, 1, call_deadline(http), fault);

    return error ? error : result_error(write, fault);
}

static tel_error check_event_id(const struct tel_record *record, tel_fault *fault)
{
    const char *event_id = record ? record_text(record, FIELD_event_id) : NULL;

    if (event_id && *event_id)
        return TEL_OK;
    return fault_set(fault, TEL_E_INVALID, "a run must have an event_id to be sent");
}

tel_error tel_http_client_post_event(tel_http_client *http, const tel_record *record, int *is_new,
                                     tel_fault *fault)
{
    CLEANUP(host_restore) struct host_state host = host_protect();
    struct write write = {.kind = WRITE_CREATE, .record = record};
    tel_error error;

    if (is_new)
        *is_new = 0;
    if (!http)
        return fault_null(fault, "http");
    error = check_event_id(record, fault);
    if (!error)
        error = send_one(http, &write, fault);
    if (!error && is_new)
        *is_new = write.result == WRITE_CREATED;
    return error;
}

tel_error tel_http_client_patch_event(tel_http_client *http, const char *event_id,
                                      const tel_record *changes, tel_fault *fault)
{
    CLEANUP(host_restore) struct host_state host = host_protect();
    CLEANUP(record_clear) struct tel_record update = RECORD();
    struct write write = {.kind = WRITE_UPDATE, .record = &update};
    tel_error error;

    if (!http || !changes)
        return fault_null(fault, http ? "changes" : "http");
    error = record_merge(&update, changes, run_fields_with(PATCH), fault);
    if (error)
        return error;
    if (!update.given)
        return fault_set(fault, TEL_E_INVALID, "none of the fields given may be changed");
    error = record_set_text(&update, FIELD_event_id, event_id, fault);
    if (!error)
        error = check_event_id(&update, fault);
    return error ? error : send_one(http, &write, fault);
}

tel_error tel_http_client_associate_commit(tel_http_client *http, const char *event_id,
                                           const char *commit_hash, const char *commit_source,
                                           const char *commit_author, const char *commit_timestamp,
                                           tel_fault *fault)
{
    CLEANUP(host_restore) struct host_state host = host_protect();
    CLEANUP(record_clear) struct tel_record commit = RECORD();
    const tel_run_fields given = {.size = sizeof given,
                                  .event_id = event_id,
                                  .git_commit_hash = commit_hash,
                                  .git_commit_source = commit_source,
                                  .git_commit_author = commit_author,
                                  .git_commit_timestamp = commit_timestamp};
    tel_error error;

    if (!http)
        return fault_null(fault, "http");
    if (!commit_hash || !commit_source)
        return fault_null(fault, commit_hash ? "commit_source" : "commit_hash");
    error = record_merge_fields(&commit, &given, ~(field_set)0, fault);
    if (!error)
        error = check_event_id(&commit, fault);
    return error ? error : remote_associate_commit(http->http, &commit, call_deadline(http), fault);
}

/* ---- Many ------------------------------------------------------------------------------------ */

struct batch {
    struct write writes[BATCH_SIZE];
    struct write *list[BATCH_SIZE];
    tel_batch_fn *each;
    void *arg;
    tel_error refusal; /* the first */
};

/* Tell of each what became of it, and keep the first refusal. */
static void tell(struct batch *batch, size_t first, size_t count, tel_fault *fault)
{
    for (size_t i = 0; i < count; i++) {
        const struct write *write = &batch->writes[i];
        tel_fault refusal = {0};
        tel_error error = result_error(write, &refusal);

        if (error && !batch->refusal)
            batch->refusal = fault_set(fault, error, "run %zu: %s", first + i, refusal.text);
        if (batch->each)
            batch->each(batch->arg, first + i, error, error ? write->reason : NULL);
    }
}

static tel_error send_slice(struct tel_http_client *http, struct batch *batch,
                            const tel_record *const *records, size_t count,
                            struct deadline deadline, tel_fault *fault)
{
    CLEANUP(host_restore) struct host_state host = host_protect();

    for (size_t i = 0; i < count; i++) {
        batch->writes[i] = (struct write){.kind = WRITE_CREATE, .record = records[i]};
        batch->list[i] = &batch->writes[i];
    }
    return remote_apply(http->http, batch->list, count, deadline, fault);
}

tel_error tel_http_client_post_batch(tel_http_client *http, const tel_record *const *records,
                                     size_t count, tel_batch_fn *each, void *arg, tel_fault *fault)
{
    CLEANUP(errno_restore) int host_errno = errno;
    CLEANUP(freep) struct batch *batch = NULL;
    struct deadline deadline;

    if (!http || (!records && count))
        return fault_null(fault, http ? "records" : "http");
    if (count > BATCH_TOTAL_MAX)
        return fault_set(fault, TEL_E_TOO_LARGE, "a batch must have at most %d runs",
                         BATCH_TOTAL_MAX);
    for (size_t i = 0; i < count; i++) {
        if (check_event_id(records[i], NULL))
            return fault_set(fault, TEL_E_INVALID, "run %zu has no event_id", i);
    }
    batch = calloc(1, sizeof *batch);
    if (!batch)
        return fault_nomem(fault);
    batch->each = each;
    batch->arg = arg;
    deadline = call_deadline(http);
    for (size_t i = 0; i < count; i += BATCH_SIZE) {
        size_t slice = count - i < BATCH_SIZE ? count - i : BATCH_SIZE;
        tel_error error = send_slice(http, batch, records + i, slice, deadline, fault);

        if (error)
            return error;
        tell(batch, i, slice, fault);
    }
    return batch->refusal;
}

/* ---- The service itself ---------------------------------------------------------------------- */

/* GET a path whose answer is an object with this member, by which the service is known. */
static tel_error get(struct tel_http_client *http, const char *path, const char *member,
                     struct http_response *response, tel_fault *fault)
{
    CLEANUP(json_releasep) json_t *answer = NULL;
    struct deadline deadline = call_deadline(http);
    tel_error error = remote_ask(http->http, "GET", path, NULL, deadline, response, fault);

    if (error)
        return error;
    if (response->body.length > 0)
        answer = json_parse(response->body.text, response->body.length, NULL);
    return json_object_get(answer, member) ? TEL_OK
                                           : remote_fault_strange(http->http, deadline, fault);
}

tel_error tel_http_client_check_health(tel_http_client *http, tel_fault *fault)
{
    CLEANUP(host_restore) struct host_state host = host_protect();
    CLEANUP(http_response_clear) struct http_response response = HTTP_RESPONSE(ANSWER_BYTES_MAX);

    if (!http)
        return fault_null(fault, "http");
    return get(http, "/health", "db_path", &response, fault);
}

tel_error tel_http_client_get_metrics(char **out, tel_http_client *http, tel_fault *fault)
{
    CLEANUP(host_restore) struct host_state host = host_protect();
    CLEANUP(http_response_clear) struct http_response response = HTTP_RESPONSE(ANSWER_BYTES_MAX);
    tel_error error;

    if (out)
        *out = NULL;
    if (!out || !http)
        return fault_null(fault, out ? "http" : "out");
    error = get(http, "/metrics", "total_runs", &response, fault);
    if (error)
        return error;
    *out = strbuf_take(&response.body);
    return *out ? TEL_OK : fault_nomem(fault);
}
