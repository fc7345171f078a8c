/* SPDX-License-Identifier: MIT */
#include "http/framing.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

#define ROW(header, member) .name = (header), .offset = offsetof(struct request_headers, member)

static const struct {
    const char *name;
    size_t offset;
    bool may_repeat;
} noted[] = {
    {ROW("Host", host)},
    {ROW("Content-Length", content_length)},
    {ROW("Transfer-Encoding", transfer_encoding)},
    {ROW("Content-Type", content_type)},
    {ROW("Content-Encoding", content_encoding)},
    {ROW("Authorization", authorization)},
    {ROW("Origin", origin)},
    {ROW("Sec-Fetch-Site", sec_fetch_site)},
    {ROW("Accept", accept), .may_repeat = true},
    {ROW("Accept-Encoding", accept_encoding), .may_repeat = true},
    {ROW("X-Request-ID", request_id), .may_repeat = true},
};

static void note(struct framing *framing, struct request_headers *headers, const char *name,
                 const char *value)
{
    for (size_t i = 0; i < sizeof noted / sizeof *noted; i++) {
        if (strcasecmp(noted[i].name, name) != 0)
            continue;
        if (framing->seen & 1U << i && !noted[i].may_repeat)
            framing->repeated = noted[i].name;
        framing->seen |= 1U << i;
        memcpy((char *)headers + noted[i].offset, &value, sizeof value);
        return;
    }
}

static bool is_token_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr("!#$%&'*+-.^_`|~", c));
}

/* RFC 9110's token: a blank before the colon, say, is read as part of the name by some. */
static bool is_token(const char *name)
{
    const char *c = name;

    while (is_token_char(*c))
        c++;
    return c > name && !*c;
}

void framing_add(struct framing *framing, struct request_headers *headers, const char *name,
                 const char *value)
{
    if (!is_token(name))
        framing->is_malformed = true;
    note(framing, headers, name, value);
}

tel_error framing_check(const struct framing *framing, const struct request_headers *headers,
                        tel_fault *fault)
{
    if (framing->is_malformed)
        return fault_set(
            fault, TEL_E_INVALID,
            "the name of a header must be letters, digits and hyphens, directly before "
            "its colon");
    if (framing->repeated)
        return fault_set(fault, TEL_E_INVALID, "there must be one %s header, not several",
                         framing->repeated);
    if (!headers->host)
        return fault_set(fault, TEL_E_INVALID, "there must be a Host header");
    if (headers->content_length && headers->transfer_encoding)
        return fault_set(fault, TEL_E_INVALID,
                         "Content-Length and Transfer-Encoding must not come together");
    if (headers->transfer_encoding && strcasecmp(headers->transfer_encoding, "chunked") != 0)
        return fault_set(fault, TEL_E_INVALID,
                         "the only Transfer-Encoding that is taken is chunked");
    return TEL_OK;
}

bool framing_has_body(const struct request_headers *headers)
{
    return headers->transfer_encoding || framing_exceeds(headers, 0);
}

bool framing_exceeds(const struct request_headers *headers, size_t bytes_max)
{
    return headers->content_length && strtoumax(headers->content_length, NULL, 10) > bytes_max;
}
