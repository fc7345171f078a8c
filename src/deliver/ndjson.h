/* SPDX-License-Identifier: MIT
 *
 * The audit trail: {directory}/events_YYYYMMDD.ndjson, one JSON object a line, synced line by line.
 * Nothing is kept open between calls, so there is no state for a fork or a second client to break.
 */
#ifndef DELIVER_NDJSON_H
#define DELIVER_NDJSON_H

#include "base/file.h"
#include "model/record.h"

struct ndjson {
    char *directory;
    enum file_access access;
    int64_t lock_budget_ms;
};

tel_error ndjson_init(struct ndjson *ndjson, const char *directory, enum file_access access,
                      int64_t lock_budget_ms);
void ndjson_clear(struct ndjson *ndjson);

/* Return the path of a day's file ("20251210"). The caller frees it; NULL: out of memory. */
char *ndjson_path(const struct ndjson *ndjson, const char *date);

/* Is this the name of a day's file? */
bool ndjson_is_daily_name(const char *name);

/*
 * Append `line` (one JSON object, no newline in it) to today's file and sync it: lock, end a torn
 * last line with a newline, one write, unlock, fsync. A lock that is not had until the deadline is
 * done without: the line stays whole all the same (O_APPEND, one write); *unlocked (may be NULL) is
 * then set.
 */
tel_error ndjson_append(const struct ndjson *ndjson, const char *line, size_t length,
                        struct deadline deadline, bool *unlocked, tel_fault *fault);

/* Append a run record: all columns and "record_type":"run". */
tel_error ndjson_append_run(const struct ndjson *ndjson, const struct tel_record *record,
                            struct deadline deadline, bool *unlocked, tel_fault *fault);

#endif
