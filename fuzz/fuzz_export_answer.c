/* SPDX-License-Identifier: MIT
 *
 * Any bytes as what the sheet or the issuer of its tokens answers: a token that may stand in a header,
 * or a fault; and a reason of one line.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "deliver/http_answer.h"
#include "sheets/google_token.h"

#define REASON_CHARS_MAX 300

static void check_token(const char *text, size_t length)
{
    struct google_token token = {0};
    tel_fault fault = {TEL_OK, ""};
    tel_error error = google_token_read(&token, text, length, &fault);

    if (error ? (token.text || fault.code != error || !*fault.text) : !token.text)
        abort();
    for (const char *c = token.text; c && *c; c++) {
        if (*c <= ' ' || *c >= 0x7f)
            abort();
    }
    google_token_drop(&token);
}

static void check_reason(const char *text, size_t length)
{
    CLEANUP(strbuf_clear) struct strbuf body = STRBUF(length + 1);
    CLEANUP(freep) char *reason = NULL;

    strbuf_append(&body, text, length);
    reason = http_answer_reason(&body);
    if (!reason || strlen(reason) > REASON_CHARS_MAX || strpbrk(reason, "\r\n\t\x1b"))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_token((const char *)data, size);
    check_reason((const char *)data, size);
    return 0;
}
