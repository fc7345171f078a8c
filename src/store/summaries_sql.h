/* SPDX-License-Identifier: MIT
 *
 * What is kept beside the table of runs, so that what is asked costs the same whatever has been
 * stored (docs/decisions/0018-indexes-and-summaries.md): indexes, counts, and what each stretch of time holds.
 * Triggers keep it all, in the transaction of whoever writes, whatever program that is.
 */
#ifndef STORE_SUMMARIES_SQL_H
#define STORE_SUMMARIES_SQL_H

#include "base/strbuf.h"

/* The indexes, triggers and views, all named so. A database that lacks one of them is not at version 8. */
#define SUMMARIES_NAMES "telemetry_*"
#define SUMMARIES_COUNT 37

/* The last span, which is open, and where a span ends (x'': nowhere). */
#define LAST_SPAN "(SELECT max(since) FROM telemetry_spans)"
#define END_OF_SPAN(since)                                                               \
    "coalesce((SELECT min(s.since) FROM telemetry_spans AS s WHERE s.since > " since ")" \
    ", x'')"

/* Append the statements that make all of it for a table without rows, and those that take up the rows
 * of one that has some. */
void summaries_sql_make(struct strbuf *sql);
void summaries_sql_fill(struct strbuf *sql);

/* Append the query for the values of a column by which runs are counted. */
void summaries_sql_counted(struct strbuf *sql, const char *name);

#endif
