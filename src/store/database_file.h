/* SPDX-License-Identifier: MIT
 *
 * The database as a file: found, told from what is none, and made with the right mode. It is never
 * opened here. Closing any descriptor of a file drops all POSIX locks that this process holds on it,
 * and those of SQLite's connections in other threads would be among them.
 */
#ifndef STORE_DATABASE_FILE_H
#define STORE_DATABASE_FILE_H

#include "base/file.h"

/* What helps when the directory of a database cannot be used. */
#define ADVICE_PLACE "set TELEMETRY_BASE_DIR to a directory that can be written"

/*
 * Find the file behind `path`, which may be a link, and make it and its directory when `create`.
 * *out is its real name, which the caller frees. TEL_E_NOT_FOUND when it is not there, TEL_E_CORRUPT
 * when something else than a regular file is, or to `create` somebody else's, TEL_E_IO.
 */
tel_error database_file_find(char **out, const char *path, bool create, enum file_access access,
                             tel_fault *fault);

/* Make an empty file, which is a valid new database, and its directory. One that is there is left. */
tel_error database_file_make(const char *path, enum file_access access, tel_fault *fault);

/* Does the disk take `count` more bytes beyond the end of the file, and sync them? They are written to
 * another file beside it, which has no name while they are. */
tel_error database_file_try_growth(const char *path, size_t count, tel_fault *fault);

#endif
