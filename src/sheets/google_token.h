/* SPDX-License-Identifier: MIT
 *
 * Access tokens of a service account: its key signs a request, Google's answer is a token that is
 * good for an hour. It is kept and renewed before it runs out.
 */
#ifndef SHEETS_GOOGLE_TOKEN_H
#define SHEETS_GOOGLE_TOKEN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "deliver/http.h"

struct google_token {
    char *text;               /* NULL: there is none */
    struct deadline good_for; /* until then */
};

struct google_token_source {
    const char *key_file;
    const char *ca_file; /* see http_options */
    const struct log *log;
    const atomic_bool *cancelled;
};

/* Is there a token that can still be used? */
bool google_token_is_good(const struct google_token *token);

/*
 * Have a good token, asking for one when there is none. The key file is read anew each time, so that
 * a new key needs no restart. `response` has the answer's status, 0 when nothing was asked.
 * TEL_E_INVALID: the key file or its key cannot be used; TEL_E_UNAVAILABLE also when the answer has no
 * token in it; else as http_send().
 */
tel_error google_token_have(struct google_token *token, const struct google_token_source *source,
                            struct deadline deadline, struct http_response *response,
                            tel_fault *fault);

void google_token_drop(struct google_token *token);

/* Read a token from the answer to such a request. The text may be anything. */
tel_error google_token_read(struct google_token *token, const char *answer, size_t length,
                            tel_fault *fault);

#endif
