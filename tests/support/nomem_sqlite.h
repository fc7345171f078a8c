/* SPDX-License-Identifier: MIT
 *
 * SQLite makes allocations by the thousand, among which the few of ours are not found by chance: they
 * can be told apart.
 */
#ifndef SUPPORT_NOMEM_SQLITE_H
#define SUPPORT_NOMEM_SQLITE_H

#include <sqlite3.h>

#include "support/nomem.h"

static bool nomem_spares_sqlite; /* its allocations neither fail nor count */
static sqlite3_mem_methods nomem_system;

static void *nomem_sqlite_malloc(int size)
{
    bool was_spared = nomem_is_spared;
    void *memory;

    nomem_is_spared = was_spared || nomem_spares_sqlite;
    memory = nomem_system.xMalloc(size);
    nomem_is_spared = was_spared;
    return memory;
}

static void *nomem_sqlite_realloc(void *memory, int size)
{
    bool was_spared = nomem_is_spared;

    nomem_is_spared = was_spared || nomem_spares_sqlite;
    memory = nomem_system.xRealloc(memory, size);
    nomem_is_spared = was_spared;
    return memory;
}

/* Before SQLite is used: come between it and malloc(). */
static inline void nomem_watch_sqlite(void)
{
    sqlite3_mem_methods methods;

    (void)sqlite3_config(SQLITE_CONFIG_GETMALLOC, &nomem_system);
    methods = nomem_system;
    methods.xMalloc = nomem_sqlite_malloc;
    methods.xRealloc = nomem_sqlite_realloc;
    (void)sqlite3_config(SQLITE_CONFIG_MALLOC, &methods);
}

#endif
