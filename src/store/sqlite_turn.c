/* SPDX-License-Identifier: MIT
 *
 * Reading in turns. One transaction spares the lock of each statement, but nobody's commit gets
 * through meanwhile: whoever reads much lets go of the database now and then.
 */
#include <sqlite3.h>

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
