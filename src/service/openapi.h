/* SPDX-License-Identifier: MIT
 *
 * The service's description of itself, OpenAPI 3.1, made from the tables by which it works: routes,
 * parameters, fields.
 */
#ifndef SERVICE_OPENAPI_H
#define SERVICE_OPENAPI_H

#include "base/strbuf.h"

#define OPENAPI_BYTES_MAX ((size_t)1 << 20)

void openapi_write(struct strbuf *out);

#endif
