/* SPDX-License-Identifier: MIT */
#include "sheets/google_token.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/url.h"
#include "sheets/jwt.h"
#include "sheets/service_account.h"

#define SCOPE "https://www.googleapis.com/auth/spreadsheets"
#define GRANT_TYPE "urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer"
#define BODY_BYTES_MAX ((size_t)128 * 1024)
#define TOKEN_CHARS_MAX 4096
#define LIFE_SECONDS 3600  /* of the signed request; the longest that Google takes */
#define MARGIN_SECONDS 120 /* a token is renewed this long before it runs out */
#define EXPIRY_SECONDS_MAX 86400

bool google_token_is_good(const struct google_token *token)
{
    return token->text && deadline_left_ms(token->good_for) > 0;
}

void google_token_drop(struct google_token *token)
{
    if (token->text)
        explicit_bzero(token->text, strlen(token->text));
    free(token->text);
    token->text = NULL;
}

/* ---- The request ----------------------------------------------------------------------------- */

static void write_claims(struct strbuf *claims, const struct service_account *account)
{
    int64_t now = clock_now_us() / US_PER_SECOND;

    strbuf_puts(claims, "{\"iss\":");
    json_write_string(claims, account->client_email);
    strbuf_puts(claims, ",\"scope\":\"" SCOPE "\",\"aud\":");
    json_write_string(claims, account->token_uri);
    strbuf_printf(claims, ",\"iat\":%" PRId64 ",\"exp\":%" PRId64 "}", now, now + LIFE_SECONDS);
}

static tel_error write_request(struct strbuf *body, const struct service_account *account,
                               tel_fault *fault)
{
    CLEANUP(strbuf_clear) struct strbuf claims = STRBUF(BODY_BYTES_MAX);
    CLEANUP(freep) char *assertion = NULL;
    tel_error error;

    write_claims(&claims, account);
    if (strbuf_failed(&claims))
        return fault_nomem(fault);
    error = jwt_sign(&assertion, claims.text, account->private_key, account->private_key_id, fault);
    if (error)
        return error;
    strbuf_puts(body, "grant_type=" GRANT_TYPE "&assertion=");
    strbuf_puts(body, assertion); /* base64 for URLs and dots: stands for itself */
    return strbuf_failed(body) ? fault_nomem(fault) : TEL_OK;
}

/* ---- The answer ------------------------------------------------------------------------------ */

/* May it stand in a header? */
static bool is_token(const char *text)
{
    size_t length = text ? strlen(text) : 0;

    if (length == 0 || length > TOKEN_CHARS_MAX)
        return false;
    for (; *text; text++) {
        if (*text <= ' ' || *text >= 0x7f)
            return false;
    }
    return true;
}

tel_error google_token_read(struct google_token *token, const char *text, size_t length,
                            tel_fault *fault)
{
    CLEANUP(json_releasep) json_t *answer = length > 0 ? json_parse(text, length, NULL) : NULL;
    const char *given = json_string_value(json_object_get(answer, "access_token"));
    const char *type = json_string_value(json_object_get(answer, "token_type"));
    int64_t seconds = json_integer_value(json_object_get(answer, "expires_in"));

    google_token_drop(token);
    if (!is_token(given) || (type && strcasecmp(type, "Bearer") != 0))
        return fault_set(fault, TEL_E_UNAVAILABLE, "the answer has no bearer token in it");
    if (seconds > EXPIRY_SECONDS_MAX)
        seconds = EXPIRY_SECONDS_MAX;
    if (seconds < MARGIN_SECONDS)
        seconds = MARGIN_SECONDS;
    /* One that runs out at once, or does not say when, serves for what is under way. */
    token->good_for = deadline_in((seconds - MARGIN_SECONDS) * 1000);
    token->text = strdup(given);
    return token->text ? TEL_OK : fault_nomem(fault);
}

/* ---- Both ------------------------------------------------------------------------------------ */

static void httpp_free(struct http **http)
{
    http_free(*http);
}

static tel_error check_token_uri(const char *token_uri, struct url *url, tel_fault *fault)
{
    if (!url_split(url, token_uri) || url->has_user ||
        !(url_has_scheme(url, "https") || (url_has_scheme(url, "http") && url_is_loopback(url))))
        return fault_set(fault, TEL_E_INVALID, "token_uri must be an https:// address");
    return TEL_OK;
}

static tel_error ask(struct google_token *token, const struct google_token_source *source,
                     const struct service_account *account, struct deadline deadline,
                     struct http_response *response, tel_fault *fault)
{
    CLEANUP(strbuf_clear) struct strbuf body = STRBUF(BODY_BYTES_MAX);
    CLEANUP(freep) char *origin = NULL;
    CLEANUP(httpp_free) struct http *http = NULL;
    struct url url;
    tel_error error = check_token_uri(account->token_uri, &url, fault);

    if (!error)
        error = write_request(&body, account, fault);
    if (error)
        return error;
    origin = strndup(account->token_uri, (size_t)(url.rest - account->token_uri));
    if (!origin)
        return fault_nomem(fault);
    error = http_new(&http,
                     &(struct http_options){.url = origin,
                                            .content_type = "application/x-www-form-urlencoded",
                                            .ca_file = source->ca_file,
                                            .asks_proxy = !url_is_loopback(&url),
                                            .cancelled = source->cancelled},
                     fault);
    if (!error)
        error = http_send(http, "POST", url.rest, body.text, deadline, response, fault);
    if (!error)
        error = google_token_read(token, response->body.text, response->body.length, fault);
    return error;
}

tel_error google_token_have(struct google_token *token, const struct google_token_source *source,
                            struct deadline deadline, struct http_response *response,
                            tel_fault *fault)
{
    CLEANUP(service_account_clear) struct service_account account = {0};
    tel_fault cause = {0};
    tel_error error;

    http_response_clear(response);
    if (google_token_is_good(token))
        return TEL_OK;
    google_token_drop(token);
    error = service_account_read(&account, source->key_file, source->log, &cause);
    if (!error)
        error = ask(token, source, &account, deadline, response, &cause);
    else if (error != TEL_E_NOMEM)
        error = TEL_E_INVALID;
    return error ? fault_set(fault, error, "no token for the export: %s", cause.text) : TEL_OK;
}
