/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <sqlite3.h>
#include <string.h>

#include "base/cleanup.h"
#include "store/run_sql.h"
#include "store/sqlite.h"

void statementp_free(struct sqlite3_stmt **statement)
{
    (void)sqlite3_finalize(*statement); /* answers with the result of the last step once more */
}

void statementp_rewind(struct sqlite3_stmt **statement)
{
    (void)sqlite3_reset(*statement); /* the same */
}

void statementp_reset(struct sqlite3_stmt **statement)
{
    if (!*statement)
        return;
    (void)sqlite3_reset(*statement); /* the same */
    (void)sqlite3_clear_bindings(*statement);
}

int sqlite_prepare(struct sqlite3_stmt **out, struct store *store, const struct strbuf *sql)
{
    if (strbuf_failed(sql))
        return SQLITE_NOMEM;
    return sqlite3_prepare_v2(store->db, sql->text, (int)sql->length, out, NULL);
}

int sqlite_exec(struct store *store, const char *sql)
{
    return sqlite3_exec(store->db, sql, NULL, NULL, NULL);
}

int sqlite_keep(struct store *store, enum kept_statement which, const struct strbuf *sql)
{
    if (strbuf_failed(sql))
        return SQLITE_NOMEM;
    return sqlite3_prepare_v3(store->db, sql->text, (int)sql->length, SQLITE_PREPARE_PERSISTENT,
                              &store->kept[which], NULL);
}

int sqlite_keep_once(struct store *store, enum kept_statement which, sql_fn *append)
{
    CLEANUP(strbuf_clear) struct strbuf sql = STRBUF(SQL_BYTES_MAX);

    if (store->kept[which])
        return SQLITE_OK;
    append(&sql);
    return sqlite_keep(store, which, &sql);
}

/* Run a kept statement that answers with no row. */
static int run_kept(struct store *store, enum kept_statement which, const char *text)
{
    CLEANUP(strbuf_clear) struct strbuf sql = STRBUF(SQL_BYTES_MAX);
    CLEANUP(statementp_reset) struct sqlite3_stmt *statement = NULL;
    int result = SQLITE_OK;

    if (!store->kept[which]) {
        strbuf_puts(&sql, text);
        result = sqlite_keep(store, which, &sql);
    }
    if (result)
        return result;
    statement = store->kept[which];
    result = sqlite3_step(statement);
    return result == SQLITE_DONE ? SQLITE_OK : result;
}

int sqlite_begin(struct store *store)
{
    return run_kept(store, KEPT_BEGIN, "BEGIN");
}

int sqlite_begin_writing(struct store *store)
{
    return run_kept(store, KEPT_BEGIN_WRITING, "BEGIN IMMEDIATE");
}

int sqlite_commit(struct store *store)
{
    return run_kept(store, KEPT_COMMIT, "COMMIT");
}

/* Change page 1, and nothing in it: this number is of use to whoever likes, and zero else. */
static int touch_first_page(struct store *store)
{
    CLEANUP(strbuf_clear) struct strbuf sql = STRBUF(SQL_BYTES_MAX);
    int64_t version;
    int result = sqlite_query_int(store, "PRAGMA user_version", &version);

    if (result)
        return result;
    strbuf_printf(&sql, "PRAGMA user_version = %" PRId64, version);
    return strbuf_failed(&sql) ? SQLITE_NOMEM : sqlite_exec(store, sql.text);
}

int sqlite_commit_changes(struct store *store)
{
    int result = touch_first_page(store);

    return result ? result : sqlite_commit(store);
}

int sqlite_query_text(struct store *store, const char *sql, char *out, size_t size)
{
    CLEANUP(statementp_free) struct sqlite3_stmt *statement = NULL;
    const unsigned char *text;
    int result = sqlite3_prepare_v2(store->db, sql, -1, &statement, NULL);

    *out = '\0';
    if (result)
        return result;
    result = sqlite3_step(statement);
    if (result != SQLITE_ROW)
        return result == SQLITE_DONE ? SQLITE_OK : result;
    text = sqlite3_column_text(statement, 0);
    if (text)
        (void)sqlite3_snprintf((int)size, out, "%s", text);
    return SQLITE_OK;
}

int sqlite_query_int(struct store *store, const char *sql, int64_t *out)
{
    CLEANUP(statementp_free) struct sqlite3_stmt *statement = NULL;
    int result = sqlite3_prepare_v2(store->db, sql, -1, &statement, NULL);

    *out = 0;
    if (result)
        return result;
    result = sqlite3_step(statement);
    if (result != SQLITE_ROW)
        return result == SQLITE_DONE ? SQLITE_OK : result;
    *out = sqlite3_column_int64(statement, 0);
    return SQLITE_OK;
}

static int bind_field(struct sqlite3_stmt *statement, const struct tel_record *record, int index)
{
    bool is_text = kind_is_text(run_fields[index].kind);
    const char *initial = run_fields[index].initial;
    const char *text = record_has(record, index) ? record_text(record, index) : initial;

    if (!is_text && record_has(record, index))
        return sqlite3_bind_int64(statement, index + 1, record_int(record, index));
    if (!text)
        return sqlite3_bind_null(statement, index + 1);
    /* The initial value of a number is bound as text too: the column's affinity converts it. */
    return sqlite3_bind_text64(statement, index + 1, text, strlen(text), SQLITE_STATIC,
                               SQLITE_UTF8);
}

int sqlite_bind_record(struct sqlite3_stmt *statement, const struct tel_record *record,
                       field_set set)
{
    int result = SQLITE_OK;

    for (int i = 0; i < RUN_FIELD_COUNT && !result; i++) {
        if (set & FIELD_BIT(i))
            result = bind_field(statement, record, i);
    }
    return result;
}

typedef tel_error text_fn(struct tel_record *record, int index, const char *text);

static int read_field(struct sqlite3_stmt *statement, struct tel_record *record, int index,
                      text_fn *set_text)
{
    int type = sqlite3_column_type(statement, index);
    const char *text;

    if (type == SQLITE_NULL)
        return SQLITE_OK;
    if (!kind_is_text(run_fields[index].kind)) {
        if (type == SQLITE_INTEGER || type == SQLITE_FLOAT)
            record_load_int(record, index, sqlite3_column_int64(statement, index));
        return SQLITE_OK;
    }
    text = (const char *)sqlite3_column_text(statement, index);
    if (!text) /* an empty blob, or no memory */
        return sqlite3_errcode(sqlite3_db_handle(statement)) == SQLITE_NOMEM ? SQLITE_NOMEM
                                                                             : SQLITE_OK;
    return set_text(record, index, text) ? SQLITE_NOMEM : SQLITE_OK;
}

static int read_fields(struct sqlite3_stmt *statement, struct tel_record *record, text_fn *set_text)
{
    int result = SQLITE_OK;

    for (int i = 0; i < RUN_FIELD_COUNT && !result; i++)
        result = read_field(statement, record, i, set_text);
    return result;
}

int sqlite_read_record(struct sqlite3_stmt *statement, struct tel_record *record)
{
    return read_fields(statement, record, record_load_text);
}

int sqlite_view_record(struct sqlite3_stmt *statement, struct tel_record *record)
{
    *record = RECORD();
    return read_fields(statement, record, record_view_text);
}

static void append_get(struct strbuf *sql)
{
    run_sql_select(sql);
    strbuf_printf(sql, " WHERE %s = ?1", run_fields[FIELD_event_id].name);
}

/* Have store->kept[KEPT_GET], which is prepared, stand at the run of this event_id. */
static int find_row(struct store *store, const char *event_id, bool *found)
{
    int result = sqlite3_bind_text64(store->kept[KEPT_GET], 1, event_id, strlen(event_id),
                                     SQLITE_STATIC, SQLITE_UTF8);

    if (!result)
        result = sqlite3_step(store->kept[KEPT_GET]);
    *found = result == SQLITE_ROW;
    return *found || result == SQLITE_DONE ? SQLITE_OK : result;
}

int sqlite_find(struct store *store, const char *event_id, struct tel_record *record, bool *found)
{
    CLEANUP(statementp_reset) struct sqlite3_stmt *get = NULL;
    int result = sqlite_keep_once(store, KEPT_GET, append_get);

    *found = false;
    if (result)
        return result;
    get = store->kept[KEPT_GET];
    result = find_row(store, event_id, found);
    return *found ? sqlite_read_record(get, record) : result;
}

int sqlite_view(struct store *store, const char *event_id, tel_record_fn *each, void *arg,
                bool *found)
{
    CLEANUP(statementp_reset) struct sqlite3_stmt *get = NULL;
    struct tel_record record;
    int result = sqlite_keep_once(store, KEPT_GET, append_get);

    *found = false;
    if (result)
        return result;
    get = store->kept[KEPT_GET];
    result = find_row(store, event_id, found);
    if (!*found)
        return result;
    result = sqlite_view_record(get, &record);
    if (!result)
        (void)each(arg, &record);
    return result;
}

/* Return what the system gave as the reason, 0 when SQLite did not keep it. */
static int system_cause(const struct store *store)
{
    int cause = store->db ? sqlite3_system_errno(store->db) : 0;

    if (store->db && cause == 0) /* of a commit, only the file knows */
        (void)sqlite3_file_control(store->db, "main", SQLITE_FCNTL_LAST_ERRNO, &cause);
    return cause;
}

/* Say what SQLite, and behind it the system, gave as the reason. */
static tel_error io_fault(const struct store *store, int result, const char *doing,
                          tel_fault *fault)
{
    int cause = system_cause(store);
    char reason[128];

    if (cause == 0)
        return fault_set(fault, TEL_E_IO, "cannot %s the database %s: %s", doing, store->path,
                         sqlite3_errstr(result));
    return fault_set(fault, TEL_E_IO, "cannot %s the database %s: %s (%s)", doing, store->path,
                     sqlite3_errstr(result), strerror_r(cause, reason, sizeof reason));
}

tel_error sqlite_fault(const struct store *store, int result, const char *doing, tel_fault *fault)
{
    switch (result == SQLITE_IOERR_NOMEM ? SQLITE_NOMEM : result & 0xff) { /* above is detail */
    case SQLITE_OK:
        return TEL_OK;
    case SQLITE_NOMEM:
        return fault_nomem(fault);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return fault_set(fault, TEL_E_BUSY,
                         "the database %s is locked by another process; try again later",
                         store->path);
    case SQLITE_NOTADB:
        return fault_set(fault, TEL_E_CORRUPT,
                         "%s is not a SQLite database; move it away or set TELEMETRY_DB_PATH",
                         store->path);
    case SQLITE_CORRUPT:
        return fault_set(fault, TEL_E_CORRUPT,
                         "the database %s is damaged; restore a copy, or move it away",
                         store->path);
    case SQLITE_READONLY:
        return fault_set(fault, TEL_E_IO,
                         "cannot %s the database %s: it is read-only; check who owns it and its "
                         "directory",
                         doing, store->path);
    case SQLITE_ERROR: /* our SQL is sound, so it is the tables that differ */
        return fault_set(fault, TEL_E_SCHEMA,
                         "cannot %s the database %s: its tables are not telemetry's; set "
                         "TELEMETRY_DB_PATH to another file",
                         doing, store->path);
    default:
        return io_fault(store, result, doing, fault);
    }
}
