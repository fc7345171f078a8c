/* SPDX-License-Identifier: MIT */
#include "cli/run_tail.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/utf8.h"

#define ESC '\033'
#define BEL '\a'

bool tail_init(struct tail *tail, size_t capacity)
{
    *tail = (struct tail){.bytes = capacity ? malloc(capacity) : NULL};
    tail->capacity = tail->bytes ? capacity : 0;
    return tail->capacity == capacity;
}

void tail_clear(struct tail *tail)
{
    free(tail->bytes);
    *tail = (struct tail){0};
}

void tail_append(struct tail *tail, const char *bytes, size_t count)
{
    if (count >= tail->capacity) {
        bytes += count - tail->capacity;
        count = tail->capacity;
        tail->is_full = true;
    }
    while (count) {
        size_t room = tail->capacity - tail->next;
        size_t part = count < room ? count : room;

        memcpy(tail->bytes + tail->next, bytes, part);
        tail->next += part;
        bytes += part;
        count -= part;
        if (tail->next == tail->capacity) {
            tail->next = 0;
            tail->is_full = true;
        }
    }
}

/* Return the kept bytes in order, ended by a NUL; NULL: out of memory. */
static char *straighten(const struct tail *tail, size_t *length)
{
    size_t old = tail->is_full ? tail->capacity - tail->next : 0;
    char *bytes = malloc(old + tail->next + 1);

    if (!bytes)
        return NULL;
    if (old)
        memcpy(bytes, tail->bytes + tail->next, old);
    if (tail->next)
        memcpy(bytes + old, tail->bytes, tail->next);
    *length = old + tail->next;
    bytes[*length] = '\0';
    return bytes;
}

/* Return the end of a string that ESC introduced: behind BEL or ESC '\', or the end of all. */
static const char *skip_string(const char *text)
{
    for (; *text; text++) {
        if (*text == BEL)
            return text + 1;
        if (*text == ESC && text[1] == '\\')
            return text + 2;
    }
    return text;
}

/* Return what follows the escape sequence at `text`. */
static const char *skip_sequence(const char *text)
{
    text++;
    if (*text && strchr("]PX^_", *text))
        return skip_string(text + 1);
    if (*text == '[') {
        text++;
        while (*text >= 0x20 && *text <= 0x3f)
            text++;
    } else {
        while (*text >= 0x20 && *text <= 0x2f)
            text++;
    }
    return text + (*text >= 0x30 && *text <= 0x7e);
}

/* Is it a control character of two bytes (U+0080 to U+009F)? */
static bool is_c1(const char *text, size_t length)
{
    return length == 2 && (unsigned char)text[0] == 0xc2 && (unsigned char)text[1] < 0xa0;
}

static void append_character(struct strbuf *buf, const char *text, size_t length)
{
    unsigned char c = (unsigned char)*text;

    if (c == '\r' && text[1] != '\n')
        strbuf_putc(buf, '\n');
    else if (c == '\n' || c == '\t' || (c >= 0x20 && c != 0x7f && !is_c1(text, length)))
        strbuf_append(buf, text, length);
}

static void append_plain(struct strbuf *buf, const char *text, const char *end)
{
    while (text < end) {
        size_t length = utf8_sequence(text);

        if (*text == ESC) {
            text = skip_sequence(text);
            continue;
        }
        if (length)
            append_character(buf, text, length);
        else
            strbuf_puts(buf, UTF8_REPLACEMENT);
        text += length ? length : 1;
    }
}

void tail_append_text(struct strbuf *buf, const struct tail *tail)
{
    size_t length = 0;
    CLEANUP(freep) char *bytes = straighten(tail, &length);
    const char *newline;

    if (!bytes)
        return;
    newline = tail->is_full ? memchr(bytes, '\n', length) : NULL;
    append_plain(buf, newline && newline + 1 < bytes + length ? newline + 1 : bytes,
                 bytes + length);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n';
}

/* Copy a line, cut at a character's border. */
static char *copy_line(const char *line, size_t length)
{
    size_t kept = length;
    char *copy;

    if (length > SUMMARY_BYTES_MAX) {
        kept = SUMMARY_BYTES_MAX - 3;
        while (kept && ((unsigned char)line[kept] & 0xc0) == 0x80)
            kept--;
    }
    copy = strndup(line, kept + (kept < length ? 3 : 0));
    if (copy && kept < length)
        memcpy(copy + kept, "...", 4);
    return copy;
}

char *last_line(const char *text)
{
    size_t end = strlen(text);
    size_t start;

    while (end && is_blank(text[end - 1]))
        end--;
    start = end;
    while (start && text[start - 1] != '\n')
        start--;
    while (start < end && is_blank(text[start]))
        start++;
    return start < end ? copy_line(text + start, end - start) : NULL;
}
