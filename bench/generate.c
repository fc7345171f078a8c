/* SPDX-License-Identifier: MIT
 *
 * generate DATABASE ROWS - fill a database that the service has made until it holds so many runs.
 *
 * Made in one go and of no value to anybody, the rows are written without a journal, and the indexes
 * are built afterwards: ten million rows take minutes so, not hours.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rows.h"
#include "samples.h"

#define SERIES 1
#define INDEXES_MAX 64
#define PROGRESS_ROWS 1000000

static int64_t count_rows(sqlite3 *db)
{
    sqlite3_stmt *statement = NULL;
    int64_t count = 0;

    if (!sqlite3_prepare_v2(db, "SELECT max(id) FROM agent_runs", -1, &statement, NULL) &&
        sqlite3_step(statement) == SQLITE_ROW)
        count = sqlite3_column_int64(statement, 0);
    (void)sqlite3_finalize(statement);
    return count;
}

/* Drop the indexes of the table and return how to make them again. Those of constraints stay, and the
 * one that triggers need. */
static size_t take_indexes(sqlite3 *db, char *indexes[INDEXES_MAX])
{
    sqlite3_stmt *statement = NULL;
    char *drops[INDEXES_MAX];
    size_t count = 0;

    if (sqlite3_prepare_v2(db,
                           "SELECT sql, 'DROP INDEX ' || name FROM sqlite_master"
                           " WHERE type = 'index' AND tbl_name = 'agent_runs' AND sql NOT NULL"
                           " AND name != 'telemetry_created_at'",
                           -1, &statement, NULL))
        die("listing the indexes");
    while (count < INDEXES_MAX && sqlite3_step(statement) == SQLITE_ROW) {
        indexes[count] = strdup((const char *)sqlite3_column_text(statement, 0));
        drops[count] = strdup((const char *)sqlite3_column_text(statement, 1));
        if (!indexes[count] || !drops[count++])
            die("strdup");
    }
    (void)sqlite3_finalize(statement);
    for (size_t i = 0; i < count; i++) {
        rows_exec(db, drops[i]);
        free(drops[i]);
    }
    return count;
}

static void fill(sqlite3 *db, int64_t have, int64_t rows)
{
    sqlite3_stmt *insert = rows_prepare(db);
    struct row row;

    for (int64_t i = have; i < rows; i++) {
        row_make(&row, SERIES, (uint64_t)i);
        row_insert(insert, &row);
        if ((i + 1) % PROGRESS_ROWS == 0)
            (void)fprintf(stderr, "  %" PRId64 " rows\n", i + 1);
    }
    (void)sqlite3_finalize(insert);
}

int main(int argc, char **argv)
{
    char *indexes[INDEXES_MAX];
    size_t index_count;
    int64_t rows;
    int64_t have;
    sqlite3 *db;

    if (argc != 3) {
        (void)fputs("usage: generate DATABASE ROWS\n", stderr);
        return 2;
    }
    rows = strtoll(argv[2], NULL, 10);
    db = rows_open(argv[1], "OFF");
    rows_exec(db, "PRAGMA synchronous = OFF; PRAGMA cache_size = -1000000;"
                  "PRAGMA temp_store = FILE; PRAGMA locking_mode = EXCLUSIVE; BEGIN");
    have = count_rows(db);
    index_count = take_indexes(db, indexes);
    fill(db, have, rows);
    for (size_t i = 0; i < index_count; i++) {
        if (rows >= PROGRESS_ROWS)
            (void)fprintf(stderr, "  %s\n", indexes[i]);
        rows_exec(db, indexes[i]);
        free(indexes[i]);
    }
    rows_exec(db, "COMMIT");
    (void)sqlite3_close(db);
    return 0;
}
