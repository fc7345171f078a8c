/* SPDX-License-Identifier: MIT
 *
 * The steps from any older schema to the present one. They are taken in one transaction, and each is
 * recorded in schema_migrations.
 */
#ifndef STORE_SQLITE_MIGRATE_H
#define STORE_SQLITE_MIGRATE_H

#include "base/strbuf.h"
#include "model/run_fields.h"

struct store;

/* The version of a database without a table of runs. */
#define SCHEMA_NONE 0

struct migration {
    int first, last; /* the versions that it starts from */
    int to;
    const char *description;
    int (*apply)(struct store *store); /* returns SQLite's result code */
};

/* Return the migration that starts at a version, or NULL when there is none. */
const struct migration *migration_from(int version);

/* All columns of the present schema, and those without which a table is not one of runs. */
#define SCHEMA_COLUMNS (FIELD_BIT(RUN_FIELD_COUNT) - 1)
#define SCHEMA_COLUMNS_LEAST \
    (FIELD_BIT(FIELD_run_id) | FIELD_BIT(FIELD_agent_name) | FIELD_BIT(FIELD_start_time))

/* Return the schema version of a table of runs with these columns, which version 8 has of 7. Columns are believed, not what
 * was recorded: that is often behind. The service's version 6 has all columns of 7. */
int schema_version_of(field_set columns);

/* Append the statements that make a new database. */
void schema_write(struct strbuf *sql);

/* Append the statement that makes the table of recorded migrations where it is not there. */
void schema_write_record(struct strbuf *sql);

/* ---- sqlite_migrate_7.c ---------------------------------------------------------------------- */

/* Bring the tables of versions 1 to 6, of the library and of the service, to those of version 7. */
int migrate_to_7(struct store *store);

/* ---- sqlite_migrate_8.c ---------------------------------------------------------------------- */

/* Bring the indexes of version 7 to those of version 8, and make its summaries. */
int migrate_to_8(struct store *store);

#endif
