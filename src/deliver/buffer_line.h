/* SPDX-License-Identifier: MIT
 *
 * What is written into a buffer file: one line for a run or an update.
 */
#ifndef DELIVER_BUFFER_LINE_H
#define DELIVER_BUFFER_LINE_H

#include "base/strbuf.h"
#include "model/record.h"

/* Append a whole record to an empty LINE(): {"record_type":"run", every field given}. */
tel_error buffer_line_run(struct strbuf *line, const struct tel_record *record, tel_fault *fault);

/* Append an update of the fields of `set` that are given and may be updated:
 * {"record_type":"update","event_id":..., "buffered_at":..., fields}. */
tel_error buffer_line_update(struct strbuf *line, const struct tel_record *record, field_set set,
                             tel_fault *fault);

#endif
