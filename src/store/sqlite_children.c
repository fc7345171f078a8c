/* SPDX-License-Identifier: MIT
 *
 * The runs right below others. A run_id may repeat, since a retry reuses it: of the children that
 * name it, each of its runs has those that started from its own start on until the next one's.
 */
#include <sqlite3.h>
#include <string.h>

#include "base/cleanup.h"
#include "store/run_sql.h"
#include "store/sqlite.h"

/* Parameters that all statements share: ?1 the run_id, ?2 the start, ?3 the id of the parent. */
#define NAMED "SELECT EXISTS (SELECT 1 FROM agent_runs WHERE parent_run_id = ?1)"
#define FIRST                                     \
    "SELECT NOT EXISTS (SELECT 1 FROM agent_runs" \
    " WHERE run_id = ?1 AND (start_time, id) < (?2, ?3))"
#define NEXT                                             \
    "SELECT start_time, id FROM agent_runs"              \
    " WHERE run_id = ?1 AND (start_time, id) > (?2, ?3)" \
    " ORDER BY start_time, id LIMIT 1"

/* ?2 is the start from which on children are this parent's, ?4 that of the next run of its name,
 * ?5 that run's id: it may itself be below the one before it. ?6 is the event_id. */
#define CHILDREN                                                                 \
    " WHERE parent_run_id IN (?1, ?6) AND id != ?3 AND (parent_run_id IS NOT ?1" \
    " OR (start_time >= ?2 AND (?4 IS NULL OR start_time < ?4)) OR id = ?5)"     \
    " ORDER BY start_time, id"

struct statements {
    struct sqlite3_stmt *named;
    struct sqlite3_stmt *first;
    struct sqlite3_stmt *next;
    struct sqlite3_stmt *children;
};

static void statements_free(struct statements *statements)
{
    statementp_free(&statements->named);
    statementp_free(&statements->first);
    statementp_free(&statements->next);
    statementp_free(&statements->children);
}

static int prepare(struct statements *statements, struct store *store)
{
    CLEANUP(strbuf_clear) struct strbuf sql = STRBUF(SQL_BYTES_MAX);
    int result = sqlite3_prepare_v2(store->db, NAMED, -1, &statements->named, NULL);

    if (!result)
        result = sqlite3_prepare_v2(store->db, FIRST, -1, &statements->first, NULL);
    if (!result)
        result = sqlite3_prepare_v2(store->db, NEXT, -1, &statements->next, NULL);
    run_sql_select(&sql);
    strbuf_puts(&sql, CHILDREN);
    return result ? result : sqlite_prepare(&statements->children, store, &sql);
}

static int bind_text(struct sqlite3_stmt *statement, int index, const char *text)
{
    return sqlite3_bind_text(statement, index, text, -1, SQLITE_STATIC);
}

static int bind_parent(struct sqlite3_stmt *statement, const struct run_parent *parent)
{
    int result = bind_text(statement, 1, parent->run_id);

    if (!result && sqlite3_bind_parameter_count(statement) > 1)
        result = bind_text(statement, 2, parent->start_time ? parent->start_time : "");
    if (!result && sqlite3_bind_parameter_count(statement) > 2)
        result = sqlite3_bind_int64(statement, 3, parent->id);
    return result;
}

/* Ask a question about a parent whose answer is 0 or 1. */
static int ask(struct sqlite3_stmt *question, const struct run_parent *parent, bool *answer)
{
    CLEANUP(statementp_reset) struct sqlite3_stmt *statement = question;
    int result = bind_parent(statement, parent);

    *answer = false;
    if (result)
        return result;
    result = sqlite3_step(statement);
    if (result != SQLITE_ROW)
        return result;
    *answer = sqlite3_column_int(statement, 0) != 0;
    return SQLITE_OK;
}

/* Bind until when children are this parent's: until the next run of its name starts, if there is one. */
static int bind_next(struct statements *statements, const struct run_parent *parent)
{
    CLEANUP(statementp_reset) struct sqlite3_stmt *next = statements->next;
    int result = bind_parent(next, parent);

    if (result)
        return result;
    result = sqlite3_step(next);
    if (result != SQLITE_ROW)
        return result == SQLITE_DONE ? SQLITE_OK : result;
    result = sqlite3_bind_value(statements->children, 4, sqlite3_column_value(next, 0));
    return result ? result
                  : sqlite3_bind_int64(statements->children, 5, sqlite3_column_int64(next, 1));
}

/* Bind which children are a parent's. */
static int bind_children(struct statements *statements, const struct run_parent *parent)
{
    bool is_named;
    bool is_first;
    int result = ask(statements->named, parent, &is_named);

    if (!result)
        result = bind_parent(statements->children, parent);
    if (!result)
        result = bind_text(statements->children, 6, parent->event_id);
    if (result || !is_named) /* most runs: nothing more to look up */
        return result;
    result = ask(statements->first, parent, &is_first);
    if (!result && is_first)
        result = bind_text(statements->children, 2, ""); /* it has the earlier ones too */
    return result ? result : bind_next(statements, parent);
}

struct children {
    run_child_fn *each;
    void *arg;
    bool is_over;
};

static int hand_on(struct statements *statements, const struct run_parent *parent, size_t index,
                   struct children *children)
{
    CLEANUP(statementp_reset) struct sqlite3_stmt *statement = statements->children;
    int result = bind_children(statements, parent);

    while (!result && !children->is_over && (result = sqlite3_step(statement)) == SQLITE_ROW) {
        CLEANUP(record_clear) struct tel_record child = RECORD();

        result = sqlite_read_record(statement, &child);
        if (!result)
            children->is_over = children->each(children->arg, index, &child) != 0;
    }
    return result == SQLITE_DONE ? SQLITE_OK : result;
}

tel_error store_children(struct store *store, const struct run_parent *parents, size_t count,
                         run_child_fn *each, void *arg, tel_fault *fault)
{
    CLEANUP(statements_free) struct statements statements = {0};
    struct children children = {.each = each, .arg = arg};
    tel_error error = sqlite_ready(store, fault);
    int result;

    if (error)
        return error;
    result = prepare(&statements, store);
    for (size_t i = 0; i < count && !result && !children.is_over; i++)
        result = hand_on(&statements, &parents[i], i, &children);
    return sqlite_fault(store, result, "read", fault);
}
