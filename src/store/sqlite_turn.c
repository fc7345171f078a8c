/* SPDX-License-Identifier: MIT
 *
 * Reading in turns. One transaction spares the lock of each statement, but nobody's commit gets
 * through meanwhile: whoever reads much lets go of the database now and then.
 */
#include <sqlite3.h>
#include <string.h>

#include "base/cleanup.h"
#include "store/sqlite.h"

int sqlite_turn_begin(struct store *store)
{
    sqlite_begin_wait(store);
    store->has_turn_end = false;
    return sqlite_begin(store);
}

bool sqlite_turn_is_over(struct store *store)
{
    if (!store->has_turn_end) {
        store->has_turn_end = true;
        store->turn_end = deadline_in(store->hold_ms);
    }
    return deadline_left_ms(store->turn_end) == 0;
}

int sqlite_turn_pass(struct store *store)
{
    int result;

    if (!sqlite_turn_is_over(store))
        return SQLITE_OK;
    result = sqlite_commit(store);
    return result ? result : sqlite_turn_begin(store);
}

void sqlite_end_reading(struct store *store)
{
    if (!sqlite3_get_autocommit(store->db))
        (void)sqlite_exec(store, "ROLLBACK");
    if (!sqlite3_get_autocommit(store->db))
        sqlite_disconnect(store); /* its lock would hold up whoever writes */
}

tel_error store_begin_turn(struct store *store, tel_fault *fault)
{
    tel_error error = sqlite_ready(store, fault);

    if (error || strcmp(store->journal_mode, "WAL") == 0 || !sqlite3_get_autocommit(store->db))
        return error;
    return sqlite_fault(store, sqlite_turn_begin(store), "read", fault);
}

static void append_journal_mode(struct strbuf *sql)
{
    strbuf_puts(sql, "PRAGMA journal_mode");
}

/* Any program may have changed the mode since we opened the file, but not during the transaction. */
static bool may_miss_commits(struct store *store)
{
    CLEANUP(statementp_reset) struct sqlite3_stmt *mode = NULL;

    if (sqlite_keep_once(store, KEPT_JOURNAL_MODE, append_journal_mode))
        return true;
    mode = store->kept[KEPT_JOURNAL_MODE];
    return sqlite3_step(mode) != SQLITE_ROW ||
           sqlite3_stricmp((const char *)sqlite3_column_text(mode, 0), "WAL") == 0;
}

bool store_turn_is_over(struct store *store)
{
    if (!store->db || sqlite3_get_autocommit(store->db))
        return true;
    if (!store->has_turn_end && may_miss_commits(store))
        return true;
    return sqlite_turn_is_over(store);
}

void store_end_turn(struct store *store)
{
    if (store->db)
        sqlite_end_reading(store);
}
