/* SPDX-License-Identifier: MIT */
#include "base/strbuf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CAPACITY_MIN 64

void strbuf_clear(struct strbuf *buf)
{
    free(buf->text);
    *buf = STRBUF(buf->max);
}

void strbuf_reset(struct strbuf *buf)
{
    buf->length = 0;
    buf->failed = false;
    buf->too_large = false;
    if (buf->text)
        buf->text[0] = '\0';
}

static bool fail(struct strbuf *buf, bool too_large)
{
    strbuf_clear(buf);
    buf->failed = true;
    buf->too_large = too_large;
    return false;
}

/* Make room for `count` more bytes and the NUL. */
static bool reserve(struct strbuf *buf, size_t count)
{
    size_t needed;
    size_t capacity;
    char *text;

    if (buf->failed)
        return false;
    if (count > buf->max || buf->length > buf->max - count)
        return fail(buf, /* too_large= */ true);
    needed = buf->length + count + 1;
    if (needed <= buf->capacity)
        return true;
    capacity = buf->capacity ? buf->capacity : CAPACITY_MIN;
    while (capacity < needed)
        capacity *= 2;
    text = realloc(buf->text, capacity);
    if (!text)
        return fail(buf, /* too_large= */ false);
    buf->text = text;
    buf->capacity = capacity;
    return true;
}

void strbuf_append(struct strbuf *buf, const void *bytes, size_t count)
{
    if (!reserve(buf, count))
        return;
    if (count)
        memcpy(buf->text + buf->length, bytes, count);
    buf->length += count;
    buf->text[buf->length] = '\0';
}

void strbuf_puts(struct strbuf *buf, const char *text)
{
    strbuf_append(buf, text, strlen(text));
}

void strbuf_putc(struct strbuf *buf, char c)
{
    strbuf_append(buf, &c, 1);
}

/* printf() takes ten times as long, and runs hold many numbers. */
void strbuf_put_int(struct strbuf *buf, int64_t value)
{
    uint64_t rest = value < 0 ? -(uint64_t)value : (uint64_t)value;
    char digits[sizeof "-9223372036854775808"];
    size_t at = sizeof digits;

    do {
        digits[--at] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest);
    if (value < 0)
        digits[--at] = '-';
    strbuf_append(buf, digits + at, sizeof digits - at);
}

void strbuf_printf(struct strbuf *buf, const char *format, ...)
{
    size_t room = buf->text ? buf->capacity - buf->length : 0;
    va_list args;
    int count;

    va_start(args, format);
    count = vsnprintf(room ? buf->text + buf->length : NULL, room, format, args);
    va_end(args);
    if (count < 0) {
        (void)fail(buf, /* too_large= */ false);
        return;
    }
    if (!reserve(buf, (size_t)count))
        return;
    if ((size_t)count >= room) { /* only now there is room for all of it */
        va_start(args, format);
        (void)vsnprintf(buf->text + buf->length, (size_t)count + 1, format, args);
        va_end(args);
    }
    buf->length += (size_t)count;
}

void strbuf_truncate(struct strbuf *buf, size_t length)
{
    if (length >= buf->length)
        return;
    buf->length = length;
    buf->text[length] = '\0';
}

bool strbuf_failed(const struct strbuf *buf)
{
    return buf->failed;
}

char *strbuf_take(struct strbuf *buf)
{
    char *text;

    strbuf_append(buf, "", 0);
    text = buf->text;
    buf->text = NULL;
    strbuf_clear(buf);
    return text;
}
