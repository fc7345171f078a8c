/* SPDX-License-Identifier: MIT
 *
 * What a caller may set of a run, and taking it: a faulty value is logged and left out, so that one
 * wrong count does not cost the run.
 */
#ifndef CLIENT_SETTABLE_H
#define CLIENT_SETTABLE_H

#include "client/reporter.h"
#include "model/record.h"

/* While the run is active: all but what names it, its times, and what the store keeps by itself. */
#define SETTABLE                                                    \
    (run_fields_with(CREATE | PATCH) & ~run_fields_with(REQUIRED) & \
     ~(FIELD_BIT(FIELD_created_at) | FIELD_BIT(FIELD_end_time)))

#define SETTABLE_AT_END (SETTABLE | FIELD_BIT(FIELD_end_time))

/* Set those of `fields` (may be NULL) that are given and in `set`. Others that are given and those
 * that are faulty are logged. Fails for want of memory only. */
tel_error settable_take(struct tel_record *record, const tel_run_fields *fields, field_set set,
                        struct reporter *reporter);

/* Take user and password out of a git_repo that a caller gave, before it is written anywhere. */
tel_error settable_hide_credentials(struct tel_record *given);

#endif
