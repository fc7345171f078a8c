/* SPDX-License-Identifier: MIT
 *
 * Where runs rest. The contract that a backend fulfils; nothing outside store/ knows which one it
 * has. A store belongs to one thread at a time; several processes may open the same database.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "model/record.h"

struct store;

struct store_options {
    const char *path;         /* the database file */
    const char *journal_mode; /* DELETE, TRUNCATE, PERSIST or WAL; NULL: DELETE */
    const char *synchronous;  /* FULL or EXTRA; NULL: FULL */
    int64_t busy_timeout_ms;  /* how long one attempt waits for a lock */
    int64_t retries_max;      /* further attempts of a write when the lock outlasts that... */
    int64_t retry_base_ms;    /* ...after this, and twice as long each time */
    bool group_access;        /* files for owner and group, not for the owner alone */
    bool migrates;  /* bring an old schema to the present one, however long that takes, and
                                 keep a copy of the file as it was; the log says so */
    bool read_only; /* never write, never create; applying is TEL_E_INVALID. What a
                                 killed writer left half is still rolled back. */
    struct log log;
};

/*
 * Open the database, make it (and its directory) when it is not there. Nothing is touched when this
 * fails: TEL_E_CORRUPT the file is no database, TEL_E_SCHEMA its schema is newer than this
 * program handles, or older and `migrates` is not set, TEL_E_IO it cannot be opened, TEL_E_BUSY it is locked. The fault names the path
 * and says what to do. read_only and no file, or none with runs in it: TEL_E_NOT_FOUND. A child that
 * was forked may go on using the store: it gets a connection of its own.
 */
tel_error store_open(struct store **out, const struct store_options *options, tel_fault *fault);
void store_close(struct store *store);

/* Bound every wait for a lock from here on by what is left until `deadline`; no further attempts. */
void store_set_deadline(struct store *store, struct deadline deadline);
void store_lift_deadline(struct store *store);

/* ---- Writing --------------------------------------------------------------------------------- */

enum write_kind {
    WRITE_CREATE,      /* a whole record; if its event_id is known: a duplicate, with the exception
                          that a terminal one ends a run that is still running (http-api.md) */
    WRITE_UPDATE,      /* change the fields given but ids and what the store keeps by itself,
                          whatever the run's state: a live PATCH */
    WRITE_LATE_UPDATE, /* an update from a buffer: whole while the run is running, else it fills only
                          what is null or at its initial value (data-model.md, The buffer) */
    WRITE_RETRY_COUNT, /* count one failed export: api_retry_count + 1 */
};

enum write_result {
    WRITE_PENDING = 0, /* not applied (the transaction failed) */
    WRITE_CREATED,
    WRITE_DUPLICATE,
    WRITE_UPDATED, /* an update was applied, even if it found nothing left to fill; or a duplicate
                      ended its run */
    WRITE_NOT_FOUND,
    WRITE_INVALID, /* refused by the database for good; the reason says why */
};
#define WRITE_RESULT_COUNT (WRITE_INVALID + 1)

struct write {
    enum write_kind kind;
    const struct tel_record *record; /* borrowed; names the run by its event_id */
    field_set cleared; /* by an update, where they are not given; by a late one, of a running run */
    bool merges; /* an update: metrics_json and context_json go into what is stored (RFC 7396) */
    enum write_result result;
    char **run_id;    /* NULL, or where that of the run that was there goes; the caller frees it */
    char reason[160]; /* for WRITE_INVALID */
    bool ended;       /* it ended a run that was running, or was not there... */
    int64_t duration_ms; /* ...and that took so long */
};

/*
 * Apply writes in order, in one transaction, and make them durable (commit, then the sync of the
 * directory) before returning TEL_OK. One that is refused does not stop the others. Times that are
 * due are filled in: created_at when a new run lacks it, updated_at always, schema_version.
 *
 * On failure nothing was applied, every result is WRITE_PENDING, and all of it may be sent again.
 * TEL_E_BUSY: the lock outlasted all attempts. TEL_E_IO: after a failed write or sync the connection
 * is closed; the next call opens the database again, checks it, and only then takes writes.
 */
tel_error store_apply(struct store *store, struct write **writes, size_t count, tel_fault *fault);

/*
 * The same for writes that may still be coming: `next` is asked for the one at place 0, 1, 2 and so on
 * within the transaction, which is committed when it returns NULL. When the transaction is tried again it
 * is asked from 0 on again, and has to return the same ones, after which there may be more. After a
 * failure the results say nothing.
 */
typedef struct write *write_source_fn(void *arg, size_t place);
tel_error store_apply_from(struct store *store, write_source_fn *next, void *arg, tel_fault *fault);

/* ---- Reading --------------------------------------------------------------------------------- */

/* Get the run of this event_id into an empty record. TEL_E_NOT_FOUND. */
tel_error store_get(struct store *store, const char *event_id, struct tel_record *record,
                    tel_fault *fault);

/* The same without copying it: `each` is called with the run, which lasts until it returns. */
tel_error store_view(struct store *store, const char *event_id, tel_record_fn *each, void *arg,
                     tel_fault *fault);

/*
 * Have reads share a transaction, which spares each of them the lock. What others write waits meanwhile,
 * so that every read still sees all that was committed before it: let go of it when it is over. It always
 * is where none began, and in WAL mode, where others could commit meanwhile.
 */
tel_error store_begin_turn(struct store *store, tel_fault *fault);
bool store_turn_is_over(struct store *store);
void store_end_turn(struct store *store);

/* Get the newest run of this run_id. TEL_E_NOT_FOUND. */
tel_error store_get_by_run_id(struct store *store, const char *run_id, struct tel_record *record,
                              tel_fault *fault);

/* What a list asks for; all conditions must hold. Times are in stored form. */
#define QUERY_STATUSES_MAX 6
#define QUERY_LIMIT_MAX 1000
struct run_query {
    const char *equals[RUN_FIELD_COUNT]; /* for fields with FILTER; NULL: any */
    const char *statuses[QUERY_STATUSES_MAX];
    size_t status_count;        /* 0: any */
    const char *created_before; /* < */
    const char *created_after;  /* > */
    const char *start_from;     /* >= */
    const char *start_to;       /* <= */
    const char *end_from;       /* >= */
    const char *end_to;         /* <= */
    const char *agent_prefix;
    const char *commit;     /* 7 or more hex digits: a prefix; fewer: exactly */
    const char *id_prefix;  /* of event_id or run_id, or of the 8 hex digits that end a run_id */
    bool roots;             /* no parent, or "" or "unknown" */
    bool pending_export;    /* ended and api_posted = 0 */
    int64_t retries_below;  /* of api_retry_count; 0: any */
    bool oldest_first;      /* else newest: created_at descending, then id descending */
    bool by_row;            /* else in the order of rows, those behind `after_id` */
    const char *after_time; /* what comes behind a run of this created_at and id in the order... */
    int64_t after_id;       /* ...NULL: from the beginning */
    int64_t limit;
    int64_t offset;
    bool one_more; /* hand on one run beyond the limit, which tells that there are more */
};

/*
 * Hand each run of the answer to `each`; the record is borrowed for the call. Writers wait meanwhile,
 * and the store must not be used by `each`. TEL_E_INVALID: limit is not from 1 to QUERY_LIMIT_MAX,
 * offset is negative, or a field without FILTER is asked for.
 */
tel_error store_query(struct store *store, const struct run_query *query, tel_record_fn *each,
                      void *arg, tel_fault *fault);

/* A run as those below it see it. What it lacks is NULL. */
struct run_parent {
    int64_t id;
    const char *event_id;
    const char *run_id;
    const char *start_time;
};

/* Receive a run that is below the parent of that index. Non-zero: no more are wanted. */
typedef int run_child_fn(void *arg, size_t parent, const struct tel_record *child);

/*
 * Hand on the runs right below each parent, in the order of the parents and then of their start. A
 * child names its parent by run_id or by event_id. Of several runs of one run_id it belongs to the
 * one with the nearest start before its own, or to the first when all began later. Ties go to the
 * later row. Who follows children of children has to expect cycles.
 */
tel_error store_children(struct store *store, const struct run_parent *parents, size_t count,
                         run_child_fn *each, void *arg, tel_fault *fault);

/* Hand each different value of a field with CATEGORY to `each`, in byte order; null is none.
 * TEL_E_INVALID: another field. */
tel_error store_values(struct store *store, int field, tel_text_fn *each, void *arg,
                       tel_fault *fault);

tel_error store_stats(struct store *store, tel_run_stats *stats, tel_fault *fault);

/* How many runs of an agent have a status, "" for rows without one; borrowed for the call. */
struct run_count {
    const char *agent_name;
    const char *status;
    int64_t count;
};
typedef void run_count_fn(void *arg, const struct run_count *count);

/* What is asked about all runs at once, and the answer as it was at one moment. */
struct run_figures {
    const char *since;  /* in stored form */
    run_count_fn *each; /* gets every agent and status, agents in byte order */
    void *arg;
    tel_run_stats stats;
    int64_t recent; /* made at `since` or later */
};
tel_error store_figures(struct store *store, struct run_figures *figures, tel_fault *fault);

/* ---- State ----------------------------------------------------------------------------------- */

/* TEL_OK when the file is sound; TEL_E_CORRUPT with the first finding. `full` compares every index
 * with its table. */
tel_error store_check(struct store *store, bool full, tel_fault *fault);

/* How the last write went, for /health: TEL_OK, or what went wrong. A failure stands until something
 * was written to the disk again. */
tel_error store_health(const struct store *store, tel_fault *fault);

/*
 * After a failure, see whether writing works again: open and check the database if need be, have its
 * lock for a moment, and try whether the disk takes STORE_PROBE_BYTES more beyond the end of the
 * file, which a little room does not suffice for. The database is not changed. TEL_OK: store_health()
 * is too.
 */
#define STORE_PROBE_BYTES ((size_t)256 * 1024)
tel_error store_probe(struct store *store, tel_fault *fault);

/*
 * Put a finished database that nobody has open in the place of `target`, at one moment. What is there
 * now is kept under a name of its own, *kept, which the caller frees (NULL: there was nothing).
 */
tel_error store_install(char **kept, const char *path, const char *target, tel_fault *fault);

/* Remove a database with all that SQLite keeps beside it. */
void store_remove(const char *path);

const char *store_path(const struct store *store);
const char *store_journal_mode(const struct store *store); /* upper case */
const char *store_synchronous(const struct store *store);

/* The table's DDL as a new database gets it, for the printed schema. The caller frees it. */
char *store_schema_sql(void);

#endif
