/* SPDX-License-Identifier: MIT
 *
 * raw_sqlite DATABASE ROWS SECONDS [JOURNAL_MODE] - what SQLite itself can do: insert runs into a
 * database that the service has made, so many in each transaction, the directory synced after each as
 * the service does. What a commit costs, and nothing else: the rows are made before the clock runs.
 */
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rows.h"
#include "samples.h"

#define TRANSACTIONS_MAX 200000
#define ROWS_MAX 10000

static int open_directory(const char *path)
{
    char *copy = strdup(path);
    int directory = copy ? open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

    free(copy);
    if (directory < 0)
        die(path);
    return directory;
}

static void insert(sqlite3 *db, sqlite3_stmt *statement, const struct row *rows, size_t count)
{
    rows_exec(db, "BEGIN IMMEDIATE");
    for (size_t i = 0; i < count; i++)
        row_insert(statement, &rows[i]);
    rows_exec(db, "COMMIT");
}

/* Insert for so long, and note how long each transaction took. */
static void measure(struct samples *samples, sqlite3 *db, int directory, size_t count,
                    double seconds)
{
    sqlite3_stmt *statement = rows_prepare(db);
    struct row *rows = calloc(count, sizeof *rows);
    uint64_t series = (uint64_t)now_ns() ^ (uint64_t)getpid() << 40; /* one of its own */
    uint64_t number = 0;

    if (!rows)
        die("calloc");
    while ((double)samples->total_ns < seconds * 1e9 && samples->count < samples->max) {
        int64_t began;

        for (size_t i = 0; i < count; i++) {
            row_make(&rows[i], series, number++);
            row_happens_now(&rows[i]);
        }
        began = now_ns();
        insert(db, statement, rows, count);
        if (fsync(directory))
            die("fsync");
        samples_add(samples, now_ns() - began);
    }
    free(rows);
    (void)sqlite3_finalize(statement);
}

int main(int argc, char **argv)
{
    struct samples samples = samples_new("transaction", TRANSACTIONS_MAX);
    size_t count = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
    int directory;
    sqlite3 *db;

    if (argc < 4 || count < 1 || count > ROWS_MAX) {
        (void)fputs("usage: raw_sqlite DATABASE ROWS(1-10000) SECONDS [JOURNAL_MODE]\n", stderr);
        return 2;
    }
    db = rows_open(argv[1], argc > 4 ? argv[4] : "DELETE");
    directory = open_directory(argv[1]);
    measure(&samples, db, directory, count, strtod(argv[3], NULL));
    printf("{\"rows\": %zu, ", count);
    samples_print(&samples);
    puts("}");
    (void)close(directory);
    (void)sqlite3_close(db);
    samples_free(&samples);
    return 0;
}
