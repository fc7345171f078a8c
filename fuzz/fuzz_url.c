/* SPDX-License-Identifier: MIT
 *
 * Any bytes as a URL in a setting: taken to pieces that lie in it, one behind the other. And as text
 * in a URL: nothing of it is left that means something there, and it can be had back.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/url.h"

static void check_pieces(const char *text)
{
    struct url url;

    if (!url_split(&url, text))
        return;
    if (!url.scheme_length || !url.host_length || url.scheme != text ||
        url.scheme + url.scheme_length > url.host || url.host + url.host_length > url.rest ||
        url.rest > text + strlen(text))
        abort();
    if (memchr(url.host, '@', url.host_length) || memchr(url.host, '/', url.host_length))
        abort();
    if (url_is_loopback(&url) && !url_has_host(&url, "localhost") && !url_has_host(&url, "[::1]") &&
        !url_has_host(&url, "127.0.0.1") && !url_has_host(&url, "0.0.0.0"))
        abort();
}

/* Undo the percent encoding. */
static void decode(char *text)
{
    char *to = text;

    for (; *text; text++, to++) {
        char digits[] = {'\0', '\0', '\0'};

        *to = *text;
        if (*text != '%')
            continue;
        strncpy(digits, text + 1, 2);
        *to = (char)strtoul(digits, NULL, 16);
        text += 2;
    }
    *to = '\0';
}

static void check_segment(const char *text)
{
    CLEANUP(strbuf_clear) struct strbuf segment = STRBUF(3 * strlen(text) + 1);

    url_append_segment(&segment, text);
    if (strbuf_failed(&segment) || !segment.text)
        return;
    for (const char *c = segment.text; *c; c++) {
        if (*c <= ' ' || *c >= 0x7f || strchr("/?#&=+@:;\"'<>\\", *c))
            abort();
    }
    decode(segment.text);
    if (strcmp(segment.text, text) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(freep) char *text = strndup((const char *)data, size);

    if (text) {
        check_pieces(text);
        check_segment(text);
    }
    return 0;
}
