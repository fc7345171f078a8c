/* SPDX-License-Identifier: MIT
 *
 * A growable string that states its maximum at birth. Failure (out of memory, over the maximum) is
 * sticky: append without checking, then ask strbuf_failed() once. A failed buffer holds nothing.
 *
 *     CLEANUP(strbuf_clear) struct strbuf line = STRBUF(LINE_BYTES_MAX);
 */
#ifndef BASE_STRBUF_H
#define BASE_STRBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct strbuf {
    char *text; /* NUL-terminated; NULL while nothing was appended */
    size_t length;
    size_t capacity;
    size_t max;
    bool failed;
    bool too_large; /* it failed for its maximum, not for want of memory */
};

#define STRBUF(bytes_max) ((struct strbuf){.max = (bytes_max)})

/* Free the text; the buffer is empty and may be used again. */
void strbuf_clear(struct strbuf *buf);

/* Empty the buffer, failure included, but keep its memory. */
void strbuf_reset(struct strbuf *buf);

void strbuf_append(struct strbuf *buf, const void *bytes, size_t count);
void strbuf_puts(struct strbuf *buf, const char *text);
void strbuf_putc(struct strbuf *buf, char c);
void strbuf_put_int(struct strbuf *buf, int64_t value);
void strbuf_printf(struct strbuf *buf, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Cut back to `length` bytes; longer than it is: no effect. */
void strbuf_truncate(struct strbuf *buf, size_t length);

bool strbuf_failed(const struct strbuf *buf);

/* Hand the text over, "" when nothing was appended; the caller frees it. NULL when failed. */
char *strbuf_take(struct strbuf *buf);

#endif
