/* SPDX-License-Identifier: MIT
 *
 * /version tells whose an answer is, and where that wants a token, /health, which never does. It is
 * asked only after an answer that is not as it should be.
 */
#include "deliver/remote_ask.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "deliver/http_answer.h"

#define ANSWER_BYTES_MAX ((size_t)64 * 1024)

/* ---- Who is it ------------------------------------------------------------------------------- */

/* GET a path. The parsed answer is a new reference; NULL: it is no JSON, or an error. */
static json_t *get(struct http *http, const char *path, struct deadline deadline, long *status,
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

    answer = get(http, "/health", deadline, &status, &error, NULL);
    return json_object_get(answer, "db_path") && json_object_get(answer, "journal_mode");
}

tel_error remote_identify(struct http *http, struct deadline deadline, tel_fault *fault)
{
    CLEANUP(json_releasep) json_t *answer = NULL;
    const char *name;
    tel_error error;
    long status;

    answer = get(http, "/version", deadline, &status, &error, fault);
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

/* Is it our service's answer? `fault`, which says what it was, is replaced if it is not. */
static bool is_ours(struct http *http, struct deadline deadline, tel_fault *fault)
{
    tel_fault why;
    tel_error error = remote_identify(http, deadline, &why);

    if (error == TEL_E_UNAVAILABLE)
        (void)fault_set(fault, error, "%s", why.text);
    return !error || error == TEL_E_REJECTED;
}

tel_error remote_fault_strange(struct http *http, struct deadline deadline, tel_fault *fault)
{
    (void)fault_set(fault, TEL_E_UNAVAILABLE, "%s does not answer as the telemetry service does",
                    http_peer(http));
    (void)is_ours(http, deadline, fault);
    return TEL_E_UNAVAILABLE;
}

/* ---- Asking it ------------------------------------------------------------------------------- */

static bool is_about_content(long status)
{
    return status == 400 || status == 413 || status == 422;
}

tel_error remote_ask(struct http *http, const char *method, const char *path, const char *body,
                     struct deadline deadline, struct http_response *response, tel_fault *fault)
{
    tel_error error = http_send(http, method, path, body, deadline, response, fault);
    bool is_final =
        error == TEL_E_NOT_FOUND || (error == TEL_E_REJECTED && is_about_content(response->status));

    if (!error || error == TEL_E_NOMEM)
        return error;
    if (!http_status_is_passing(response->status) && !is_ours(http, deadline, fault))
        is_final = false;
    if (is_final)
        return error;
    if (fault)
        fault->code = TEL_E_UNAVAILABLE;
    return TEL_E_UNAVAILABLE;
}
