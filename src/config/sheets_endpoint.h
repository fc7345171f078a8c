/* SPDX-License-Identifier: MIT
 *
 * Where runs are exported to, and in which form: a range of a Google sheet, or any address that takes
 * a flat JSON object (Apps Script web apps, webhooks).
 */
#ifndef CONFIG_SHEETS_ENDPOINT_H
#define CONFIG_SHEETS_ENDPOINT_H

#include <stdbool.h>

#include "base/error.h"
#include "base/strbuf.h"

struct sheets_endpoint {
    char *origin;     /* scheme, host and port */
    char *path;       /* and query; of a sheet always with valueInputOption=RAW */
    char *test_path;  /* to be read for a test, which adds nothing */
    bool appends_row; /* {spreadsheet}/values/{range}:append; else it takes a flat object */
    bool is_google;   /* may have a token that was made for Google; true for this machine too */
    bool is_local;    /* on this machine, so no proxy is asked; else it is https */
};

/*
 * Read an address. TEL_E_INVALID, with what it must be: not https (or http to this machine), with a
 * user or password in it, or with characters that a URL cannot have. No message has the path or the
 * query, which may be secret.
 */
tel_error sheets_endpoint_init(struct sheets_endpoint *endpoint, const char *url, tel_fault *fault);
void sheets_endpoint_clear(struct sheets_endpoint *endpoint);

/* Write the body that exports `payload` there. */
void sheets_endpoint_write_body(struct strbuf *body, const struct sheets_endpoint *endpoint,
                                const tel_api_payload *payload);

#endif
