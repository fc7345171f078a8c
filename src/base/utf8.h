/* SPDX-License-Identifier: MIT
 *
 * UTF-8 as RFC 3629 has it: shortest forms only, no surrogates, nothing above U+10FFFF.
 */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

#include "base/strbuf.h"

#define UTF8_REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

/* Return the length (1 to 4) of the sequence at `text`, or 0 when the bytes there are none. Never
 * looks beyond a NUL. */
size_t utf8_sequence(const char *text);

bool utf8_is_valid(const char *text);

/* Append `text` with each byte that belongs to no sequence replaced by U+FFFD. */
void utf8_append(struct strbuf *buf, const char *text);

#endif
