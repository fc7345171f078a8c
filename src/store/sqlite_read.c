/* SPDX-License-Identifier: MIT */
#include <sqlite3.h>
#include <string.h>

#include "base/cleanup.h"
#include "store/query_sql.h"
#include "store/run_sql.h"
#include "store/sqlite.h"

#define ID_CHARS_MAX 80 /* of a caller's id in a message */
#define FINDING_BYTES_MAX 200

static tel_error not_found(const char *id, tel_fault *fault)
{
    return fault_set(fault, TEL_E_NOT_FOUND, "run %.*s not found", ID_CHARS_MAX, id);
}

tel_error store_get(struct store *store, const char *event_id, struct tel_record *record,
                    tel_fault *fault)
{
    tel_error error = sqlite_ready(store, fault);
    bool found;
    int result;

    if (error)
        return error;
    result = sqlite_find(store, event_id, record, &found);
    if (result)
        return sqlite_fault(store, result, "read", fault);
    return found ? TEL_OK : not_found(event_id, fault);
}

tel_error store_view(struct store *store, const char *event_id, tel_record_fn *each, void *arg,
                     tel_fault *fault)
{
    tel_error error = sqlite_ready(store, fault);
    bool found;
    int result;

    if (error)
        return error;
    result = sqlite_view(store, event_id, each, arg, &found);
    if (result)
        return sqlite_fault(store, result, "read", fault);
    return found ? TEL_OK : not_found(event_id, fault);
}

struct rows {
    tel_record_fn *each;
    void *arg;
    size_t count;
};

/* Hand on the rows of a SELECT of all columns. */
static int hand_on(struct sqlite3_stmt *statement, struct rows *rows)
{
    int result;

    while ((result = sqlite3_step(statement)) == SQLITE_ROW) {
        struct tel_record record;

        result = sqlite_view_record(statement, &record);
        if (result)
            return result;
        rows->count++;
        if (rows->each(rows->arg, &record))
            return SQLITE_OK;
    }
    return result == SQLITE_DONE ? SQLITE_OK : result;
}

static int run_query(struct store *store, const struct strbuf *sql,
                     const struct query_values *values, const struct run_query *query,
                     struct rows *rows)
{
    CLEANUP(statementp_free) struct sqlite3_stmt *statement = NULL;
    int result = sqlite_prepare(&statement, store, sql);

    for (int i = 0; i < values->count && !result; i++)
        result = sqlite3_bind_text64(statement, i + 1, values->texts[i], strlen(values->texts[i]),
                                     SQLITE_STATIC, SQLITE_UTF8);
    if (!result && query->after_time)
        result = sqlite3_bind_int64(statement, values->count + 1, query->after_id);
    if (!result)
        result = sqlite3_bind_int64(statement, values->count + 2, query->limit + query->one_more);
    if (!result)
        result = sqlite3_bind_int64(statement, values->count + 3, query->offset);
    return result ? result : hand_on(statement, rows);
}

static tel_error query_rows(struct store *store, const struct run_query *query, struct rows *rows,
                            tel_fault *fault)
{
    CLEANUP(strbuf_clear) struct strbuf sql = STRBUF(SQL_BYTES_MAX);
    struct query_values values = {0};
    tel_error error = query_sql(&sql, &values, query, fault);

    if (!error)
        error = sqlite_ready(store, fault);
    if (error)
        return error;
    return sqlite_fault(store, run_query(store, &sql, &values, query, rows), "read", fault);
}

tel_error store_query(struct store *store, const struct run_query *query, tel_record_fn *each,
                      void *arg, tel_fault *fault)
{
    struct rows rows = {.each = each, .arg = arg};

    return query_rows(store, query, &rows, fault);
}

struct copy {
    struct tel_record *record;
    tel_error error;
};

static int keep_copy(void *arg, const tel_record *record)
{
    struct copy *copy = arg;

    copy->error = record_merge(copy->record, record, ~(field_set)0, NULL);
    return 1;
}

tel_error store_get_by_run_id(struct store *store, const char *run_id, struct tel_record *record,
                              tel_fault *fault)
{
    struct run_query query = {.equals[FIELD_run_id] = run_id, .limit = 1};
    struct copy copy = {.record = record};
    struct rows rows = {.each = keep_copy, .arg = &copy};
    tel_error error = query_rows(store, &query, &rows, fault);

    if (error)
        return error;
    if (copy.error)
        return fault_nomem(fault);
    return rows.count ? TEL_OK : not_found(run_id, fault);
}

tel_error sqlite_check(struct store *store, bool full, tel_fault *fault)
{
    char finding[FINDING_BYTES_MAX];
    const char *sql = full ? "PRAGMA integrity_check(1)" : "PRAGMA quick_check(1)";
    int result = sqlite_query_text(store, sql, finding, sizeof finding);

    if (result)
        return sqlite_fault(store, result, "check", fault);
    if (strcmp(finding, "ok") != 0)
        return fault_set(fault, TEL_E_CORRUPT, "the database %s is damaged: %s", store->path,
                         finding);
    return TEL_OK;
}

tel_error store_check(struct store *store, bool full, tel_fault *fault)
{
    tel_error error = sqlite_ready(store, fault);

    return error ? error : sqlite_check(store, full, fault);
}
