/* SPDX-License-Identifier: MIT
 *
 * Writes: one transaction for all that are handed in, each a statement that succeeds or leaves no
 * trace. Once committed, the database's directory is synced, even when nothing was changed: what
 * another process committed a moment ago may be the reason, and must not be vouched for before it is
 * on the disk.
 */
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "model/record_json.h"
#include "store/sqlite_migrate.h"
#include "store/run_sql.h"
#include "store/sqlite.h"

#define PAUSE_MS_MAX 60000

/* What an update may change. */
#define UPDATABLE                                                                   \
    (SCHEMA_COLUMNS & ~(FIELD_BIT(FIELD_id) | FIELD_BIT(FIELD_event_id) |           \
                        FIELD_BIT(FIELD_run_id) | FIELD_BIT(FIELD_schema_version) | \
                        FIELD_BIT(FIELD_created_at) | FIELD_BIT(FIELD_updated_at)))

/* ---- One write ------------------------------------------------------------------------------- */

static void refuse(struct write *write, const char *field, const char *reason)
{
    write->result = WRITE_INVALID;
    (void)snprintf(write->reason, sizeof write->reason, "%s%.*s", field,
                   (int)sizeof write->reason - 1, reason);
}

static int bind_text(struct sqlite3_stmt *statement, int index, const char *text)
{
    return sqlite3_bind_text(statement, index + 1, text, -1, SQLITE_STATIC);
}

/* Run a statement. A value that the table does not take is the write's fault, not the store's. */
static int step(struct store *store, struct sqlite3_stmt *statement, struct write *write,
                enum write_result success)
{
    int result = sqlite3_step(statement);

    switch (result & 0xff) {
    case SQLITE_DONE:
        write->result = success;
        return SQLITE_OK;
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
        if (sqlite3_get_autocommit(store->db))
            return SQLITE_ABORT; /* somebody's trigger ended the transaction */
        refuse(write, "", "the database takes no such value");
        return SQLITE_OK;
    case SQLITE_TOOBIG:
        refuse(write, "", "it is too large for the database");
        return SQLITE_OK;
    default:
        return result;
    }
}

/* A new run has to have all that is required; else the event_id suffices. */
static bool has_required(struct write *write)
{
    for (int i = 0; i < RUN_FIELD_COUNT; i++) {
        const char *text = record_text(write->record, i);
        bool is_required = write->kind == WRITE_CREATE ? (run_fields[i].access & REQUIRED) != 0
                                                       : i == FIELD_event_id;

        if (is_required && (!text || !*text)) {
            refuse(write, run_fields[i].name, " must be given");
            return false;
        }
    }
    return true;
}

static int create(struct store *store, struct write *write)
{
    CLEANUP(statementp_reset) struct sqlite3_stmt *insert = NULL;
    const struct tel_record *record = write->record;
    char now[TEL_TIMESTAMP_SIZE];
    int result = sqlite_keep_once(store, KEPT_INSERT, run_sql_insert);

    if (result)
        return result;
    insert = store->kept[KEPT_INSERT];
    timestamp_format(now, clock_now_us());
    result = sqlite_bind_record(insert, record, SCHEMA_COLUMNS & ~FIELD_BIT(FIELD_id));
    if (!result)
        result = sqlite3_bind_int(insert, FIELD_schema_version + 1, SCHEMA_VERSION);
    if (!result)
        result = bind_text(insert, FIELD_updated_at, now);
    if (!result && !record_has(record, FIELD_created_at))
        result = bind_text(insert, FIELD_created_at, now);
    return result ? result : step(store, insert, write, WRITE_CREATED);
}

/* The last update statement is kept: updates of one kind come in rows. */
static int prepare_update(struct store *store, field_set set)
{
    CLEANUP(strbuf_clear) struct strbuf sql = STRBUF(SQL_BYTES_MAX);

    if (store->kept[KEPT_UPDATE] && store->update_set == set)
        return SQLITE_OK;
    statementp_free(&store->kept[KEPT_UPDATE]);
    store->kept[KEPT_UPDATE] = NULL;
    store->update_set = set;
    run_sql_update(&sql, set);
    return sqlite_keep(store, KEPT_UPDATE, &sql);
}

/* Set those fields of the row `id`, and when it was done. */
static int change(struct store *store, struct write *write, int64_t id,
                  const struct tel_record *record, field_set set)
{
    CLEANUP(statementp_reset) struct sqlite3_stmt *update = NULL;
    char now[TEL_TIMESTAMP_SIZE];
    int result = prepare_update(store, set | FIELD_BIT(FIELD_updated_at));

    if (result)
        return result;
    update = store->kept[KEPT_UPDATE];
    timestamp_format(now, clock_now_us());
    result = sqlite_bind_record(update, record, set);
    if (!result)
        result = bind_text(update, FIELD_updated_at, now);
    if (!result)
        result = sqlite3_bind_int64(update, FIELD_id + 1, id);
    return result ? result : step(store, update, write, WRITE_UPDATED);
}

/* Return the fields that hold nothing yet, or a number that is still at its initial value. */
static field_set untouched(const struct tel_record *stored)
{
    field_set set = 0;

    for (int i = 0; i < RUN_FIELD_COUNT; i++) {
        bool is_initial = run_fields[i].initial && !kind_is_text(run_fields[i].kind) &&
                          record_int(stored, i) == 0;

        if (!record_has(stored, i) || is_initial)
            set |= FIELD_BIT(i);
    }
    return set;
}

/* Leave the status out where it stays: setting it would write its place in two indexes anew. */
static field_set without_same_status(field_set set, const struct tel_record *record,
                                     const struct tel_record *stored)
{
    const char *given = record_text(record, FIELD_status);
    const char *present = record_text(stored, FIELD_status);
    bool is_same = given && present && strcmp(given, present) == 0;

    return is_same && set != FIELD_BIT(FIELD_status) ? set & ~FIELD_BIT(FIELD_status) : set;
}

/* Return what a write changes in the run that is stored. */
static field_set fields_to_change(const struct write *write, const struct tel_record *stored)
{
    field_set given = write->record->given & UPDATABLE;
    field_set whole = given | (write->cleared & UPDATABLE);

    switch (write->kind) {
    case WRITE_UPDATE:
        return without_same_status(whole, write->record, stored);
    case WRITE_CREATE:
        if (record_has_ended(stored) || !record_has_ended(write->record))
            return 0;
        return given & run_fields_with(PATCH);
    default: /* a late update; what only counts a retry is not asked about */
        return record_has_ended(stored) ? given & untouched(stored) : whole;
    }
}

static int count_retry(struct store *store, struct write *write, const struct tel_record *stored)
{
    struct tel_record counted = RECORD(); /* holds nothing to be released */
    int64_t count = record_int(stored, FIELD_api_retry_count);

    record_load_int(&counted, FIELD_api_retry_count, count < INT64_MAX ? count + 1 : count);
    return change(store, write, record_int(stored, FIELD_id), &counted,
                  FIELD_BIT(FIELD_api_retry_count));
}

/* Merge what is given into what is stored: here, where nobody can change it in between. */
static int change_merged(struct store *store, struct write *write, const struct tel_record *stored,
                         field_set set)
{
    CLEANUP(record_clear) struct tel_record merged = RECORD();
    tel_fault fault = {0};
    tel_error error = record_merge(&merged, write->record, set, &fault);

    if (!error)
        error = record_merge_json(&merged, stored, &fault);
    if (error == TEL_E_NOMEM)
        return SQLITE_NOMEM;
    if (error) {
        refuse(write, "", fault.text);
        return SQLITE_OK;
    }
    return change(store, write, record_int(stored, FIELD_id), &merged, set);
}

static bool tell_run_id(struct write *write, const struct tel_record *stored)
{
    const char *run_id = record_text(stored, FIELD_run_id);

    free(*write->run_id); /* the transaction may be tried again */
    *write->run_id = strdup(run_id ? run_id : "");
    return *write->run_id != NULL;
}

/* Apply one write to what is stored: nothing, or this run. */
static int apply_to(struct store *store, struct write *write, const struct tel_record *stored,
                    bool found)
{
    field_set set;

    if (!found) {
        write->result = WRITE_NOT_FOUND;
        return write->kind == WRITE_CREATE ? create(store, write) : SQLITE_OK;
    }
    if (write->run_id && !tell_run_id(write, stored))
        return SQLITE_NOMEM;
    if (write->kind == WRITE_RETRY_COUNT)
        return count_retry(store, write, stored);
    set = fields_to_change(write, stored);
    if (set && write->kind == WRITE_UPDATE && write->merges)
        return change_merged(store, write, stored, set);
    if (set)
        return change(store, write, record_int(stored, FIELD_id), write->record, set);
    write->result = write->kind == WRITE_CREATE ? WRITE_DUPLICATE : WRITE_UPDATED;
    return SQLITE_OK;
}

/* Note that a run has ended by this write, if it did. */
static void note_end(struct write *write, const struct tel_record *stored)
{
    const struct tel_record *record = write->record;
    bool applied = write->result == WRITE_CREATED || write->result == WRITE_UPDATED;

    write->ended = applied && record_has_ended(record) && !record_has_ended(stored);
    write->duration_ms =
        record_int(record_has(record, FIELD_duration_ms) ? record : stored, FIELD_duration_ms);
}

static int apply_one(struct store *store, struct write *write)
{
    CLEANUP(record_clear) struct tel_record stored = RECORD();
    const char *event_id = record_text(write->record, FIELD_event_id);
    bool found;
    int result;

    if (!has_required(write))
        return SQLITE_OK;
    result = sqlite_find(store, event_id, &stored, &found);
    if (!result)
        result = apply_to(store, write, &stored, found);
    if (!result)
        note_end(write, &stored);
    return result;
}

/* ---- All of them ----------------------------------------------------------------------------- */

static void forget_result(struct write *write)
{
    write->result = WRITE_PENDING;
    write->reason[0] = '\0';
    write->ended = false;
}

/* Can the connection go on after this? Else nobody knows what of its state is still true. */
static bool is_harmless(int result)
{
    switch (result & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_NOMEM:
    case SQLITE_FULL:
        return true;
    default:
        return result == SQLITE_IOERR_NOMEM;
    }
}

static tel_error roll_back(struct store *store, int result, tel_fault *fault)
{
    tel_error error = sqlite_fault(store, result, "write to", fault);

    if (!sqlite3_get_autocommit(store->db))
        (void)sqlite_exec(store, "ROLLBACK");
    if (!is_harmless(result) || !sqlite3_get_autocommit(store->db))
        sqlite_distrust(store);
    return error;
}

static tel_error make_durable(struct store *store, tel_fault *fault)
{
    tel_error error;

    if (strcmp(store->journal_mode, "DELETE") != 0)
        return TEL_OK;
    error = directory_sync(store->directory, fault);
    if (error)
        sqlite_distrust(store);
    return error;
}

static int apply_all(struct store *store, write_source_fn *next, void *arg)
{
    struct write *write;
    int result = SQLITE_OK;

    for (size_t i = 0; !result && (write = next(arg, i)) != NULL; i++) {
        forget_result(write);
        result = apply_one(store, write);
    }
    return result;
}

/* *changed: it wrote something to the file. */
static tel_error attempt(struct store *store, write_source_fn *next, void *arg, bool *changed,
                         tel_fault *fault)
{
    tel_error error = sqlite_ready(store, fault);
    int64_t changes;
    int result;

    if (error)
        return error;
    changes = sqlite3_total_changes64(store->db);
    result = sqlite_begin_writing(store);
    if (!result)
        result = apply_all(store, next, arg);
    *changed = sqlite3_total_changes64(store->db) != changes;
    if (!result)
        result = *changed ? sqlite_commit_changes(store) : sqlite_commit(store);
    if (result)
        return roll_back(store, result, fault);
    return make_durable(store, fault);
}

static int64_t pause_before_retry_ms(const struct store *store, int64_t retry)
{
    int64_t pause = store->options.retry_base_ms;

    while (retry-- > 0 && pause < PAUSE_MS_MAX)
        pause *= 2;
    return pause < PAUSE_MS_MAX ? pause : PAUSE_MS_MAX;
}

/* A duplicate that needed no room on the disk does not make up for a write that found none. */
static void note_outcome(struct store *store, const tel_fault *failure, bool changed)
{
    if (failure->code || changed || store->health.code == TEL_E_BUSY)
        store->health = *failure;
}

tel_error store_apply_from(struct store *store, write_source_fn *next, void *arg, tel_fault *fault)
{
    tel_fault failure = {0};
    bool changed = false;
    tel_error error;

    if (store->options.read_only)
        return fault_set(fault, TEL_E_INVALID, "the database %s is open for reading only",
                         store->path);
    for (int64_t retry = 0;; retry++) {
        int64_t pause = pause_before_retry_ms(store, retry);

        error = attempt(store, next, arg, &changed, &failure);
        if (error != TEL_E_BUSY || store->has_deadline || retry >= store->options.retries_max)
            break;
        deadline_sleep(deadline_in(pause), pause);
    }
    if (!error)
        failure = (tel_fault){0}; /* of an earlier attempt */
    note_outcome(store, &failure, changed);
    if (error && fault)
        *fault = failure;
    return error;
}

/* Writes that are all there. */
struct array {
    struct write **writes;
    size_t count;
};

static struct write *next_of_array(void *arg, size_t place)
{
    const struct array *array = arg;

    return place < array->count ? array->writes[place] : NULL;
}

tel_error store_apply(struct store *store, struct write **writes, size_t count, tel_fault *fault)
{
    struct array array = {writes, count};
    tel_error error = store_apply_from(store, next_of_array, &array, fault);

    for (size_t i = 0; error && i < count; i++)
        forget_result(writes[i]);
    return error;
}
