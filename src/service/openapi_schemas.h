/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_OPENAPI_SCHEMAS_H
#define SERVICE_OPENAPI_SCHEMAS_H

#include "base/strbuf.h"

/* Append the members of components.schemas: everything that the table of routes names. */
void openapi_write_schemas(struct strbuf *out);

/* Append the value of "schema" for a named one, or for a text (NULL). */
void openapi_write_schema_use(struct strbuf *out, const char *name);

#endif
