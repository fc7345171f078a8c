/* SPDX-License-Identifier: MIT */
#include "deliver/remote_read.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/url.h"
#include "deliver/remote_ask.h"

#define ANSWER_BYTES_MAX ((size_t)64 * 1024 * 1024) /* a run may be as large as a line */
#define PATH_BYTES_MAX ((size_t)4 * 1024)

/* GET a path. *answer is a new reference, NULL for what is no JSON. */
static tel_error get(json_t **answer, struct http *http, const char *path, struct deadline deadline,
                     tel_fault *fault)
{
    CLEANUP(http_response_clear) struct http_response response = HTTP_RESPONSE(ANSWER_BYTES_MAX);
    tel_error error = remote_ask(http, "GET", path, NULL, deadline, &response, fault);

    *answer = error || response.body.length == 0
                  ? NULL
                  : json_parse(response.body.text, response.body.length, NULL);
    return error;
}

static int64_t count_of(const json_t *object, const char *name)
{
    const json_t *count = json_object_get(object, name);

    return json_is_integer(count) ? json_integer_value(count) : -1;
}

tel_error remote_stats(struct http *http, tel_run_stats *out, struct deadline deadline,
                       tel_fault *fault)
{
    CLEANUP(json_releasep) json_t *answer = NULL;
    tel_error error = get(&answer, http, "/metrics", deadline, fault);
    const json_t *statuses;

    if (error)
        return error;
    if (count_of(answer, "total_runs") < 0)
        return remote_fault_strange(http, deadline, fault);
    statuses = json_object_get(answer, "statuses");
    *out = (tel_run_stats){
        .total = count_of(answer, "total_runs"),
        .running = count_of(statuses, TEL_RUNNING),
        .success = count_of(statuses, TEL_SUCCESS),
        .failure = count_of(statuses, TEL_FAILURE),
        .partial = count_of(statuses, TEL_PARTIAL),
        .timeout = count_of(statuses, TEL_TIMEOUT),
        .cancelled = count_of(statuses, TEL_CANCELLED),
        .pending_api_posts = count_of(answer, "pending_exports"),
    };
    return TEL_OK;
}

tel_error remote_find(char **event_id, struct http *http, const char *run_id,
                      struct deadline deadline, tel_fault *fault)
{
    CLEANUP(json_releasep) json_t *answer = NULL;
    CLEANUP(strbuf_clear) struct strbuf path = STRBUF(PATH_BYTES_MAX);
    const char *found;
    tel_error error;

    *event_id = NULL;
    strbuf_puts(&path, REMOTE_RUNS_PATH "?limit=1&run_id=");
    url_append_segment(&path, run_id);
    if (strbuf_failed(&path))
        return fault_nomem(fault);
    error = get(&answer, http, path.text, deadline, fault);
    if (error)
        return error;
    if (!json_is_array(answer))
        return remote_fault_strange(http, deadline, fault);
    found = json_string_value(json_object_get(json_array_get(answer, 0), "event_id"));
    if (!found)
        return fault_set(fault, TEL_E_NOT_FOUND, "no run with run_id \"%.60s\"", run_id);
    *event_id = strdup(found);
    return *event_id ? TEL_OK : fault_nomem(fault);
}
