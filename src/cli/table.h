/* SPDX-License-Identifier: MIT
 *
 * Rows in columns, made to fit the terminal: columns that may shrink do, those with ids never.
 */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include "cli/screen.h"

#define TABLE_COLUMNS_MAX 12

struct table_column {
    const char *title;
    bool shrinks;
};

struct table_cell {
    char *text;
    enum style style;
};

struct table {
    const struct table_column *columns;
    size_t column_count;
    struct table_cell *cells; /* row by row */
    size_t cell_count;
    size_t capacity;
    bool failed; /* out of memory */
};

#define TABLE(columns_) \
    ((struct table){.columns = (columns_), .column_count = sizeof(columns_) / sizeof *(columns_)})

void table_clear(struct table *table);

/* Add the next cell of a row; the text must be harmless (escape.h). A failed buffer, or want of
 * memory, makes the table fail. */
void table_add(struct table *table, enum style style, const char *text);

/* Append the table; false: it failed. */
bool table_append(const struct table *table, const struct screen *screen, struct strbuf *buf);

#endif
