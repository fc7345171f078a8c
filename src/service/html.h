/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_HTML_H
#define SERVICE_HTML_H

#include "base/strbuf.h"

/* Append any text so that it stands for itself, in an element or between the quotes of an attribute. */
void html_write_text(struct strbuf *out, const char *text);

#endif
