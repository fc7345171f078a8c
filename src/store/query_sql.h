/* SPDX-License-Identifier: MIT
 *
 * A list's conditions as SQL. Values are only ever bound, never part of the text.
 *
 * A list is walked along one index that has its runs in the order that is asked for; conditions that
 * the index does not know are looked at run by run. Which index, follows from the conditions alone.
 */
#ifndef STORE_QUERY_SQL_H
#define STORE_QUERY_SQL_H

#include "base/strbuf.h"
#include "store/store.h"

/* Every field, every status, and the conditions that have a member of their own. */
#define QUERY_VALUES_MAX (RUN_FIELD_COUNT + QUERY_STATUSES_MAX + 10)

/* The first parameters: where the walk begins and ends, neither included, and how far it may go. */
enum query_binding {
    BIND_NONE, /* SQLite counts from 1 */
    BIND_TIME, /* created_at and id */
    BIND_ID,
    BIND_LAST_TIME,
    BIND_LAST_ID,
    BIND_LIMIT,
    BIND_NEAR = BIND_LIMIT, /* of spans: how many are near */
    BIND_FEW,               /* and how many are few */
    BIND_VALUES             /* and those that follow */
};

/* What to bind from BIND_VALUES on: borrowed from the query. */
struct query_values {
    const char *texts[QUERY_VALUES_MAX];
    int count;
};

/* TEL_E_INVALID when a query asks for what cannot be asked. */
tel_error query_check(const struct run_query *query, tel_fault *fault);

/* Does it ask for commits that begin so, not for one? */
bool query_has_commit_prefix(const struct run_query *query);

/* Append the SELECT of a walk. Its columns: created_at, id, and whether the run is one of the list. */
void query_sql_walk(struct strbuf *sql, struct query_values *values, const struct run_query *query);

/* Does a query have conditions by which spans of time can be passed over? */
bool query_has_spans(const struct run_query *query);

/* Append the SELECT of a span that begins at BIND_TIME or before (null: there is none that may hold runs
 * of the list), of where it ends (null: nowhere), whether it may hold runs of the list, and, if not, of the
 * time before which there may be some (null: never). BIND_ID null: before BIND_TIME. */
void query_sql_span(struct strbuf *sql, struct query_values *values, const struct run_query *query);

#endif
