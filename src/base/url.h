/* SPDX-License-Identifier: MIT
 *
 * Text as part of a URL.
 */
#ifndef BASE_URL_H
#define BASE_URL_H

#include "base/strbuf.h"

/* Append any text so that it stands for itself as one path segment or as a query's value. */
void url_append_segment(struct strbuf *url, const char *text);

#endif
