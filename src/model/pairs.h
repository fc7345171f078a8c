/* SPDX-License-Identifier: MIT
 *
 * The payload of an event, given member by member.
 */
#ifndef MODEL_PAIRS_H
#define MODEL_PAIRS_H

#include "base/strbuf.h"
#include "telemetry.h"

/* Write pairs, up to the one without a key, as a JSON object. */
void pairs_write_json(struct strbuf *out, const tel_pair *pairs);

#endif
