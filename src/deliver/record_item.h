/* SPDX-License-Identifier: MIT
 *
 * A record as it travels, in a batch or on a line: a run, or an update of one.
 */
#ifndef DELIVER_RECORD_ITEM_H
#define DELIVER_RECORD_ITEM_H

#include "model/record_json.h"
#include "store/store.h"

/* Read an object into an empty record, and tell runs (WRITE_CREATE) from updates (WRITE_LATE_UPDATE).
 * TEL_E_INVALID: it is neither, or faulty; each fault was reported. */
tel_error record_item_read(enum write_kind *kind, struct tel_record *record, const json_t *object,
                           field_fault_fn *report, void *arg);

#endif
