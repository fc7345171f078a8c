/* SPDX-License-Identifier: MIT
 *
 * Any program may listen on our port, and many answer whatever they are asked. /version tells, and
 * where that wants a token, /health, which never does.
 */
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "deliver/http_answer.h"
#include "deliver/remote.h"

#define ANSWER_BYTES_MAX ((size_t)64 * 1024)

/* GET a path. The parsed answer is a new reference; NULL: it is no JSON, or an error. */
static json_t *ask(struct http *http, const char *path, struct deadline deadline, long *status,
                   tel_error *error, tel_fault *fault)
{
    CLEANUP(http_response_clear) struct http_response response = HTTP_RESPONSE(ANSWER_BYTES_MAX);

    *error = http_send(http, "GET", path, NULL, deadline, &response, fault);
    *status = response.status;
    if (*error || response.body.length == 0)
        return NULL;
    return json_parse(response.body.text, response.body.length, NULL);
}

static bool is_ours_by_health(struct http *http, struct deadline deadline)
{
    CLEANUP(json_releasep) json_t *answer = NULL;
    tel_error error;
    long status;

    answer = ask(http, "/health", deadline, &status, &error, NULL);
    return json_object_get(answer, "db_path") && json_object_get(answer, "journal_mode");
}

tel_error remote_identify(struct http *http, struct deadline deadline, tel_fault *fault)
{
    CLEANUP(json_releasep) json_t *answer = NULL;
    const char *name;
    tel_error error;
    long status;

    answer = ask(http, "/version", deadline, &status, &error, fault);
    name = json_string_value(json_object_get(answer, "name"));
    if (name && strcmp(name, "telemetryd") == 0)
        return TEL_OK;
    if (status == 401 && is_ours_by_health(http, deadline))
        return fault_set(fault, TEL_E_REJECTED,
                         "the service at %s wants %s token; set TELEMETRY_API_AUTH_TOKEN",
                         http_peer(http), http_has_token(http) ? "another" : "a");
    if (error && http_status_is_passing(status))
        return error;
    return fault_set(fault, TEL_E_UNAVAILABLE,
                     "what answers at %s is not telemetryd; set TELEMETRY_API_URL",
                     http_peer(http));
}
