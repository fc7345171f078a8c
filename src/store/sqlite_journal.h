/* SPDX-License-Identifier: MIT
 *
 * SQLite writes its rollback journal in three small pieces for each page. Here they are joined: what
 * follows on what was written last is held until the journal is synced, which is before any page of the
 * database is written. Until then it is read from memory. The first of the two syncs of a commit is
 * made before the lock is taken that shuts out those who read.
 */
#ifndef STORE_SQLITE_JOURNAL_H
#define STORE_SQLITE_JOURNAL_H

struct sqlite3;
struct sqlite_journal;

/* NULL: out of memory. It outlives the connection that was opened with it. */
struct sqlite_journal *sqlite_journal_new(void);
void sqlite_journal_free(struct sqlite_journal *journal);

/* As sqlite3_open_v2(). Nothing is left in what SQLite knows of the process: the host may unload us. */
int sqlite_journal_open(struct sqlite_journal *journal, const char *path, struct sqlite3 **db,
                        int flags);

#endif
