/* SPDX-License-Identifier: MIT
 *
 * The steps from any older schema to the present one. Each is one transaction, recorded in
 * schema_migrations.
 */
#ifndef STORE_MIGRATE_H
#define STORE_MIGRATE_H

#include "base/strbuf.h"
#include "model/run_fields.h"

/* The version of a database without a table of runs. */
#define SCHEMA_NONE 0

struct migration {
    int from;
    int to;
    const char *description;
    void (*write_sql)(struct strbuf *sql);
};

/* Return the migration that starts at a version, or NULL when there is none. */
const struct migration *migration_from(int version);

/* All columns of the present schema. */
#define SCHEMA_COLUMNS (FIELD_BIT(RUN_FIELD_COUNT) - 1)

/* Return the schema version of a table of runs with these columns. Columns are believed, not what
 * was recorded: that is often behind. The service's version 6 has all columns of 7. */
int schema_version_of(field_set columns);

#endif
