/* SPDX-License-Identifier: MIT
 *
 * What was sent, as JSON. Faults that were found elsewhere in the request, as in its query, are
 * answered together with those found here.
 */
#ifndef SERVICE_BODY_H
#define SERVICE_BODY_H

#include "http/exchange.h"
#include "http/faults.h"
#include "model/record_json.h"

/* Parse the body; a new reference. NULL: it is no JSON, or empty, and 400 was answered. */
json_t *body_parse(struct exchange *exchange);

/* The same for one object. NULL: it is none, and 400 was answered, or 422 with all `faults`. */
json_t *body_read_object(struct exchange *exchange, struct faults *faults);

/* Read the fields of `set` from it, as record_read_json() does. false: there were faults, and 422
 * was answered with all of them, or 503. */
bool body_read_fields(struct exchange *exchange, struct faults *faults, struct tel_record *record,
                      const json_t *object, field_set set, field_set required);

#endif
