/* SPDX-License-Identifier: MIT
 *
 * What a `telemetry sync` did, added up over all files, and how it is said.
 */
#ifndef CLI_SYNC_TALLY_H
#define CLI_SYNC_TALLY_H

#include "base/strbuf.h"
#include "deliver/sync.h"
#include "sheets/export.h"

#define TALLY_REASONS_MAX 20 /* further ones are counted as others */
#define TALLY_REASON_BYTES 160

struct sync_tally {
    struct sync_report total;
    struct {
        char text[TALLY_REASON_BYTES];
        size_t count;
    } reasons[TALLY_REASONS_MAX];
    size_t reason_count;
    size_t other_reasons;
    struct export_report exports;
    size_t recovered; /* runs that only the audit trail had, or had more of */
};

void sync_tally_add(struct sync_tally *tally, const struct sync_report *report);

/* A sync_reject_fn; `arg` is a tally. */
sync_reject_fn sync_tally_note_reason;

/* Append it as a few lines for people, or as one JSON object. */
void sync_tally_append_text(struct strbuf *buf, const struct sync_tally *tally);
void sync_tally_append_json(struct strbuf *buf, const struct sync_tally *tally);

#endif
