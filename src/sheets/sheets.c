/* SPDX-License-Identifier: MIT
 *
 * An answer counts by its status alone: what took the row and then lost the line in the middle of its
 * answer would, asked again, take it twice.
 */
#include "sheets/sheets.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/url.h"
#include "config/sheets_endpoint.h"
#include "deliver/http.h"
#include "sheets/google_token.h"

#define BODY_BYTES_MAX ((size_t)16 * 1024 * 1024)
#define ANSWER_BYTES_MAX ((size_t)64 * 1024)
#define FIRST_PAUSE_MS 1000
#define DOUBLINGS_MAX 5
#define LAST_PAUSE_MS 60000

/* Apps Script runs the web app and then points to where its answer can be read. */
#define APPS_SCRIPT_ANSWERS "script.googleusercontent.com"

struct sheets {
    struct sheets_options options;
    struct sheets_endpoint endpoint;
    struct google_token token;
    struct http *http; /* with the token in it; NULL: to be made */
    long last_status;  /* of the last post; 0: it had no answer */
};

/* ---- Whether and how ------------------------------------------------------------------------- */

static const char *given_token(const struct tel_config *config)
{
    return config_text(config, CONFIG_METRICS_API_TOKEN);
}

static const char *key_file(const struct tel_config *config)
{
    return config_text(config, CONFIG_GOOGLE_APPLICATION_CREDENTIALS);
}

static tel_error skip(const char *reason, tel_fault *fault)
{
    return fault_set(fault, TEL_E_SKIPPED, "not exported: %s", reason);
}

tel_error sheets_is_on(const struct tel_config *config, tel_fault *fault)
{
    if (!config_bool(config, CONFIG_GOOGLE_SHEETS_API_ENABLED))
        return skip("GOOGLE_SHEETS_API_ENABLED is off", fault);
    if (config_is_mock(config))
        return skip("TELEMETRY_TEST_MODE is mock", fault);
    if (!config_text(config, CONFIG_GOOGLE_SHEETS_API_URL))
        return skip("GOOGLE_SHEETS_API_URL is not set", fault);
    if (config_bool(config, CONFIG_METRICS_API_AUTH_REQUIRED) && !given_token(config) &&
        !key_file(config))
        return skip("METRICS_API_AUTH_REQUIRED is on, but there is no token", fault);
    return http_is_built_in() ? TEL_OK : skip("this library was built without libcurl", fault);
}

/* A token that opens every sheet of an account is for Google alone. */
static bool makes_token(const struct sheets *sheets)
{
    const struct tel_config *config = sheets->options.config;

    return !given_token(config) && key_file(config) && sheets->endpoint.is_google;
}

tel_error sheets_new(struct sheets **out, const struct sheets_options *options)
{
    struct sheets *sheets = calloc(1, sizeof *sheets);

    *out = sheets;
    if (!sheets)
        return TEL_E_NOMEM;
    sheets->options = *options;
    return TEL_OK;
}

void sheets_free(struct sheets *sheets)
{
    if (!sheets)
        return;
    http_free(sheets->http);
    google_token_drop(&sheets->token);
    sheets_endpoint_clear(&sheets->endpoint);
    free(sheets);
}

/* ---- One request ----------------------------------------------------------------------------- */

static tel_error have_token(struct sheets *sheets, struct deadline deadline,
                            struct http_response *response, tel_fault *fault)
{
    const struct google_token_source source = {
        .key_file = key_file(sheets->options.config),
        .ca_file = config_text(sheets->options.config, CONFIG_SSL_CERT_FILE),
        .log = &sheets->options.log,
        .cancelled = sheets->options.cancelled,
    };

    if (!makes_token(sheets) || google_token_is_good(&sheets->token))
        return TEL_OK;
    http_free(sheets->http);
    sheets->http = NULL;
    return google_token_have(&sheets->token, &source, deadline, response, fault);
}

static tel_error have_http(struct sheets *sheets, tel_fault *fault)
{
    const char *given = given_token(sheets->options.config);
    const struct http_options options = {
        .url = sheets->endpoint.origin,
        .token = given ? given : sheets->token.text,
        .ca_file = config_text(sheets->options.config, CONFIG_SSL_CERT_FILE),
        .asks_proxy = !sheets->endpoint.is_local,
        .sends_once = true,
        .cancelled = sheets->options.cancelled,
    };

    return sheets->http ? TEL_OK : http_new(&sheets->http, &options, fault);
}

static bool is_taken(const struct http_response *response)
{
    struct url url;

    if (*response->redirect)
        return url_split(&url, response->redirect) && url_has_scheme(&url, "https") &&
               url_has_host(&url, APPS_SCRIPT_ANSWERS);
    return response->status >= 200 && response->status < 300;
}

/* What answers may quote what it was asked. */
static void hide_token(const struct sheets *sheets, tel_fault *fault)
{
    const char *given = given_token(sheets->options.config);
    const char *token = given ? given : sheets->token.text;
    size_t length = token ? strlen(token) : 0;

    if (!fault || length == 0)
        return;
    for (char *found = strstr(fault->text, token); found; found = strstr(found, token))
        memset(found, '*', length);
}

static tel_error send_once(struct sheets *sheets, const char *method, const char *path,
                           const char *body, struct http_response *response, tel_fault *fault)
{
    struct deadline deadline = deadline_in(config_int(sheets->options.config, CONFIG_timeout));
    tel_error error = have_token(sheets, deadline, response, fault);

    sheets->last_status = 0;
    if (!error)
        error = have_http(sheets, fault);
    if (error)
        return error;
    error = http_send(sheets->http, method, path, body, deadline, response, fault);
    sheets->last_status = response->status;
    if (error)
        hide_token(sheets, fault);
    if (response->status == 401) /* withdrawn, or a clock is wrong: have a new one next time */
        google_token_drop(&sheets->token);
    return error && is_taken(response) ? TEL_OK : error;
}

/* ---- All attempts ---------------------------------------------------------------------------- */

static bool sleep_for(void *arg, int64_t ms)
{
    (void)arg;
    deadline_sleep(deadline_in(ms), ms);
    return true;
}

static bool pause_before(struct sheets *sheets, int64_t retry)
{
    sheets_pause_fn *pause = sheets->options.pause ? sheets->options.pause : sleep_for;

    return pause(sheets->options.arg,
                 retry <= DOUBLINGS_MAX ? (int64_t)FIRST_PAUSE_MS << retry : LAST_PAUSE_MS);
}

/* No answer, or one that says the fault is on its side. */
static bool is_worth_a_retry(tel_error error, const struct http_response *response)
{
    return error == TEL_E_UNAVAILABLE && (response->status < 300 || response->status >= 500);
}

static tel_error send_until_taken(struct sheets *sheets, const char *body, tel_fault *fault)
{
    CLEANUP(http_response_clear) struct http_response response = HTTP_RESPONSE(ANSWER_BYTES_MAX);
    int64_t retries = config_int(sheets->options.config, CONFIG_max_retries);
    tel_error error;

    for (int64_t retry = 0;; retry++) {
        error = send_once(sheets, "POST", sheets->endpoint.path, body, &response, fault);
        if (!is_worth_a_retry(error, &response) || retry >= retries)
            break;
        if (!pause_before(sheets, retry))
            break;
    }
    return error;
}

/* Begin: is the export on, and where does it go? */
static tel_error begin(struct sheets *sheets, tel_fault *fault)
{
    const struct tel_config *config = sheets->options.config;
    tel_error error = sheets_is_on(config, fault);

    sheets->last_status = 0;
    if (error || sheets->endpoint.origin)
        return error;
    return sheets_endpoint_init(&sheets->endpoint,
                                config_text(config, CONFIG_GOOGLE_SHEETS_API_URL), fault);
}

tel_error sheets_post(struct sheets *sheets, const tel_api_payload *payload, tel_fault *fault)
{
    CLEANUP(strbuf_clear) struct strbuf body = STRBUF(BODY_BYTES_MAX);
    tel_error error = begin(sheets, fault);

    if (error)
        return error;
    sheets_endpoint_write_body(&body, &sheets->endpoint, payload);
    if (body.too_large)
        return fault_set(fault, TEL_E_TOO_LARGE, "the run is larger than %zu bytes",
                         BODY_BYTES_MAX);
    if (strbuf_failed(&body))
        return fault_nomem(fault);
    return send_until_taken(sheets, body.text, fault);
}

bool sheets_refused_payload(const struct sheets *sheets)
{
    return sheets->last_status == 400 || sheets->last_status == 413 || sheets->last_status == 422;
}

tel_error sheets_test(struct sheets *sheets, tel_fault *fault)
{
    CLEANUP(http_response_clear) struct http_response response = HTTP_RESPONSE(ANSWER_BYTES_MAX);
    tel_error error = begin(sheets, fault);

    if (error)
        return error;
    error = send_once(sheets, "GET", sheets->endpoint.test_path, NULL, &response, fault);
    /* What takes nothing but POST says so, and is there. */
    return response.status == 405 && !sheets->endpoint.appends_row ? TEL_OK : error;
}
