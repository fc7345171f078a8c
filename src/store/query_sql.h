/* SPDX-License-Identifier: MIT
 *
 * A list's conditions as SQL. Values are only ever bound, never part of the text.
 */
#ifndef STORE_QUERY_SQL_H
#define STORE_QUERY_SQL_H

#include "base/strbuf.h"
#include "store/store.h"

/* Every field, every status, and the conditions that have a member of their own. */
#define QUERY_VALUES_MAX (RUN_FIELD_COUNT + QUERY_STATUSES_MAX + 10)

/* What to bind to ?1, ?2, ...: borrowed from the query. Behind the last come the numbers: after_id
 * (whether or not it is used), limit, offset. */
struct query_values {
    const char *texts[QUERY_VALUES_MAX];
    int count;
};

/* Append the SELECT for a query. TEL_E_INVALID when it asks for what cannot be asked. */
tel_error query_sql(struct strbuf *sql, struct query_values *values, const struct run_query *query,
                    tel_fault *fault);

#endif
