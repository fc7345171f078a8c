/* SPDX-License-Identifier: MIT
 *
 * A run record as JSON and back, by walking the field table. The one typed reader: nothing else
 * looks into a run that came as JSON.
 */
#ifndef MODEL_RECORD_JSON_H
#define MODEL_RECORD_JSON_H

#include "base/json.h"
#include "base/strbuf.h"
#include "model/record.h"

/* Two forms are on the wire and on disk. They differ in metrics_json and context_json (JSON text in
 * a string, or the value itself) and in api_posted (0 or 1, or a boolean). */
enum record_form { RECORD_AS_STORED, RECORD_AS_SERVED };

/*
 * Append the fields of `set` as members of an object, without braces, null where nothing was given:
 * "event_id":"...","status":"running". In the served form, stored text that is no JSON comes as a
 * string with a {name}_parse_error beside it.
 */
void record_write_members(struct strbuf *buf, const struct tel_record *record, field_set set,
                          enum record_form form);

/* Receive one fault of an object: the field it is in, and what the value must be. */
typedef void field_fault_fn(void *arg, const char *field, const char *message);

/*
 * Read the fields of `set` from an object into an empty record. null means "not given", unknown keys
 * are ignored. Every faulty field is reported (and left out), and every field of `required` that is
 * missing or empty. Takes metrics_json and context_json in both forms; a string that is no JSON is
 * kept as a JSON string. Returns TEL_OK, TEL_E_INVALID when there were faults, TEL_E_NOMEM.
 */
tel_error record_read_json(struct tel_record *record, const json_t *object, field_set set,
                           field_set required, field_fault_fn *report, void *arg);

/*
 * Put in place of metrics_json and context_json, where `record` has them, what RFC 7396 makes of them
 * and those of `stored`. Stored text that is no JSON counts as none. TEL_E_TOO_LARGE, TEL_E_NOMEM.
 */
tel_error record_merge_json(struct tel_record *record, const struct tel_record *stored,
                            tel_fault *fault);

/* A field_fault_fn that keeps the first fault in the `tel_fault` that `arg` points to. */
void field_fault_keep_first(void *arg, const char *field, const char *message);

#endif
