/* SPDX-License-Identifier: MIT
 *
 * The copy of a database that is kept when it is brought to a newer schema: whoever has to go back has
 * the file as it was.
 */
#ifndef STORE_SQLITE_COPY_H
#define STORE_SQLITE_COPY_H

#include "base/error.h"

struct store;

/* Copy the database as it is on the disk, while the store has begun to write and wrote nothing yet.
 * The copy is synced, but has no name of its own so far: the next one takes its place. */
tel_error sqlite_copy_make(struct store *store, tel_fault *fault);

/* Give the copy its name, beside the database, with the schema version and the time in it. Nothing is
 * overwritten. *path: the name, which the caller frees. */
tel_error sqlite_copy_name(char **path, struct store *store, int version, tel_fault *fault);

/* Remove a copy that is not needed after all. `path` NULL: it has no name yet. */
void sqlite_copy_remove(struct store *store, const char *path);

#endif
