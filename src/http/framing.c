/* SPDX-License-Identifier: MIT */
#include "http/framing.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

static const struct {
    const char *name;
    size_t offset;
} noted[] = {
    {"Host", offsetof(struct request_headers, host)},
    {"Accept", offsetof(struct request_headers, accept)},
    {"Accept-Encoding", offsetof(struct request_headers, accept_encoding)},
    {"Authorization", offsetof(struct request_headers, authorization)},
    {"Content-Encoding", offsetof(struct request_headers, content_encoding)},
    {"Origin", offsetof(struct request_headers, origin)},
    {"X-Request-ID", offsetof(struct request_headers, request_id)},
    {"Sec-Fetch-Site", offsetof(struct request_headers, sec_fetch_site)},
};

static void note(struct request_headers *headers, const char *name, const char *value)
{
    for (size_t i = 0; i < sizeof noted / sizeof *noted; i++) {
        if (strcasecmp(noted[i].name, name) == 0)
            memcpy((char *)headers + noted[i].offset, &value, sizeof value);
    }
}

/* RFC 9110's token: a blank before the colon, say, is read as part of the name by some. */
static bool is_token(const char *name)
{
    static const char token[] = "!#$%&'*+-.^_`|~0123456789"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

    return *name && !name[strspn(name, token)];
}

void framing_add(struct framing *framing, struct request_headers *headers, const char *name,
                 const char *value)
{
    if (!is_token(name))
        framing->is_malformed = true;
    if (strcasecmp(name, "Host") == 0) {
        framing->hosts++;
    } else if (strcasecmp(name, "Content-Length") == 0) {
        framing->lengths++;
        framing->length = value;
    } else if (strcasecmp(name, "Transfer-Encoding") == 0) {
        framing->encodings++;
        framing->encoding = value;
    }
    note(headers, name, value);
}

const char *framing_fault(const struct framing *framing)
{
    if (framing->is_malformed)
        return "the name of a header must be letters, digits and hyphens, directly before its colon";
    if (framing->hosts != 1)
        return framing->hosts ? "there must be one Host header, not several"
                              : "there must be a Host header";
    if (framing->lengths > 1)
        return "there must be one Content-Length header, not several";
    if (framing->lengths && framing->encodings)
        return "Content-Length and Transfer-Encoding must not come together";
    if (framing->encodings > 1 ||
        (framing->encodings && strcasecmp(framing->encoding, "chunked") != 0))
        return "the only Transfer-Encoding that is taken is chunked";
    return NULL;
}

bool framing_has_body(const struct framing *framing)
{
    return framing->encodings || framing_exceeds(framing, 0);
}

bool framing_exceeds(const struct framing *framing, size_t bytes_max)
{
    return framing->length && strtoumax(framing->length, NULL, 10) > bytes_max;
}
