/* SPDX-License-Identifier: MIT */
#include "cli/table.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define GAP_COLUMNS 2
#define SHRUNK_COLUMNS_MIN 8
#define WIDTH_MAX 200 /* of all columns but the last, however long a text is */

void table_clear(struct table *table)
{
    for (size_t i = 0; i < table->cell_count; i++)
        free(table->cells[i].text);
    free(table->cells);
    table->cells = NULL;
    table->cell_count = table->capacity = 0;
    table->failed = false;
}

static bool reserve(struct table *table)
{
    size_t capacity = table->capacity ? 2 * table->capacity : 64;
    struct table_cell *cells;

    if (table->cell_count < table->capacity)
        return true;
    cells = reallocarray(table->cells, capacity, sizeof *cells);
    if (!cells)
        return false;
    table->cells = cells;
    table->capacity = capacity;
    return true;
}

void table_add(struct table *table, enum style style, const char *text)
{
    char *copy = text ? strdup(text) : NULL;

    if (!copy || !reserve(table)) {
        free(copy);
        table->failed = true;
        return;
    }
    table->cells[table->cell_count++] = (struct table_cell){copy, style};
}

static void measure(const struct table *table, size_t widths[TABLE_COLUMNS_MAX])
{
    for (size_t i = 0; i < table->column_count; i++)
        widths[i] = screen_columns(table->columns[i].title);
    for (size_t i = 0; i < table->cell_count; i++) {
        size_t *width = &widths[i % table->column_count];
        size_t columns = screen_columns(table->cells[i].text);

        *width = columns > *width ? columns : *width;
    }
    for (size_t i = 0; i + 1 < table->column_count; i++)
        widths[i] = widths[i] < WIDTH_MAX ? widths[i] : WIDTH_MAX;
}

/* Return the widest column that may still shrink, or -1. */
static int widest(const struct table *table, const size_t widths[TABLE_COLUMNS_MAX])
{
    int found = -1;

    for (size_t i = 0; i < table->column_count; i++) {
        if (table->columns[i].shrinks && widths[i] > SHRUNK_COLUMNS_MIN &&
            (found < 0 || widths[i] > widths[found]))
            found = (int)i;
    }
    return found;
}

static void shrink(const struct table *table, size_t limit, size_t widths[TABLE_COLUMNS_MAX])
{
    size_t total = (table->column_count - 1) * GAP_COLUMNS;
    int column;

    for (size_t i = 0; i < table->column_count; i++)
        total += widths[i];
    while (total > limit && (column = widest(table, widths)) >= 0) {
        widths[column]--;
        total--;
    }
}

static void append_spaces(struct strbuf *buf, size_t count)
{
    for (; count; count--)
        strbuf_putc(buf, ' ');
}

static void append_cell(const struct screen *screen, struct strbuf *buf, enum style style,
                        const char *text, size_t width, bool is_last)
{
    const char *mark = screen->utf8 ? "\xe2\x80\xa6" : "."; /* an ellipsis */
    size_t columns = screen_columns(text);
    char *cut = NULL;

    if (columns > width) {
        cut = strndup(text, screen_fit(text, width - 1));
        if (!cut)
            return;
        columns = screen_columns(cut) + 1;
    }
    screen_append(screen, buf, style, cut ? cut : text);
    if (cut)
        strbuf_puts(buf, mark);
    free(cut);
    if (is_last)
        strbuf_putc(buf, '\n');
    else
        append_spaces(buf, width - columns + GAP_COLUMNS);
}

bool table_append(const struct table *table, const struct screen *screen, struct strbuf *buf)
{
    size_t widths[TABLE_COLUMNS_MAX] = {0};
    size_t last = table->column_count - 1;

    if (table->failed || !table->column_count)
        return false;
    measure(table, widths);
    if (screen->width)
        shrink(table, screen->width, widths);
    for (size_t i = 0; i <= last; i++)
        append_cell(screen, buf, STYLE_STRONG, table->columns[i].title, widths[i], i == last);
    for (size_t i = 0; i < table->cell_count; i++) {
        size_t column = i % table->column_count;

        append_cell(screen, buf, table->cells[i].style, table->cells[i].text, widths[column],
                    column == last);
    }
    return true;
}
