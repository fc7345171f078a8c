/* SPDX-License-Identifier: MIT
 *
 * Where runs are read from: the service, when one of ours answers, else the files. Before files are
 * read, what waits in the buffer is put into the database, so that the user always sees everything.
 */
#ifndef CLI_SOURCE_H
#define CLI_SOURCE_H

#include "cli/options.h"
#include "store/store.h"

struct source;

/*
 * Open what there is. No database yet is an empty source, not a failure. What the user should know
 * (the buffer could not be emptied, because another process has the lock) is said on stderr. A
 * damaged database is TEL_E_CORRUPT, one from another version TEL_E_SCHEMA, a service that wants a
 * token TEL_E_REJECTED.
 */
tel_error source_open(struct source **out, const struct common_options *options, tel_fault *fault);
void source_close(struct source *source);

/* As those of the store (store.h), but a query's limit may be up to LIMIT_MAX. */
tel_error source_get(struct source *source, const char *event_id, struct tel_record *record,
                     tel_fault *fault);
tel_error source_query(struct source *source, const struct run_query *query, tel_record_fn *each,
                       void *arg, tel_fault *fault);

#endif
