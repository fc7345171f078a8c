/* SPDX-License-Identifier: MIT
 *
 * Text from a record, made harmless for a terminal. Whatever an agent wrote into a field (escape
 * sequences, carriage returns, marks that turn the direction of writing) is shown as what it is, by
 * forms like \x1b and \u202e. All text that the program prints and did not make itself passes here.
 */
#ifndef CLI_ESCAPE_H
#define CLI_ESCAPE_H

#include <stdbool.h>

#include "base/strbuf.h"

enum escape_mode {
    ESCAPE_LINE = 0,       /* newlines and tabs are escaped too */
    ESCAPE_TEXT = 1 << 0,  /* newlines and tabs pass */
    ESCAPE_ASCII = 1 << 1, /* what is not ASCII is escaped: for a terminal that has no UTF-8 */
};

/* Append `text`, harmless. `modes`: of enum escape_mode. */
void escape_append(struct strbuf *buf, const char *text, unsigned modes);

#endif
