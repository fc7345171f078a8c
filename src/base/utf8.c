/* SPDX-License-Identifier: MIT */
#include "base/utf8.h"

static bool in_range(unsigned char byte, unsigned char low, unsigned char high)
{
    return byte >= low && byte <= high;
}

size_t utf8_sequence(const char *text)
{
    const unsigned char *s = (const unsigned char *)text;
    unsigned char low = 0x80;
    unsigned char high = 0xbf;
    size_t length;

    if (s[0] < 0x80)
        return s[0] ? 1 : 0;
    if (in_range(s[0], 0xc2, 0xdf))
        length = 2;
    else if (in_range(s[0], 0xe0, 0xef))
        length = 3;
    else if (in_range(s[0], 0xf0, 0xf4))
        length = 4;
    else
        return 0;

    /* The second byte's range shuts out long forms, surrogates and what is above U+10FFFF. */
    if (s[0] == 0xe0)
        low = 0xa0;
    else if (s[0] == 0xed)
        high = 0x9f;
    else if (s[0] == 0xf0)
        low = 0x90;
    else if (s[0] == 0xf4)
        high = 0x8f;
    if (!in_range(s[1], low, high))
        return 0;
    for (size_t i = 2; i < length; i++) {
        if (!in_range(s[i], 0x80, 0xbf))
            return 0;
    }
    return length;
}

bool utf8_is_valid(const char *text)
{
    while (*text) {
        size_t length = utf8_sequence(text);

        if (!length)
            return false;
        text += length;
    }
    return true;
}

void utf8_append(struct strbuf *buf, const char *text)
{
    while (*text) {
        const char *start = text;
        size_t length;

        while ((length = utf8_sequence(text)) > 0)
            text += length;
        strbuf_append(buf, start, (size_t)(text - start));
        if (*text) {
            strbuf_puts(buf, UTF8_REPLACEMENT);
            text++;
        }
    }
}
