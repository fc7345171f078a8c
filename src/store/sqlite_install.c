/* SPDX-License-Identifier: MIT
 *
 * A journal that is left beside a database's name would be rolled back into whatever file has that
 * name next. So those of the old file go with it before the new one comes.
 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/uuid.h"
#include "store/store.h"

static const char *const beside[] = {"-journal", "-wal", "-shm"};
#define BESIDE_COUNT (sizeof beside / sizeof *beside)

static char *with_suffix(const char *path, const char *suffix)
{
    char *result;

    return asprintf(&result, "%s%s", path, suffix) < 0 ? NULL : result;
}

void store_remove(const char *path)
{
    (void)unlink(path);
    for (size_t i = 0; i < BESIDE_COUNT; i++) {
        CLEANUP(freep) char *name = with_suffix(path, beside[i]);

        if (name)
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

/* Move what is beside the old file to its new name, or, without one, out of the way of any. */
static tel_error move_beside(const char *target, const char *kept, tel_fault *fault)
{
    for (size_t i = 0; i < BESIDE_COUNT; i++) {
        CLEANUP(freep) char *from = with_suffix(target, beside[i]);
        CLEANUP(freep) char *to = with_suffix(kept ? kept : target, beside[i]);

        if (!from || !to)
            return fault_nomem(fault);
        if ((kept ? rename(from, to) : unlink(from)) && errno != ENOENT)
            return fault_errno(fault, TEL_E_IO, "cannot move %s away", from);
    }
    return TEL_OK;
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
    if (error)
        return error;
    if (rename(path, target))
        return fault_errno(fault, TEL_E_IO, "cannot rename %s to %s", path, target);
    return directory_sync(directory, fault);
}
