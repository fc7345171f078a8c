/* SPDX-License-Identifier: MIT
 *
 * The query of a sheet's address is written anew, so that nothing in a setting can make the sheet
 * take a cell for a formula (USER_ENTERED).
 */
#include "config/sheets_endpoint.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/url.h"
#include "model/payload.h"

#define URL_BYTES_MAX ((size_t)8 * 1024)
#define SPREADSHEETS "/v4/spreadsheets/"
#define INPUT_OPTION "valueInputOption="

/* ---- The address ----------------------------------------------------------------------------- */

/* Printable ASCII but what no URL has; `host` and port have less still, so that no two readers of
 * the address can differ about the host. */
static bool is_clean(const struct url *url)
{
    for (const char *c = url->host; *c; c++) {
        if (*c <= ' ' || *c >= 0x7f || strchr("\"<>\\^`{|}#", *c))
            return false;
    }
    for (const char *c = url->host; c < url->rest; c++) {
        if (strchr("%$&'()*+,;=~", *c))
            return false;
    }
    return true;
}

static tel_error check(const struct url *url, tel_fault *fault)
{
    if (!url_has_scheme(url, "https") && !(url_has_scheme(url, "http") && url_is_loopback(url)))
        return fault_set(fault, TEL_E_INVALID,
                         "GOOGLE_SHEETS_API_URL must begin with https:// (http:// only for this "
                         "machine)");
    if (url->has_user)
        return fault_set(fault, TEL_E_INVALID,
                         "GOOGLE_SHEETS_API_URL must not have a user or password in it: set "
                         "METRICS_API_TOKEN");
    if (!is_clean(url))
        return fault_set(fault, TEL_E_INVALID,
                         "GOOGLE_SHEETS_API_URL has a character that a URL cannot have: write a "
                         "blank as %%20");
    return TEL_OK;
}

/* ---- A sheet --------------------------------------------------------------------------------- */

/* Is this path {SPREADSHEETS}{id}/values/{range}:append? Then return the id's length, else 0. */
static size_t find_spreadsheet(const char *path, size_t length)
{
    static const char values[] = "/values/";
    static const char append[] = ":append";
    size_t prefix = strlen(SPREADSHEETS);
    size_t id_length;

    if (length < prefix || strncmp(path, SPREADSHEETS, prefix) != 0)
        return 0;
    id_length = strcspn(path + prefix, "/?");
    if (strncmp(path + prefix + id_length, values, strlen(values)) != 0 ||
        length <= prefix + id_length + strlen(values) + strlen(append) ||
        strncmp(path + length - strlen(append), append, strlen(append)) != 0)
        return 0;
    return id_length;
}

/* May this parameter stay? Not the one that is ours to say, in whatever spelling. */
static bool is_theirs(const char *parameter, size_t length)
{
    size_t name_length = strcspn(parameter, "=&");

    return length > 0 && !memchr(parameter, '%', name_length) &&
           strncmp(parameter, INPUT_OPTION, strlen(INPUT_OPTION)) != 0;
}

static void write_query(struct strbuf *path, const char *query)
{
    strbuf_puts(path, "?" INPUT_OPTION "RAW");
    while (*query) {
        size_t length = strcspn(query, "&");

        if (is_theirs(query, length)) {
            strbuf_putc(path, '&');
            strbuf_append(path, query, length);
        }
        query += length;
        query += *query == '&';
    }
}

static void write_paths(struct strbuf *path, struct strbuf *test_path, const char *rest,
                        struct sheets_endpoint *endpoint)
{
    size_t length = strcspn(rest, "?");
    size_t id_length = find_spreadsheet(rest, length);

    endpoint->appends_row = id_length > 0;
    if (endpoint->appends_row) {
        strbuf_append(path, rest, length);
        write_query(path, rest[length] ? rest + length + 1 : "");
        strbuf_append(test_path, rest, strlen(SPREADSHEETS) + id_length);
        strbuf_puts(test_path, "?fields=spreadsheetId");
    } else {
        strbuf_printf(path, "%s%s", *rest == '/' ? "" : "/", rest);
        strbuf_puts(test_path, path->text ? path->text : "");
    }
}

/* ---- Both ------------------------------------------------------------------------------------ */

void sheets_endpoint_clear(struct sheets_endpoint *endpoint)
{
    free(endpoint->origin);
    free(endpoint->path);
    free(endpoint->test_path);
    *endpoint = (struct sheets_endpoint){0};
}

tel_error sheets_endpoint_init(struct sheets_endpoint *endpoint, const char *text, tel_fault *fault)
{
    CLEANUP(strbuf_clear) struct strbuf path = STRBUF(URL_BYTES_MAX);
    CLEANUP(strbuf_clear) struct strbuf test_path = STRBUF(URL_BYTES_MAX);
    struct url url;
    tel_error error;

    *endpoint = (struct sheets_endpoint){0};
    if (strlen(text) > URL_BYTES_MAX / 2 || !url_split(&url, text))
        return fault_set(fault, TEL_E_INVALID,
                         "GOOGLE_SHEETS_API_URL must look like https://host/path");
    error = check(&url, fault);
    if (error)
        return error;
    endpoint->is_local = url_is_loopback(&url);
    endpoint->is_google = endpoint->is_local || url_is_within(&url, "googleapis.com") ||
                          url_is_within(&url, "google.com");
    write_paths(&path, &test_path, url.rest, endpoint);
    endpoint->origin = strndup(text, (size_t)(url.rest - text));
    endpoint->path = strbuf_take(&path);
    endpoint->test_path = strbuf_take(&test_path);
    if (endpoint->origin && endpoint->path && endpoint->test_path)
        return TEL_OK;
    sheets_endpoint_clear(endpoint);
    return fault_nomem(fault);
}

void sheets_endpoint_write_body(struct strbuf *body, const struct sheets_endpoint *endpoint,
                                const tel_api_payload *payload)
{
    if (endpoint->appends_row) {
        strbuf_puts(body, "{\"majorDimension\":\"ROWS\",\"values\":[");
        payload_write_row(body, payload);
        strbuf_puts(body, "]}");
    } else {
        payload_write_object(body, payload);
    }
}
