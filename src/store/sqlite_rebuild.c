/* SPDX-License-Identifier: MIT
 *
 * The new table is filled under a name of its own, the old one dropped, and the new one renamed. In
 * this order, and with the older rules for renaming, whatever refers to the table by its name is
 * neither looked at nor changed.
 */
#include "store/sqlite_rebuild.h"

#include <inttypes.h>
#include <sqlite3.h>
#include <string.h>

#include "base/cleanup.h"
#include "store/sqlite.h"

#define NEW_TABLE "telemetry_rebuilt"
#define TABLE_SQL_BYTES_MAX ((size_t)1024 * 1024)
#define OTHERS_SQL_BYTES_MAX ((size_t)64 * 1024 * 1024)
#define COLUMNS_MAX 64

/* What the old table has. */
struct shape {
    bool has[COLUMNS_MAX];      /* of the columns that are known */
    struct strbuf declarations; /* of the others: , "name" TYPE */
    struct strbuf names;        /* , "name" */
};

static void shape_clear(struct shape *shape)
{
    strbuf_clear(&shape->declarations);
    strbuf_clear(&shape->names);
}

static void put_identifier(struct strbuf *sql, const char *name)
{
    strbuf_putc(sql, '"');
    for (; *name; name++) {
        if (*name == '"')
            strbuf_putc(sql, '"');
        strbuf_putc(sql, *name);
    }
    strbuf_putc(sql, '"');
}

/* A type decides how values are compared. One that is more than words and numbers is left out. */
static bool is_plain_type(const char *type)
{
    return strspn(type, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_ (),") ==
           strlen(type);
}

static void note_column(struct shape *shape, const struct rebuilt_table *table, const char *name,
                        const char *type)
{
    for (size_t i = 0; i < table->count; i++) {
        if (sqlite3_stricmp(table->columns[i].name, name) == 0) {
            shape->has[i] = true;
            return;
        }
    }
    strbuf_puts(&shape->declarations, ",\n    ");
    put_identifier(&shape->declarations, name);
    if (is_plain_type(type))
        strbuf_printf(&shape->declarations, " %s", type);
    strbuf_puts(&shape->names, ", ");
    put_identifier(&shape->names, name);
}

static int read_shape(struct store *store, const struct rebuilt_table *table, struct shape *shape)
{
    CLEANUP(statementp_free) struct sqlite3_stmt *statement = NULL;
    CLEANUP(strbuf_clear) struct strbuf sql = STRBUF(TABLE_SQL_BYTES_MAX);
    int result;

    strbuf_printf(&sql, "SELECT name, type FROM pragma_table_info('%s')", table->name);
    result = sqlite_prepare(&statement, store, &sql);
    while (!result && (result = sqlite3_step(statement)) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(statement, 0);
        const char *type = (const char *)sqlite3_column_text(statement, 1);

        if (!name || !type)
            return SQLITE_NOMEM;
        note_column(shape, table, name, type);
        result = SQLITE_OK;
    }
    if (strbuf_failed(&shape->declarations) || strbuf_failed(&shape->names))
        return SQLITE_NOMEM;
    return result == SQLITE_DONE ? SQLITE_OK : result;
}

static void put_table(struct strbuf *sql, const struct rebuilt_table *table, const char *name,
                      const char *more)
{
    strbuf_printf(sql, "CREATE TABLE IF NOT EXISTS %s (\n", name);
    for (size_t i = 0; i < table->count; i++)
        strbuf_printf(sql, "%s    %s %s", i ? ",\n" : "", table->columns[i].name,
                      table->columns[i].declaration);
    strbuf_printf(sql, "%s\n);\n", more);
}

static const char *value_of(const struct rebuilt_column *column, bool has)
{
    if (!has)
        return column->otherwise ? column->otherwise : "NULL";
    return column->value ? column->value : column->name;
}

static void put_copy(struct strbuf *sql, const struct rebuilt_table *table,
                     const struct shape *shape)
{
    const char *more = shape->names.length > 0 ? shape->names.text : "";

    strbuf_puts(sql, "INSERT INTO " NEW_TABLE " (");
    for (size_t i = 0; i < table->count; i++)
        strbuf_printf(sql, "%s%s", i ? ", " : "", table->columns[i].name);
    strbuf_printf(sql, "%s) SELECT ", more);
    for (size_t i = 0; i < table->count; i++)
        strbuf_printf(sql, "%s%s", i ? ", " : "", value_of(&table->columns[i], shape->has[i]));
    strbuf_printf(sql, "%s FROM %s;\n", more, table->name);
}

static int count_rows(struct store *store, const char *table, int64_t *count)
{
    CLEANUP(strbuf_clear) struct strbuf sql = STRBUF(TABLE_SQL_BYTES_MAX);

    strbuf_printf(&sql, "SELECT count(*) FROM %s", table);
    return strbuf_failed(&sql) ? SQLITE_NOMEM : sqlite_query_int(store, sql.text, count);
}

/* A scan that an unsound file ends early must not pass for all of it. */
static int compare_counts(struct store *store, const struct rebuilt_table *table)
{
    int64_t before;
    int64_t after;
    int result = count_rows(store, table->name, &before);

    if (!result)
        result = count_rows(store, NEW_TABLE, &after);
    if (!result && before != after)
        result = SQLITE_CORRUPT;
    return result;
}

static int copy_rows(struct store *store, const struct rebuilt_table *table)
{
    CLEANUP(shape_clear)
    struct shape shape = {.declarations = STRBUF(TABLE_SQL_BYTES_MAX),
                          .names = STRBUF(TABLE_SQL_BYTES_MAX)};
    CLEANUP(strbuf_clear) struct strbuf sql = STRBUF(4 * TABLE_SQL_BYTES_MAX);
    int result = read_shape(store, table, &shape);

    if (result)
        return result;
    put_table(&sql, table, NEW_TABLE, shape.declarations.length > 0 ? shape.declarations.text : "");
    put_copy(&sql, table, &shape);
    result = strbuf_failed(&sql) ? SQLITE_NOMEM : sqlite_exec(store, sql.text);
    return result ? result : compare_counts(store, table);
}

/* Collect the statements that made the indexes and triggers, each with its NUL. */
static int collect_others(struct store *store, const struct rebuilt_table *table,
                          struct strbuf *others)
{
    CLEANUP(statementp_free) struct sqlite3_stmt *statement = NULL;
    CLEANUP(strbuf_clear) struct strbuf sql = STRBUF(TABLE_SQL_BYTES_MAX);
    int result;

    strbuf_printf(&sql,
                  "SELECT sql FROM sqlite_schema WHERE type IN ('index', 'trigger')"
                  " AND tbl_name = '%s' COLLATE NOCASE AND sql IS NOT NULL ORDER BY rowid",
                  table->name);
    result = sqlite_prepare(&statement, store, &sql);
    while (!result && (result = sqlite3_step(statement)) == SQLITE_ROW) {
        const char *text = (const char *)sqlite3_column_text(statement, 0);

        if (!text)
            return SQLITE_NOMEM;
        strbuf_append(others, text, strlen(text) + 1);
        result = SQLITE_OK;
    }
    if (strbuf_failed(others))
        return SQLITE_NOMEM;
    return result == SQLITE_DONE ? SQLITE_OK : result;
}

/* Run the first statement of a text. A text from a file may have more, which was never in force. */
static int run_one(struct store *store, const char *text)
{
    CLEANUP(statementp_free) struct sqlite3_stmt *statement = NULL;
    int result = sqlite3_prepare_v2(store->db, text, -1, &statement, NULL);

    if (result || !statement)
        return result;
    result = sqlite3_step(statement);
    return result == SQLITE_DONE ? SQLITE_OK : result;
}

static int restore_others(struct store *store, const struct strbuf *others)
{
    int result = SQLITE_OK;

    for (size_t at = 0; at < others->length && !result; at += strlen(others->text + at) + 1)
        result = run_one(store, others->text + at);
    return result;
}

/* Put the new table into the old one's place, which also has to go on with its numbers. */
static int replace_table(struct store *store, const struct rebuilt_table *table)
{
    CLEANUP(strbuf_clear) struct strbuf sql = STRBUF(TABLE_SQL_BYTES_MAX);
    const char *name = table->name;

    if (strstr(table->columns[0].declaration, "AUTOINCREMENT"))
        strbuf_printf(&sql,
                      "INSERT INTO sqlite_sequence (name, seq)"
                      " SELECT '" NEW_TABLE "', 0 FROM sqlite_sequence WHERE name = '%s' AND NOT"
                      " EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = '" NEW_TABLE "');\n"
                      "UPDATE sqlite_sequence SET seq = (SELECT max(seq) FROM sqlite_sequence"
                      " WHERE name IN ('%s', '" NEW_TABLE "')) WHERE name = '" NEW_TABLE "';\n",
                      name, name);
    strbuf_printf(&sql,
                  "DROP TABLE %s;\n"
                  "PRAGMA legacy_alter_table = ON;\n"
                  "ALTER TABLE " NEW_TABLE " RENAME TO %s;\n"
                  "PRAGMA legacy_alter_table = OFF;\n",
                  name, name);
    return strbuf_failed(&sql) ? SQLITE_NOMEM : sqlite_exec(store, sql.text);
}

int table_rebuild(struct store *store, const struct rebuilt_table *table)
{
    CLEANUP(strbuf_clear) struct strbuf others = STRBUF(OTHERS_SQL_BYTES_MAX);
    int result = copy_rows(store, table);

    if (!result)
        result = collect_others(store, table, &others);
    if (!result)
        result = replace_table(store, table);
    return result ? result : restore_others(store, &others);
}

int table_make(struct store *store, const struct rebuilt_table *table)
{
    CLEANUP(strbuf_clear) struct strbuf sql = STRBUF(TABLE_SQL_BYTES_MAX);

    put_table(&sql, table, table->name, "");
    return strbuf_failed(&sql) ? SQLITE_NOMEM : sqlite_exec(store, sql.text);
}
