/* SPDX-License-Identifier: MIT
 *
 * A VFS in front of the system's. Only the main journal's file is ours; of the database it is told when
 * a lock is wanted, and all others are opened as if we were not there. A connection has one such
 * journal at a time, since it can attach no database: SQLite looks for the VFS of that by its name.
 */
#include "store/sqlite_journal.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HELD_MAX 32768    /* bytes; a page may be larger */
#define METHODS_VERSION 3 /* of those that we know */

struct sqlite_journal {
    struct sqlite3_vfs vfs; /* first, so that one is the other */
    struct sqlite3_vfs *system;
    char name[32];
    struct sqlite3_io_methods database; /* the system's, but for the lock */
    int (*system_lock)(struct sqlite3_file *file, int lock);
    struct sqlite3_file *file; /* of the journal; NULL: it is not open */
    bool is_synced;
    sqlite3_int64 begin; /* where in the file what is held belongs */
    size_t count;
    char held[HELD_MAX];
};

/* The system's file comes right behind it. */
struct journal_file {
    struct sqlite3_file base;
    struct sqlite_journal *journal;
};

static struct sqlite3_file *below(struct sqlite3_file *file)
{
    return (struct sqlite3_file *)((struct journal_file *)file + 1);
}

static struct sqlite_journal *journal_of(struct sqlite3_file *file)
{
    return ((struct journal_file *)file)->journal;
}

/* ---- The file -------------------------------------------------------------------------------- */

/* What could not be written stays held: the transaction is rolled back with it. */
static int flush(struct sqlite3_file *file)
{
    struct sqlite_journal *journal = journal_of(file);
    int result = SQLITE_OK;

    if (journal->count)
        result = below(file)->pMethods->xWrite(below(file), journal->held, (int)journal->count,
                                               journal->begin);
    if (!result)
        journal->count = 0;
    return result;
}

static sqlite3_int64 end_of_held(const struct sqlite_journal *journal)
{
    return journal->begin + (sqlite3_int64)journal->count;
}

static int journal_write(struct sqlite3_file *file, const void *data, int count,
                         sqlite3_int64 offset)
{
    struct sqlite_journal *journal = journal_of(file);
    size_t size = (size_t)count;
    int result;

    journal->is_synced = false;
    if (offset != end_of_held(journal) || size > HELD_MAX - journal->count) {
        result = flush(file);
        if (result)
            return result;
        journal->begin = offset;
    }
    if (size > HELD_MAX)
        return below(file)->pMethods->xWrite(below(file), data, count, offset);
    memcpy(journal->held + journal->count, data, size);
    journal->count += size;
    return SQLITE_OK;
}

/* What is held is read from there, so that a rollback needs no room on the disk. */
static int journal_read(struct sqlite3_file *file, void *data, int count, sqlite3_int64 offset)
{
    const struct sqlite_journal *journal = journal_of(file);
    int result = SQLITE_OK;

    if (offset >= journal->begin && offset + count <= end_of_held(journal)) {
        memcpy(data, journal->held + (offset - journal->begin), (size_t)count);
        return SQLITE_OK;
    }
    if (offset < end_of_held(journal) && offset + count > journal->begin)
        result = flush(file);
    return result ? result : below(file)->pMethods->xRead(below(file), data, count, offset);
}

static int journal_close(struct sqlite3_file *file)
{
    (void)flush(file); /* the database has nothing yet that what is lost here would take back */
    journal_of(file)->file = NULL;
    return below(file)->pMethods->xClose(below(file));
}

static int journal_truncate(struct sqlite3_file *file, sqlite3_int64 size)
{
    struct sqlite_journal *journal = journal_of(file);
    int result;

    journal->is_synced = false;
    if (size <= journal->begin)
        journal->count = 0;
    result = flush(file);
    return result ? result : below(file)->pMethods->xTruncate(below(file), size);
}

static int journal_sync(struct sqlite3_file *file, int flags)
{
    struct sqlite_journal *journal = journal_of(file);
    int result;

    if (journal->is_synced)
        return SQLITE_OK;
    result = flush(file);
    if (!result)
        result = below(file)->pMethods->xSync(below(file), flags);
    journal->is_synced = !result;
    return result;
}

static int journal_size(struct sqlite3_file *file, sqlite3_int64 *size)
{
    const struct sqlite_journal *journal = journal_of(file);
    int result = below(file)->pMethods->xFileSize(below(file), size);

    if (!result && journal->count && *size < end_of_held(journal))
        *size = end_of_held(journal);
    return result;
}

/* SQLite asks no more of a journal: those that it keeps in memory can do no more either. */
static const struct sqlite3_io_methods methods = {
    .iVersion = 1,
    .xClose = journal_close,
    .xRead = journal_read,
    .xWrite = journal_write,
    .xTruncate = journal_truncate,
    .xSync = journal_sync,
    .xFileSize = journal_size,
};

/* ---- The database ---------------------------------------------------------------------------- */

/* Whoever commits shuts out all others before the journal's first sync, which needs nobody shut out. So
 * that is done before. */
static int database_lock(struct sqlite3_file *file, int lock)
{
    struct sqlite_journal *journal =
        (struct sqlite_journal *)((char *)(uintptr_t)file->pMethods -
                                  offsetof(struct sqlite_journal, database));
    int result = SQLITE_OK;

    if (lock == SQLITE_LOCK_EXCLUSIVE && journal->file)
        result = journal_sync(journal->file, SQLITE_SYNC_NORMAL);
    return result ? result : journal->system_lock(file, lock);
}

static void take_database(struct sqlite_journal *journal, struct sqlite3_file *file)
{
    journal->database = *file->pMethods;
    if (journal->database.iVersion > METHODS_VERSION)
        journal->database.iVersion = METHODS_VERSION;
    journal->system_lock = journal->database.xLock;
    journal->database.xLock = database_lock;
    file->pMethods = &journal->database;
}

/* ---- The VFS --------------------------------------------------------------------------------- */

static int open_file(struct sqlite3_vfs *vfs, const char *name, struct sqlite3_file *file,
                     int flags, int *flags_out)
{
    struct sqlite_journal *journal = (struct sqlite_journal *)vfs;
    struct sqlite3_vfs *system = journal->system;
    int result;

    if (!(flags & SQLITE_OPEN_MAIN_JOURNAL)) {
        result = system->xOpen(system, name, file, flags, flags_out);
        if (flags & SQLITE_OPEN_MAIN_DB && file->pMethods)
            take_database(journal, file);
        return result;
    }
    file->pMethods = NULL;
    ((struct journal_file *)file)->journal = journal;
    result = system->xOpen(system, name, below(file), flags, flags_out);
    if (below(file)->pMethods) {
        file->pMethods = &methods;
        journal->file = file;
        journal->is_synced = false;
        journal->begin = 0;
        journal->count = 0;
    }
    return result;
}

struct sqlite_journal *sqlite_journal_new(void)
{
    struct sqlite3_vfs *system = sqlite3_vfs_find(NULL);
    struct sqlite_journal *journal = system ? malloc(sizeof *journal) : NULL;

    if (!journal)
        return NULL;
    /* All but open_file() are the system's functions, which find what they look for in the copy. */
    journal->vfs = *system;
    journal->file = NULL;
    journal->system = system;
    journal->vfs.xOpen = open_file;
    journal->vfs.szOsFile += (int)sizeof(struct journal_file);
    journal->vfs.pNext = NULL;
    (void)snprintf(journal->name, sizeof journal->name, "telemetry-%p", (void *)journal);
    journal->vfs.zName = journal->name;
    return journal;
}

void sqlite_journal_free(struct sqlite_journal *journal)
{
    free(journal);
}

int sqlite_journal_open(struct sqlite_journal *journal, const char *path, struct sqlite3 **db,
                        int flags)
{
    int result = sqlite3_vfs_register(&journal->vfs, 0);

    if (!result)
        result = sqlite3_open_v2(path, db, flags, journal->name);
    (void)sqlite3_vfs_unregister(&journal->vfs);
    return result;
}
