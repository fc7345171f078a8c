/* SPDX-License-Identifier: MIT
 *
 * An event of a run: a line of the audit trail, not a row of the database.
 */
#ifndef MODEL_EVENT_H
#define MODEL_EVENT_H

#include "base/error.h"
#include "base/strbuf.h"

/* Append {"run_id":...,"event_type":...,"timestamp":...,"payload_json":...,"record_type":"event"}.
 * `payload_json` (may be NULL) is JSON text, written as a string, as existing readers expect it. */
void event_write_json(struct strbuf *buf, const char *run_id, const char *event_type,
                      const char *timestamp, const char *payload_json);

#endif
