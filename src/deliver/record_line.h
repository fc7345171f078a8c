/* SPDX-License-Identifier: MIT
 *
 * A line that some client left becomes writes: one of our buffer (buffer_line.h), of an older
 * client's, or of an outbox (outbox.h).
 */
#ifndef DELIVER_RECORD_LINE_H
#define DELIVER_RECORD_LINE_H

#include "base/json.h"
#include "store/store.h"

/*
 * Parse a line. *out is one record, or an array of several; a new reference. `whole`: it had its
 * newline. TEL_E_INVALID: it is no record, and `reason` says why.
 */
tel_error record_line_parse(json_t **out, const char *line, size_t length, bool whole,
                            tel_fault *reason);

/* Read a record that was parsed into an empty one, and tell runs (WRITE_CREATE) from updates
 * (WRITE_LATE_UPDATE). TEL_E_INVALID as above. */
tel_error record_line_read(enum write_kind *kind, struct tel_record *record, const json_t *object,
                           tel_fault *reason);

#endif
