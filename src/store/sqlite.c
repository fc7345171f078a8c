/* SPDX-License-Identifier: MIT
 *
 * The connection to SQLite: opened with the settings that keep our promises, closed when a write
 * failed (a sync that failed must not be tried again as if nothing had happened), and opened again
 * by whoever needs it next.
 *
 * A connection is never carried through a fork(): the child leaves its copy alone, since closing it
 * could roll back what the parent is writing, and opens one of its own.
 */
#include "store/sqlite.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "store/database_file.h"
#include "store/sqlite_journal.h"
#include "store/sqlite_migrate.h"

#define BUSY_POLL_MS 1
#define HOLD_MS 5

/* Of spans by their times. At 0.2 us each, neither takes long; all of ten million runs' would take 4 ms. */
#define NEAR_SPANS 1000
#define FEW_SPANS 8000

/* ---- Options --------------------------------------------------------------------------------- */

/* Return the static word that `text` is in any case, `initial` for NULL; NULL when it is none. */
static const char *choose(const char *const *words, const char *text, const char *initial)
{
    if (!text)
        return initial;
    for (; *words; words++) {
        if (strcasecmp(*words, text) == 0)
            return *words;
    }
    return NULL;
}

static tel_error take_options(struct store *store, const struct store_options *options,
                              tel_fault *fault)
{
    static const char *const journals[] = {"DELETE", "TRUNCATE", "PERSIST", "WAL", NULL};
    static const char *const syncs[] = {"FULL", "EXTRA", NULL};

    if (!options->path || !*options->path)
        return fault_set(fault, TEL_E_INVALID, "the path of the database is empty");
    store->options = *options;
    store->options.journal_mode = choose(journals, options->journal_mode, "DELETE");
    store->options.synchronous = choose(syncs, options->synchronous, "FULL");
    if (!store->options.journal_mode)
        return fault_set(fault, TEL_E_INVALID,
                         "journal mode must be DELETE, TRUNCATE, PERSIST or WAL, not \"%.40s\"",
                         options->journal_mode);
    if (!store->options.synchronous)
        return fault_set(fault, TEL_E_INVALID, "synchronous must be FULL or EXTRA, not \"%.40s\"",
                         options->synchronous);
    store->path = strdup(options->path);
    if (!store->path)
        return fault_nomem(fault);
    store->options.path = store->path;
    return TEL_OK;
}

/* ---- Connecting ------------------------------------------------------------------------------ */

void sqlite_begin_wait(struct store *store)
{
    store->lock_deadline = deadline_in(store->options.busy_timeout_ms);
    if (store->has_deadline && store->deadline.at_ms < store->lock_deadline.at_ms)
        store->lock_deadline = store->deadline;
}

/* SQLite's own handler sleeps up to 100 ms at a time, which is long beside a commit. */
static int wait_for_lock(void *arg, int attempt)
{
    const struct store *store = arg;

    (void)attempt;
    if (deadline_left_ms(store->lock_deadline) == 0)
        return 0;
    deadline_sleep(store->lock_deadline, BUSY_POLL_MS);
    return 1;
}

static tel_error find_file(struct store *store, tel_fault *fault)
{
    enum file_access access = store->options.group_access ? FILE_GROUP_TOO : FILE_OWNER_ONLY;
    CLEANUP(freep) char *file = NULL;
    CLEANUP(freep) char *directory = NULL;
    tel_error error =
        database_file_find(&file, store->path, !store->options.read_only, access, fault);

    if (error)
        return error;
    directory = path_directory(file);
    if (!directory)
        return fault_nomem(fault);
    free(store->file);
    free(store->directory);
    store->file = steal(&file);
    store->directory = steal(&directory);
    return TEL_OK;
}

/* A reader opens for writing too: it may have to roll back what a killed writer left. */
static int open_connection(struct store *store)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    int result = sqlite_journal_open(store->journal, store->file, &store->db, flags);

    if (result)
        return result;
    (void)sqlite3_busy_handler(store->db, wait_for_lock, store);
    (void)sqlite3_db_config(store->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    return sqlite_exec(store, "PRAGMA trusted_schema = OFF;"
                              "PRAGMA cell_size_check = ON;"
                              "PRAGMA foreign_keys = OFF;");
}

/* Set the journal mode. Others may be using the file in another mode, which then stays. */
static int set_journal_mode(struct store *store)
{
    char *mode = store->journal_mode;
    char sql[64];
    int result = sqlite_query_text(store, "PRAGMA journal_mode", mode, sizeof store->journal_mode);

    if (!result && !store->options.read_only &&
        strcasecmp(mode, store->options.journal_mode) != 0) {
        (void)snprintf(sql, sizeof sql, "PRAGMA journal_mode = %s", store->options.journal_mode);
        result = sqlite_query_text(store, sql, mode, sizeof store->journal_mode);
        if ((result & 0xff) == SQLITE_BUSY)
            result =
                sqlite_query_text(store, "PRAGMA journal_mode", mode, sizeof store->journal_mode);
    }
    for (char *c = mode; *c; c++) {
        if (*c >= 'a' && *c <= 'z')
            *c = (char)(*c - 'a' + 'A');
    }
    return result;
}

static int apply_settings(struct store *store)
{
    char sql[64];
    int result = set_journal_mode(store);

    (void)snprintf(sql, sizeof sql, "PRAGMA synchronous = %s; PRAGMA query_only = %d",
                   store->options.synchronous, store->options.read_only);
    return result ? result : sqlite_exec(store, sql);
}

/* Go on with a database that is ours, or can become it. */
static tel_error settle(struct store *store, int version, tel_fault *fault)
{
    tel_error error = sqlite_fault(store, apply_settings(store), "open", fault);

    store->has_summaries = store->options.migrates || version == SCHEMA_NONE || version >= 8;
    if (error || store->options.read_only)
        return error;
    if (version == SCHEMA_NONE || (version < SCHEMA_VERSION && store->options.migrates))
        error = sqlite_schema_migrate(store, fault);
    /* A writer may have been killed between its commit and its sync: nothing that is seen in this
     * database may vanish again. */
    return error ? error : directory_sync(store->directory, fault);
}

static tel_error check_access(struct store *store, int version, tel_fault *fault)
{
    if (store->options.read_only && version == SCHEMA_NONE)
        return fault_set(fault, TEL_E_NOT_FOUND, "the database %s holds no runs yet", store->path);
    if (!store->options.read_only && sqlite3_db_readonly(store->db, "main") == 1)
        return sqlite_fault(store, SQLITE_READONLY, "open", fault);
    return TEL_OK;
}

static tel_error connect_to(struct store *store, tel_fault *fault)
{
    int version = SCHEMA_NONE;
    tel_error error = find_file(store, fault);

    if (error)
        return error;
    error = sqlite_fault(store, open_connection(store), "open", fault);
    if (!error)
        error = sqlite_schema_check(store, &version, fault);
    if (!error)
        error = check_access(store, version, fault);
    if (!error && store->is_suspect)
        error = sqlite_check(store, /* full= */ false, fault);
    if (!error)
        error = settle(store, version, fault);
    if (error)
        sqlite_disconnect(store);
    else
        store->is_suspect = false;
    return error;
}

static void forget_connection(struct store *store)
{
    store->db = NULL;
    memset(store->kept, 0, sizeof store->kept);
}

void sqlite_disconnect(struct store *store)
{
    for (size_t i = 0; i < KEPT_COUNT; i++)
        statementp_free(&store->kept[i]);
    (void)sqlite3_close_v2(store->db); /* at once, or with the last of its statements */
    forget_connection(store);
}

void sqlite_distrust(struct store *store)
{
    sqlite_disconnect(store);
    store->is_suspect = true;
}

tel_error sqlite_ready(struct store *store, tel_fault *fault)
{
    sqlite_begin_wait(store);
    if (store->pid != getpid()) {
        forget_connection(store);
        store->pid = getpid();
    }
    return store->db ? TEL_OK : connect_to(store, fault);
}

/* ---- The store ------------------------------------------------------------------------------- */

void store_close(struct store *store)
{
    if (!store)
        return;
    if (store->pid == getpid())
        sqlite_disconnect(store);
    sqlite_journal_free(store->journal);
    free(store->path);
    free(store->file);
    free(store->directory);
    free(store);
}

static void storep_close(struct store **store)
{
    store_close(*store);
}

tel_error store_open(struct store **out, const struct store_options *options, tel_fault *fault)
{
    CLEANUP(storep_close) struct store *store = calloc(1, sizeof *store);
    tel_error error;

    *out = NULL;
    if (!store)
        return fault_nomem(fault);
    store->pid = getpid();
    store->hold_ms = HOLD_MS;
    store->near_spans = NEAR_SPANS;
    store->few_spans = FEW_SPANS;
    store->journal = sqlite_journal_new();
    if (!store->journal)
        return fault_nomem(fault);
    error = take_options(store, options, fault);
    if (!error)
        error = sqlite_ready(store, fault);
    if (!error)
        *out = steal(&store);
    return error;
}

void store_set_deadline(struct store *store, struct deadline deadline)
{
    store->has_deadline = true;
    store->deadline = deadline;
}

void store_lift_deadline(struct store *store)
{
    store->has_deadline = false;
}

tel_error store_health(const struct store *store, tel_fault *fault)
{
    if (store->health.code != TEL_OK && fault)
        *fault = store->health;
    return store->health.code;
}

const char *store_path(const struct store *store)
{
    return store->path;
}

const char *store_journal_mode(const struct store *store)
{
    return store->journal_mode;
}

const char *store_synchronous(const struct store *store)
{
    return store->options.synchronous;
}
