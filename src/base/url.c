/* SPDX-License-Identifier: MIT */
#include "base/url.h"

#include <string.h>

/* What RFC 3986 calls unreserved, whatever the locale. */
static bool is_plain(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           strchr("-._~", c);
}

void url_append_segment(struct strbuf *url, const char *text)
{
    for (; *text; text++) {
        if (is_plain(*text))
            strbuf_putc(url, *text);
        else
            strbuf_printf(url, "%%%02X", (unsigned char)*text);
    }
}
