/* SPDX-License-Identifier: MIT
 *
 * A journal that is left beside a database's name would be rolled back into whatever file has that
 * name next. So those of the old file go with it before the new one comes.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/uuid.h"
#include "store/store.h"

static const char *const beside[] = {"-journal", "-wal", "-shm"};
#define BESIDE_COUNT (sizeof beside / sizeof *beside)

/* Without memory, too, which may be why all is given up. False: no file can have so long a name. */
static bool name_beside(char name[PATH_MAX], const char *path, size_t i)
{
    return snprintf(name, PATH_MAX, "%s%s", path, beside[i]) < PATH_MAX;
}

void store_remove(const char *path)
{
    (void)unlink(path);
    for (size_t i = 0; i < BESIDE_COUNT; i++) {
        char name[PATH_MAX];

        if (name_beside(name, path, i))
            (void)unlink(name);
    }
}

static char *name_for_old(const char *target)
{
    char date[9];
    char time[7];
    char random[9];
    char *name;

    timestamp_compact(date, time, clock_now_us());
    random_hex8(random);
    return asprintf(&name, "%s.%sT%sZ-%s.replaced", target, date, time, random) < 0 ? NULL : name;
}

/* Give the old file a second name, so that the first is never missing. */
static tel_error keep_file(char **kept, const char *target, tel_fault *fault)
{
    CLEANUP(freep) char *name = name_for_old(target);

    if (!name)
        return fault_nomem(fault);
    if (link(target, name)) {
        if (errno == ENOENT)
            return TEL_OK;
        return fault_errno(fault, TEL_E_IO, "cannot keep %s as %s", target, name);
    }
    *kept = steal(&name);
    return TEL_OK;
}

/* Move what is beside a file to its new name, or, without one, out of the way of any. */
static tel_error move_beside(const char *path, const char *new_path, tel_fault *fault)
{
    for (size_t i = 0; i < BESIDE_COUNT; i++) {
        char from[PATH_MAX];
        char to[PATH_MAX];

        if (!name_beside(from, path, i) || (access(from, F_OK) && errno == ENOENT))
            continue;
        if (!name_beside(to, new_path ? new_path : path, i))
            return fault_set(fault, TEL_E_IO, "cannot move %s away: its name is too long", from);
        if (new_path ? rename(from, to) : unlink(from))
            return fault_errno(fault, TEL_E_IO, "cannot move %s away", from);
    }
    return TEL_OK;
}

/* The old file stays what it was: its second name goes, when nothing that is beside it needs that. */
static void give_up(const char *target, char **kept)
{
    if (!*kept || move_beside(*kept, target, NULL))
        return;
    (void)unlink(*kept);
    free(*kept);
    *kept = NULL;
}

/* Let SQLite finish what a killed writer left beside the old file, so that it is whole without. A file
 * that is none of ours is replaced as it is. */
static tel_error settle(const char *target, tel_fault *fault)
{
    const struct store_options options = {.path = target};
    struct store *store;
    tel_error error;

    if (access(target, F_OK))
        return TEL_OK;
    error = store_open(&store, &options, fault);
    if (!error)
        store_close(store);
    return error == TEL_E_BUSY || error == TEL_E_NOMEM ? error : TEL_OK;
}

tel_error store_install(char **kept, const char *path, const char *target, tel_fault *fault)
{
    CLEANUP(freep) char *directory = path_directory(target);
    tel_error error = directory ? settle(target, fault) : fault_nomem(fault);

    *kept = NULL;
    if (!error)
        error = keep_file(kept, target, fault);
    if (!error)
        error = move_beside(target, *kept, fault);
    if (!error)
        error = directory_sync(directory, fault);
    if (!error && rename(path, target))
        error = fault_errno(fault, TEL_E_IO, "cannot rename %s to %s", path, target);
    if (!error)
        return directory_sync(directory, fault);
    give_up(target, kept);
    return error;
}
