/* SPDX-License-Identifier: MIT */
#include <sqlite3.h>
#include <string.h>

#include "base/cleanup.h"
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

/* The newest run of a name; at version 7 too, where there is no index for it. */
static int read_newest(struct store *store, const char *run_id, struct tel_record *record,
                       bool *found)
{
    CLEANUP(strbuf_clear) struct strbuf sql = STRBUF(SQL_BYTES_MAX);
    CLEANUP(statementp_free) struct sqlite3_stmt *statement = NULL;
    int result;

    *found = false;
    run_sql_select(&sql);
    strbuf_puts(&sql, " WHERE run_id = ?1 ORDER BY created_at DESC, id DESC LIMIT 1");
    result = sqlite_prepare(&statement, store, &sql);
    if (!result)
        result = sqlite3_bind_text(statement, 1, run_id, -1, SQLITE_STATIC);
    if (result)
        return result;
    result = sqlite3_step(statement);
    *found = result == SQLITE_ROW;
    if (!*found)
        return result == SQLITE_DONE ? SQLITE_OK : result;
    return sqlite_read_record(statement, record);
}

tel_error store_get_by_run_id(struct store *store, const char *run_id, struct tel_record *record,
                              tel_fault *fault)
{
    tel_error error = sqlite_ready(store, fault);
    bool found;
    int result;

    if (error)
        return error;
    result = read_newest(store, run_id, record, &found);
    if (result)
        return sqlite_fault(store, result, "read", fault);
    return found ? TEL_OK : not_found(run_id, fault);
}

tel_error sqlite_check(struct store *store, bool full, tel_fault *fault)
{
    char finding[FINDING_BYTES_MAX];
    const char *sql = full ? "PRAGMA integrity_check(1)" : "PRAGMA quick_check(1)";

    /* A page that is not to be had for want of memory is a finding to SQLite: damage is found again. */
    for (int i = 0; i < 2; i++) {
        int result = sqlite_query_text(store, sql, finding, sizeof finding);

        if (result)
            return sqlite_fault(store, result, "check", fault);
        if (strcmp(finding, "ok") == 0)
            return TEL_OK;
    }
    return fault_set(fault, TEL_E_CORRUPT, "the database %s is damaged: %s", store->path, finding);
}

tel_error store_check(struct store *store, bool full, tel_fault *fault)
{
    tel_error error = sqlite_ready(store, fault);

    return error ? error : sqlite_check(store, full, fault);
}
