/* SPDX-License-Identifier: MIT
 *
 * What was sent, as JSON. Where a function says so, the exchange has its answer when there is
 * something wrong with it.
 */
#ifndef DAEMON_BODY_H
#define DAEMON_BODY_H

#include "daemon/exchange.h"
#include "model/record_json.h"

/* Parse the body; a new reference. NULL: it is no JSON, or empty, and 400 was answered. */
json_t *body_parse(struct exchange *exchange);

/* The same for one object. NULL: 400 or 422 was answered. */
json_t *body_read_object(struct exchange *exchange);

/* Read the fields of `set` from it, as record_read_json() does. false: 422 or 503 was answered. */
bool body_read_fields(struct exchange *exchange, struct tel_record *record, const json_t *object,
                      field_set set, field_set required);

#endif
