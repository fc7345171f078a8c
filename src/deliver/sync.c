/* SPDX-License-Identifier: MIT
 *
 * Whoever works on a file holds its flock. Between finding a name and having the lock somebody else
 * may have been through with the file, so the name is looked up once more under the lock.
 *
 * A writer of the older kind may append to a file after it was renamed, because it opened it just
 * before. So a file is looked at once more when all of it was answered, and again after the rename
 * to .synced.
 */
#include "deliver/sync.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "deliver/buffer_name.h"
#include "deliver/drain.h"

#define ROUNDS_MAX 16 /* of reading a file that keeps growing */
#define NAMES_TRIED_MAX 1000

struct sync {
    struct drain_target target;
    bool is_named;   /* one file that somebody asked for */
    tel_error error; /* the first one that mattered */
    tel_fault *fault;
};

static void warn(const struct sync *sync, const char *path, const tel_fault *why)
{
    log_write(sync->target.options->log, TEL_LOG_WARNING, "buffer file %s is left as it is: %s",
              path, why->text);
}

/* Keep the first failure; the others are in the log. That nobody takes anything now concerns no file:
 * the caller is told, and that is enough. */
static void note(struct sync *sync, const char *path, const tel_fault *why)
{
    if (!sync->target.refused)
        warn(sync, path, why);
    if (!sync->error)
        sync->error = fault_set(sync->fault, why->code, "%s", why->text);
}

/* Open and lock a file that nobody works on. false: leave it to others, or as it is. */
static bool claim(struct sync *sync, int *fd, const char *path)
{
    tel_fault why;
    tel_error error = file_open(fd, path, O_RDONLY, sync->target.options->access, NULL, &why);

    if (!error)
        error = file_lock(*fd, path, deadline_in(0), &why);
    if (error == TEL_E_BUSY)
        sync->target.report->busy++;
    else if (error == TEL_E_CORRUPT && !sync->is_named)
        warn(sync, path, &why);
    else if (error && (error != TEL_E_NOT_FOUND || sync->is_named))
        note(sync, path, &why);
    return !error && file_is_at(*fd, path);
}

/* Return {directory}/{name without its state}{insertion}{state}, or NULL. The caller frees it. */
static char *path_in_state(const struct sync *sync, const char *name, const char *insertion,
                           const char *state)
{
    bool has_state = buffer_name_is_active(name) || buffer_name_is_ready(name);
    size_t stem = has_state ? (size_t)(strrchr(name, '.') - name) : strlen(name);
    char *path;

    if (asprintf(&path, "%s/%.*s%s%s", sync->target.options->directory, (int)stem, name, insertion,
                 state) < 0)
        return NULL;
    return path;
}

/* ---- Taking over active files ------------------------------------------------------------------ */

/* Has a writer that takes no lock stopped writing? */
static bool is_left_alone(struct sync *sync, int fd)
{
    struct stat status;
    int64_t written_us;
    bool is_stale;

    if (fstat(fd, &status))
        return false;
    written_us = status.st_mtim.tv_sec * US_PER_SECOND + status.st_mtim.tv_nsec / 1000;
    is_stale = clock_now_us() - written_us >= sync->target.options->stale_ms * 1000;
    sync->target.report->busy += !is_stale;
    return is_stale;
}

static int take_over(void *arg, const char *name)
{
    struct sync *sync = arg;
    CLEANUP(freep) char *active = path_join(sync->target.options->directory, name);
    CLEANUP(freep) char *ready = path_in_state(sync, name, "", BUFFER_READY);
    CLEANUP(file_releasep) int fd = -1;
    tel_fault why;
    tel_error error;

    if (!active || !ready) {
        sync->error = fault_nomem(sync->fault);
        return 1;
    }
    if (!claim(sync, &fd, active))
        return 0;
    if (!sync->is_named && !buffer_name_is_locked_kind(name) && !is_left_alone(sync, fd))
        return 0;
    error = file_rename(active, ready, &why);
    if (error && error != TEL_E_EXISTS) /* one of that name waits to be delivered first */
        note(sync, active, &why);
    return 0;
}

/* ---- Emptying ready files ---------------------------------------------------------------------- */

struct names {
    char *ready;
    char *synced;
    char *rejected;
};

static void names_clear(struct names *names)
{
    free(names->ready);
    free(names->synced);
    free(names->rejected);
    *names = (struct names){0};
}

static bool exists(const char *path)
{
    struct stat status;

    return lstat(path, &status) == 0 || errno != ENOENT;
}

/* Find out what the file will be called: older writers may use a name twice, and what is synced is
 * not overwritten. */
static tel_error choose_names(struct names *names, const struct sync *sync, const char *name,
                              tel_fault *fault)
{
    char insertion[16] = "";

    for (int i = 1; i <= NAMES_TRIED_MAX; i++) {
        names_clear(names);
        names->ready = path_join(sync->target.options->directory, name);
        names->synced = path_in_state(sync, name, insertion, BUFFER_SYNCED);
        names->rejected = path_in_state(sync, name, insertion, BUFFER_REJECTED);
        if (!names->ready || !names->synced || !names->rejected)
            return fault_nomem(fault);
        if (!exists(names->synced))
            return TEL_OK;
        (void)snprintf(insertion, sizeof insertion, ".%d", i);
    }
    return fault_set(fault, TEL_E_EXISTS, "%s and %d more of its name exist; move them away",
                     names->synced, NAMES_TRIED_MAX - 1);
}

/* Rejected lines of an earlier attempt at this file come again. */
static tel_error remove_unfinished(const struct names *names, tel_fault *fault)
{
    if (unlink(names->rejected) && errno != ENOENT)
        return fault_errno(fault, TEL_E_IO, "cannot remove %s, which is unfinished",
                           names->rejected);
    return TEL_OK;
}

static bool has_grown(int fd)
{
    struct stat status;

    return fstat(fd, &status) == 0 && status.st_size > lseek(fd, 0, SEEK_CUR);
}

static tel_error empty(struct sync *sync, int fd, const struct names *names, tel_fault *fault)
{
    bool renamed = false;
    tel_error error = remove_unfinished(names, fault);

    for (int round = 0; !error && round < ROUNDS_MAX; round++) {
        error = drain_file(&sync->target, fd, names->ready, INT64_MAX, names->rejected, fault);
        if (error || has_grown(fd))
            continue;
        if (renamed)
            return TEL_OK;
        error = file_rename(names->ready, names->synced, fault);
        renamed = !error;
        if (renamed && !has_grown(fd))
            return TEL_OK;
    }
    if (!error)
        error = fault_set(fault, TEL_E_BUSY, "somebody keeps writing to it");
    if (renamed && file_rename(names->synced, names->ready, NULL))
        log_write(sync->target.options->log, TEL_LOG_ERROR,
                  "the end of %s was not delivered: rename it to %s", names->synced, names->ready);
    return error;
}

static int empty_ready(void *arg, const char *name)
{
    struct sync *sync = arg;
    CLEANUP(names_clear) struct names names = {0};
    CLEANUP(file_releasep) int fd = -1;
    size_t rejected_before = sync->target.report->rejected;
    tel_fault why;
    tel_error error = choose_names(&names, sync, name, &why);

    if (error == TEL_OK && !claim(sync, &fd, names.ready))
        return 0;
    if (error == TEL_OK && !sync->is_named && buffer_name_is_outbox(name) &&
        !is_left_alone(sync, fd))
        return 0;
    if (error == TEL_OK)
        error = empty(sync, fd, &names, &why);
    if (error) {
        note(sync, names.ready ? names.ready : name, &why);
        return sync->target.refused;
    }
    sync->target.report->files++;
    if (sync->target.report->rejected > rejected_before)
        log_write(sync->target.options->log, TEL_LOG_WARNING,
                  "%zu records were rejected; they are in %s with the reasons",
                  sync->target.report->rejected - rejected_before, names.rejected);
    return 0;
}

tel_error buffer_sync(const struct sync_options *options, sync_deliver_fn *deliver, void *arg,
                      struct sync_report *report, tel_fault *fault)
{
    struct sync sync = {
        .target = {.options = options, .deliver = deliver, .arg = arg, .report = report},
        .fault = fault,
    };
    tel_error error;

    *report = (struct sync_report){0};
    error = directory_each(options->directory, buffer_name_is_active, take_over, &sync, fault);
    if (!error && sync.error != TEL_E_NOMEM)
        error = directory_each(options->directory, buffer_name_is_ready, empty_ready, &sync, fault);
    if (!error && !sync.target.refused && options->takes_outboxes)
        error =
            directory_each(options->directory, buffer_name_is_outbox, empty_ready, &sync, fault);
    buffer_free(sync.target.carry);
    return error ? error : sync.error;
}

static bool is_waiting(const char *name)
{
    return buffer_name_is_active(name) || buffer_name_is_ready(name);
}

static int note_one(void *arg, const char *name)
{
    (void)name;
    *(bool *)arg = true;
    return 1;
}

bool buffer_is_waiting(const char *directory)
{
    bool found = false;

    /* A directory that cannot be read is buffer_sync()'s to report. */
    return directory && (directory_each(directory, is_waiting, note_one, &found, NULL) || found);
}

/* ---- One file ---------------------------------------------------------------------------------- */

static tel_error sync_named(struct sync *sync, const char *name)
{
    CLEANUP(freep) char *ready = path_in_state(sync, name, "", BUFFER_READY);

    if (!ready)
        return fault_nomem(sync->fault);
    if (!buffer_name_is_active(name)) {
        (void)empty_ready(sync, name);
        return sync->error;
    }
    (void)take_over(sync, name);
    if (!sync->error && !sync->target.report->busy)
        (void)empty_ready(sync, strrchr(ready, '/') + 1);
    return sync->error;
}

tel_error buffer_sync_file(const struct sync_options *options, const char *path,
                           sync_deliver_fn *deliver, void *arg, struct sync_report *report,
                           tel_fault *fault)
{
    CLEANUP(freep) char *directory = path_directory(path);
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    struct sync_options own = *options;
    struct sync sync = {
        .target = {.options = &own, .deliver = deliver, .arg = arg, .report = report},
        .is_named = true,
        .fault = fault,
    };
    tel_error error;

    *report = (struct sync_report){0};
    if (!directory)
        return fault_nomem(fault);
    if (buffer_name_is_finished(name))
        return fault_set(fault, TEL_E_INVALID,
                         "%s was delivered before, as its name says; to do so again, rename it",
                         path);
    own.directory = directory;
    error = sync_named(&sync, name);
    buffer_free(sync.target.carry);
    return error;
}
