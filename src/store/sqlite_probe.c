/* SPDX-License-Identifier: MIT */
#include <sqlite3.h>

#include "store/database_file.h"
#include "store/sqlite.h"

/* Who has the lock shows that it is not to be had, so nobody is waited for. */
static tel_error try_lock(struct store *store, tel_fault *fault)
{
    tel_error error;
    int result;

    store->lock_deadline = deadline_in(0);
    result = sqlite_exec(store, "BEGIN IMMEDIATE; ROLLBACK");
    error = sqlite_fault(store, result, "write to", fault);
    if (error && error != TEL_E_BUSY)
        sqlite_distrust(store);
    return error;
}

tel_error store_probe(struct store *store, tel_fault *fault)
{
    tel_error error = sqlite_ready(store, fault);

    if (!error)
        error = try_lock(store, fault);
    if (!error)
        error = database_file_try_growth(store->file, STORE_PROBE_BYTES, fault);
    if (!error)
        store->health = (tel_fault){0};
    return error;
}
