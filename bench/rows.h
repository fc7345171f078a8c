/* SPDX-License-Identifier: MIT
 *
 * Runs as they are in practice: 30 agents, 12 job types, most of them successes, 220 bytes of metrics,
 * parents, commits and websites in part of them, and some values that one run in a million has.
 * Run `number` of a `series` is always the same; two series share no event_id.
 */
#ifndef BENCH_ROWS_H
#define BENCH_ROWS_H

#include <sqlite3.h>
#include <stdint.h>

#define ROW_COLUMNS 26
#define ROW_VALUE_BYTES 256

struct row {
    char values[ROW_COLUMNS][ROW_VALUE_BYTES]; /* "": null */
};

void row_make(struct row *row, uint64_t series, uint64_t number);

/* Have it happen now, behind all that are stored, as what a service gets. */
void row_happens_now(struct row *row);

/* Insert into agent_runs with a statement of rows_prepare(); end the program when that fails. */
sqlite3_stmt *rows_prepare(sqlite3 *db);
void row_insert(sqlite3_stmt *statement, const struct row *row);

/* Open a database that the service has made, with its settings and that journal mode. */
sqlite3 *rows_open(const char *path, const char *journal_mode);
void rows_exec(sqlite3 *db, const char *sql);

#endif
