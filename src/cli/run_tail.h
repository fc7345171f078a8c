/* SPDX-License-Identifier: MIT
 *
 * The last bytes of an output, and what people can read of them.
 */
#ifndef CLI_RUN_TAIL_H
#define CLI_RUN_TAIL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/strbuf.h"

struct tail {
    char *bytes; /* a ring */
    size_t capacity;
    size_t next; /* where the next byte goes */
    bool is_full;
};

/* Make room for so many bytes. false: out of memory; then, as with 0, nothing is kept. */
bool tail_init(struct tail *tail, size_t capacity);
void tail_clear(struct tail *tail);

void tail_append(struct tail *tail, const char *bytes, size_t count);

/*
 * Append what is kept as plain text: valid UTF-8, escape sequences and control characters taken
 * out, a carriage return ends a line; without the line that the beginning was cut off from.
 */
void tail_append_text(struct strbuf *buf, const struct tail *tail);

/* Return the last line of a text that is not blank, without the blanks around it and cut to
 * SUMMARY_BYTES_MAX; NULL when there is none. The caller frees it. */
#define SUMMARY_BYTES_MAX ((size_t)500)
char *last_line(const char *text);

#endif
