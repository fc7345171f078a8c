/* SPDX-License-Identifier: MIT
 *
 * SQLite copies page by page, through a connection of its own: the one that has begun to write cannot
 * be read from meanwhile, and nobody else can write. Whoever is killed before the copy has its name
 * leaves one file at most, which is written anew the next time.
 */
#include "store/sqlite_copy.h"

#include <sqlite3.h>
#include <stdio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/uuid.h"
#include "store/database_file.h"
#include "store/sqlite.h"

#define NAMES_MAX 10

static void dbp_close(sqlite3 **db)
{
    (void)sqlite3_close(*db);
}

/* Return the path of the copy that has no name yet, which the caller frees. NULL: out of memory. */
static char *unnamed(const struct store *store)
{
    char *path;

    return asprintf(&path, "%s.copy", store->file) < 0 ? NULL : path;
}

static int copy_pages(sqlite3 *target, sqlite3 *source)
{
    sqlite3_backup *backup = sqlite3_backup_init(target, "main", source, "main");

    if (!backup)
        return sqlite3_extended_errcode(target);
    (void)sqlite3_backup_step(backup, -1); /* finish() has its result */
    return sqlite3_backup_finish(backup);
}

static int copy(const char *from, const char *to)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    CLEANUP(dbp_close) sqlite3 *source = NULL;
    CLEANUP(dbp_close) sqlite3 *target = NULL;
    int result = sqlite3_open_v2(from, &source, flags, NULL);

    if (!result)
        result = sqlite3_open_v2(to, &target, flags, NULL);
    if (!result)
        result = sqlite3_exec(target, "PRAGMA synchronous = EXTRA", NULL, NULL, NULL);
    return result ? result : copy_pages(target, source);
}

/* What a killed one left; its journal would be taken for one of the new file's. */
static void remove_leftovers(const char *path)
{
    char journal[4096];

    (void)unlink(path);
    if (snprintf(journal, sizeof journal, "%s-journal", path) < (int)sizeof journal)
        (void)unlink(journal);
}

tel_error sqlite_copy_make(struct store *store, tel_fault *fault)
{
    enum file_access access = store->options.group_access ? FILE_GROUP_TOO : FILE_OWNER_ONLY;
    CLEANUP(freep) char *path = unnamed(store);
    tel_error error;
    int result;

    if (!path)
        return fault_nomem(fault);
    remove_leftovers(path);
    error = database_file_make(path, access, fault);
    if (error)
        return error;
    result = copy(store->file, path);
    if (!result)
        return TEL_OK;
    remove_leftovers(path);
    if (result == SQLITE_NOMEM)
        return fault_nomem(fault);
    return fault_set(fault, TEL_E_IO,
                     "cannot keep a copy of the database %s as %s before it is brought to schema "
                     "version %d: %s; make room for it",
                     store->path, path, SCHEMA_VERSION, sqlite3_errstr(result));
}

/* Two in one second are told apart by chance. */
static char *make_name(const struct store *store, int version, bool first)
{
    char date[9];
    char time[7];
    char random[9];
    char *path;
    int length;

    timestamp_compact(date, time, clock_now_us());
    random_hex8(random);
    length = asprintf(&path, "%s.v%d-%sT%sZ%s%s.copy", store->file, version, date, time,
                      first ? "" : "-", first ? "" : random);
    return length < 0 ? NULL : path;
}

tel_error sqlite_copy_name(char **path, struct store *store, int version, tel_fault *fault)
{
    CLEANUP(freep) char *from = unnamed(store);
    tel_error error = TEL_E_EXISTS;

    *path = NULL;
    if (!from)
        return fault_nomem(fault);
    for (int i = 0; i < NAMES_MAX && error == TEL_E_EXISTS; i++) {
        CLEANUP(freep) char *to = make_name(store, version, i == 0);

        if (!to)
            return fault_nomem(fault);
        error = file_rename(from, to, fault);
        if (!error)
            *path = steal(&to);
    }
    return error;
}

void sqlite_copy_remove(struct store *store, const char *path)
{
    CLEANUP(freep) char *from = unnamed(store);

    if (from)
        remove_leftovers(from);
    if (path)
        (void)unlink(path);
}
