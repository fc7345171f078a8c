/* SPDX-License-Identifier: MIT
 *
 * The OpenAPI description as a page: plain HTML without a script, so that it works everywhere and
 * nothing in it can run.
 */
#ifndef SERVICE_DOCS_PAGE_H
#define SERVICE_DOCS_PAGE_H

#include "base/json.h"
#include "base/strbuf.h"

/* Only the page's own style sheet, known by its hash, has any effect. */
extern const char docs_page_policy[];

void docs_page_write(struct strbuf *out, const json_t *openapi);

#endif
