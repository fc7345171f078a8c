/* SPDX-License-Identifier: MIT
 *
 * Runs as JSON, with the field names and forms of the HTTP API.
 */
#ifndef CLI_RUN_JSON_H
#define CLI_RUN_JSON_H

#include "base/strbuf.h"
#include "model/record.h"

#define RUN_JSON_BYTES_MAX ((size_t)512 * 1024 * 1024)

/* Append a run object as the service would answer it, on one line. */
void run_json_append(struct strbuf *buf, const struct tel_record *run);

#endif
