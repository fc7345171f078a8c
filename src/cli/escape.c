/* SPDX-License-Identifier: MIT */
#include "cli/escape.h"

#include <stdint.h>

#include "base/utf8.h"

/* Decode a sequence of this length, which is a valid one. */
static uint32_t decode(const char *text, size_t length)
{
    static const unsigned char lead_bits[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    uint32_t code = (unsigned char)*text & lead_bits[length];

    for (size_t i = 1; i < length; i++)
        code = code << 6 | ((unsigned char)text[i] & 0x3f);
    return code;
}

/* Does it change the direction of writing, or end a line without being a newline? */
static bool is_layout(uint32_t code)
{
    return code == 0x061c || code == 0x200e || code == 0x200f ||
           (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
}

static bool is_control(uint32_t code)
{
    return code < 0x20 || (code >= 0x7f && code < 0xa0);
}

static void append_code(struct strbuf *buf, const char *text, size_t length, unsigned modes)
{
    uint32_t code = decode(text, length);

    if ((modes & ESCAPE_TEXT) && (code == '\n' || code == '\t'))
        strbuf_putc(buf, *text);
    else if (is_control(code))
        strbuf_printf(buf, "\\x%02x", code);
    else if (is_layout(code) || ((modes & ESCAPE_ASCII) && code >= 0x80))
        strbuf_printf(buf, code > 0xffff ? "\\U%08x" : "\\u%04x", code);
    else
        strbuf_append(buf, text, length);
}

void escape_append(struct strbuf *buf, const char *text, unsigned modes)
{
    while (*text) {
        size_t length = utf8_sequence(text);

        if (length)
            append_code(buf, text, length, modes);
        else
            strbuf_printf(buf, "\\x%02x", (unsigned char)*text);
        text += length ? length : 1;
    }
}
