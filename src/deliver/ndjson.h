/* SPDX-License-Identifier: MIT
 *
 * The audit trail: {directory}/events_YYYYMMDD.ndjson, one JSON object a line, synced line by line.
 *
 * The day's file is kept open for the next line, once for each thread that is at it (a lock of the
 * file is one of its descriptor). A forked child leaves its parent's descriptors alone and keeps none.
 */
#ifndef DELIVER_NDJSON_H
#define DELIVER_NDJSON_H

#include "base/file.h"
#include "deliver/idle_pool.h"
#include "model/record.h"

struct ndjson {
    char *directory;
    enum file_access access;
    int64_t lock_budget_ms;
    struct idle_pool idle; /* files of a day */
};

tel_error ndjson_init(struct ndjson *ndjson, const char *directory, enum file_access access,
                      int64_t lock_budget_ms);
void ndjson_clear(struct ndjson *ndjson);

/* Return the path of a day's file ("20251210"). The caller frees it; NULL: out of memory. */
char *ndjson_path(const struct ndjson *ndjson, const char *date);

/* Is this the name of a day's file? */
bool ndjson_is_daily_name(const char *name);

/*
 * Append `line` (one JSON object, no newline in it), which is of the time `us`, to that day's file and
 * sync it: lock, end a torn last line with a newline, one write, unlock, fsync. A lock that is not had until the deadline is
 * done without: the line stays whole all the same (O_APPEND, one write); *unlocked (may be NULL) is
 * then set.
 */
tel_error ndjson_append(struct ndjson *ndjson, int64_t us, const char *line, size_t length,
                        struct deadline deadline, bool *unlocked, tel_fault *fault);

/* Append a run record: all columns and "record_type":"run". */
tel_error ndjson_append_run(struct ndjson *ndjson, int64_t us, const struct tel_record *record,
                            struct deadline deadline, bool *unlocked, tel_fault *fault);

#endif
