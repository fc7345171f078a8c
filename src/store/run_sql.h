/* SPDX-License-Identifier: MIT
 *
 * SQL text for runs, made from run_fields[]. The parameter ?N of every statement is the field of
 * index N - 1, and the columns of a SELECT come in the order of the fields, so that binding and
 * reading are loops over the table too.
 */
#ifndef STORE_RUN_SQL_H
#define STORE_RUN_SQL_H

#include "base/strbuf.h"
#include "model/run_fields.h"

/* No statement of ours comes near it. */
#define SQL_BYTES_MAX ((size_t)64 * 1024)

/* Append the statement that makes the table agent_runs. */
void run_sql_create_table(struct strbuf *sql);

/* Those that write say OR FAIL: one that is refused has changed nothing yet, and SQLite need not keep
 * a copy of each page that it touches in case it had to be undone by itself.
 *
 * Append "INSERT INTO agent_runs (...) VALUES (...)" for all columns but the id. */
void run_sql_insert(struct strbuf *sql);

/* Append the statement that sets the fields of `set` in the row whose id is ?1. */
void run_sql_update(struct strbuf *sql, field_set set);

/* Append "SELECT ... FROM agent_runs", all columns. */
void run_sql_select(struct strbuf *sql);

/* Append the same of the runs whose ids are in the JSON array ?1, in its order. */
void run_sql_select_each(struct strbuf *sql);

#endif
