/* SPDX-License-Identifier: MIT
 *
 * Make a table anew in another shape, which SQLite's ALTER TABLE cannot: another primary key, other
 * checks. What others added to it stays: columns, indexes, triggers, views and tables that refer to it.
 */
#ifndef STORE_SQLITE_REBUILD_H
#define STORE_SQLITE_REBUILD_H

#include <stddef.h>

struct store;

struct rebuilt_column {
    const char *name;
    const char *declaration; /* what follows the name */
    const char *value;       /* SQL for what a row gets; NULL: what it has */
    const char *otherwise;   /* the same where the table lacks the column; NULL: null */
};

struct rebuilt_table {
    const char *name;
    const struct rebuilt_column *columns;
    size_t count;
};

/* Within a transaction. Both return SQLite's result code. */
int table_rebuild(struct store *store, const struct rebuilt_table *table);

/* Make the table where it is not there. */
int table_make(struct store *store, const struct rebuilt_table *table);

#endif
