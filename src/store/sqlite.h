/* SPDX-License-Identifier: MIT
 *
 * What the files of the SQLite backend share. Functions that talk to SQLite return its result codes
 * (0 is success); sqlite_fault() turns one into ours, once, where the cause is known best.
 */
#ifndef STORE_SQLITE_H
#define STORE_SQLITE_H

#include <sys/types.h>

#include "base/strbuf.h"
#include "store/store.h"

struct sqlite3;
struct sqlite3_stmt;
struct sqlite_journal;

/* The statements that are kept: to compile one costs as much as to run it. */
enum kept_statement {
    KEPT_BEGIN,
    KEPT_BEGIN_WRITING,
    KEPT_COMMIT,
    KEPT_GET,
    KEPT_GET_BATCH,
    KEPT_INSERT,
    KEPT_JOURNAL_MODE,
    KEPT_UPDATE,
    KEPT_COUNT
};

struct store {
    struct store_options options; /* its texts are ours, or static */
    char *path;                   /* as it was given */
    char *file;                   /* its real name */
    char *directory;              /* of the file */
    struct sqlite_journal *journal;
    struct sqlite3 *db; /* NULL: to be opened again by whoever needs it */
    struct sqlite3_stmt
        *kept[KEPT_COUNT]; /* prepared when first needed, gone with the connection */
    field_set update_set;  /* what KEPT_UPDATE sets */
    bool has_summaries;    /* it is at version 8 */
    int near_spans;        /* so many are looked at one after another */
    int few_spans;         /* less are looked at all */
    int64_t hold_ms;       /* so long a turn of reading may hold up writers */
    bool has_turn_end;     /* it is known since the first look at the time */
    struct deadline turn_end;
    uint64_t slices;      /* in which lists were read so far */
    char journal_mode[9]; /* in force */
    pid_t pid;            /* whose connection it is */
    bool is_suspect;      /* a write failed: check the file before the next one */
    bool has_deadline;
    struct deadline deadline;
    struct deadline lock_deadline; /* of the wait for a lock that is under way */
    tel_fault health;
};

/* ---- sqlite.c: the connection ---------------------------------------------------------------- */

/* Open the database if it is not open, checking it first when the last write failed. Begins a new
 * wait for locks. */
tel_error sqlite_ready(struct store *store, tel_fault *fault);

/* Begin a new wait for locks, as long as one may take. */
void sqlite_begin_wait(struct store *store);

/* Close the connection and its statements. The next sqlite_ready() opens it again. */
void sqlite_disconnect(struct store *store);

/* As sqlite_disconnect(), after a failure that leaves nobody sure of the file: it is checked when it is opened. */
void sqlite_distrust(struct store *store);

/* ---- sqlite_schema.c ------------------------------------------------------------------------- */

/* Look whether this program handles the schema; nothing is written. *version: what it is. */
tel_error sqlite_schema_check(struct store *store, int *version, tel_fault *fault);

/* Bring the schema to the present version. */
tel_error sqlite_schema_migrate(struct store *store, tel_fault *fault);

/* ---- sqlite_turn.c --------------------------------------------------------------------------- */

/* Begin a transaction that reads until its turn is over, which is hold_ms after it was first asked
 * whether it is: whatever is read first waits for the lock, and that does not count. */
int sqlite_turn_begin(struct store *store);
bool sqlite_turn_is_over(struct store *store);

/* When the turn is over, let writers pass and begin another one. No statement may be under way. */
int sqlite_turn_pass(struct store *store);

/* End a transaction that only read, also when there is no memory for its end. */
void sqlite_end_reading(struct store *store);

/* ---- sqlite_batch.c -------------------------------------------------------------------------- */

/* A list looks at so many runs at most before it asks whether its turn is over. */
#define SLICE_RUNS 512

/* What is done with the run of ids[place], which lasts until it returns. Nonzero: no more. */
typedef int batch_fn(void *arg, size_t place, const struct tel_record *run);

/* Hand on the runs of these ids, SLICE_RUNS at most, in this order, as far as they are there. */
int sqlite_view_batch(struct store *store, const int64_t *ids, size_t count, batch_fn *each,
                      void *arg);

/* ---- sqlite_read.c --------------------------------------------------------------------------- */

/* As store_check(), on the connection as it is. */
tel_error sqlite_check(struct store *store, bool full, tel_fault *fault);

/* ---- sqlite_statement.c ---------------------------------------------------------------------- */

/* Release a `struct sqlite3_stmt *` local: CLEANUP(statementp_free). */
void statementp_free(struct sqlite3_stmt **statement);

/* Let go of the database, but not of what is bound: CLEANUP(statementp_rewind). */
void statementp_rewind(struct sqlite3_stmt **statement);

/* Let go of what a kept statement holds: CLEANUP(statementp_reset). */
void statementp_reset(struct sqlite3_stmt **statement);

int sqlite_prepare(struct sqlite3_stmt **out, struct store *store, const struct strbuf *sql);
int sqlite_exec(struct store *store, const char *sql);

/* Prepare a statement that is kept. */
int sqlite_keep(struct store *store, enum kept_statement which, const struct strbuf *sql);

/* The same where it is not kept yet. */
typedef void sql_fn(struct strbuf *sql);
int sqlite_keep_once(struct store *store, enum kept_statement which, sql_fn *append);

/* Begin a transaction, for reading or (with the lock that only one can have) for writing; end it. */
int sqlite_begin(struct store *store);
int sqlite_begin_writing(struct store *store);
int sqlite_commit(struct store *store);

/* End a transaction that changed something. Each commit changes page 1, but SQLite puts that into the
 * journal only behind the early sync (sqlite_journal.h), and would make another one for it. So the page
 * is changed before. */
int sqlite_commit_changes(struct store *store);

/* Run a statement that answers with one row; the text of its first column goes to `out`. */
int sqlite_query_text(struct store *store, const char *sql, char *out, size_t size);
int sqlite_query_int(struct store *store, const char *sql, int64_t *out);

/* Bind the fields of `set` to their parameters; those not given as their initial value or null. */
int sqlite_bind_record(struct sqlite3_stmt *statement, const struct tel_record *record,
                       field_set set);

/* Read the row that a SELECT of all columns is at, into an empty record. What is not of a column's
 * type counts as not given: old rows hold anything. */
int sqlite_read_record(struct sqlite3_stmt *statement, struct tel_record *record);

/* The same without copying; the record lasts until the statement goes on. */
int sqlite_view_record(struct sqlite3_stmt *statement, struct tel_record *record);

/* Find the run of an event_id. *found: it was read into the record, which was empty. */
int sqlite_find(struct store *store, const char *event_id, struct tel_record *record, bool *found);
int sqlite_view(struct store *store, const char *event_id, tel_record_fn *each, void *arg,
                bool *found);

/* Turn a result code into a fault: "cannot <doing> <path>: ...". */
tel_error sqlite_fault(const struct store *store, int result, const char *doing, tel_fault *fault);

#endif
