/* SPDX-License-Identifier: MIT
 *
 * A look that is enough for most JSON: no tree is built, nothing is allocated.
 */
#ifndef BASE_JSON_PLAIN_H
#define BASE_JSON_PLAIN_H

#include <stdbool.h>

/* true: json_parse() would take this text. false: it is not so plain that this can tell; numbers with
 * exponents or many digits and \u escapes are left to the parser. */
bool json_is_plain(const char *text);

#endif
