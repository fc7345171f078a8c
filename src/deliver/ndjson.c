/* SPDX-License-Identifier: MIT */
#include "deliver/ndjson.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "deliver/kept_fd.h"
#include "deliver/line.h"
#include "model/record_json.h"

#define US_PER_DAY (86400 * US_PER_SECOND)

/* A day's file, open. */
struct day_file {
    struct kept_fd file;
    int64_t day;       /* since 1970, UTC */
    off_t whole_bytes; /* see line_append() */
    char *path;
};

static void day_file_close(void *closing)
{
    struct day_file *day_file = closing;

    kept_fd_close(&day_file->file);
    free(day_file->path);
    free(day_file);
}

static void day_file_closep(struct day_file **day_file)
{
    if (*day_file)
        day_file_close(*day_file);
}

tel_error ndjson_init(struct ndjson *ndjson, const char *directory, enum file_access access,
                      int64_t lock_budget_ms)
{
    *ndjson = (struct ndjson){.directory = strdup(directory),
                              .access = access,
                              .lock_budget_ms = lock_budget_ms};
    idle_pool_init(&ndjson->idle);
    return ndjson->directory ? TEL_OK : TEL_E_NOMEM;
}

void ndjson_clear(struct ndjson *ndjson)
{
    if (!ndjson->directory)
        return;
    idle_pool_clear(&ndjson->idle, day_file_close);
    free(ndjson->directory);
    ndjson->directory = NULL;
}

char *ndjson_path(const struct ndjson *ndjson, const char *date)
{
    char name[32];

    (void)snprintf(name, sizeof name, "events_%.8s.ndjson", date);
    return path_join(ndjson->directory, name);
}

bool ndjson_is_daily_name(const char *name)
{
    return strncmp(name, "events_", 7) == 0 && strspn(name + 7, "0123456789") == 8 &&
           strcmp(name + 15, ".ndjson") == 0;
}

/* ---- The day's file -------------------------------------------------------------------------- */

static tel_error open_for_append(struct day_file *day_file, const struct ndjson *ndjson,
                                 tel_fault *fault)
{
    int flags = O_RDWR | O_APPEND | O_CREAT;
    tel_error error = kept_fd_open(&day_file->file, day_file->path, flags, ndjson->access,
                                   /* created= */ NULL, fault);

    if (error != TEL_E_NOT_FOUND)
        return error;
    error = directory_make(ndjson->directory, ndjson->access, fault);
    if (error)
        return error;
    return kept_fd_open(&day_file->file, day_file->path, flags, ndjson->access,
                        /* created= */ NULL, fault);
}

/* Make a new file's name durable. Whoever finds the file empty does so, before its first line: so
 * nobody's line is in a file whose name could be lost. */
static tel_error sync_name_of_new(const struct ndjson *ndjson, const struct day_file *day_file,
                                  tel_fault *fault)
{
    struct stat status;

    if (fstat(day_file->file.fd, &status))
        return fault_errno(fault, TEL_E_IO, "cannot examine %s", day_file->path);
    return status.st_size > 0 ? TEL_OK : directory_sync(ndjson->directory, fault);
}

static tel_error open_day(struct day_file **out, const struct ndjson *ndjson, int64_t us,
                          tel_fault *fault)
{
    CLEANUP(day_file_closep) struct day_file *day_file = calloc(1, sizeof *day_file);
    char date[9];
    char time[7];
    tel_error error;

    if (!day_file)
        return fault_nomem(fault);
    timestamp_compact(date, time, us);
    *day_file = (struct day_file){.file = KEPT_FD,
                                  .day = us / US_PER_DAY,
                                  .path = ndjson_path(ndjson, date)};
    if (!day_file->path)
        return fault_nomem(fault);
    error = open_for_append(day_file, ndjson, fault);
    if (!error)
        error = sync_name_of_new(ndjson, day_file, fault);
    if (!error)
        *out = steal(&day_file);
    return error;
}

/* Take one that is open already; NULL: none is. Those of yesterday, and of a file that was moved or
 * removed, are closed on the way. */
static struct day_file *take_open(struct ndjson *ndjson, int64_t us)
{
    struct day_file *day_file;

    while ((day_file = idle_pool_take(&ndjson->idle)) != NULL) {
        if (day_file->day == us / US_PER_DAY && kept_fd_is_at(&day_file->file, day_file->path))
            return day_file;
        day_file_close(day_file);
    }
    return NULL;
}

/* ---- Appending ------------------------------------------------------------------------------- */

static tel_error append(struct day_file *day_file, const char *line, size_t length,
                        struct deadline deadline, bool *unlocked, tel_fault *fault)
{
    int fd = day_file->file.fd;
    bool locked = file_lock(fd, day_file->path, deadline, NULL) == TEL_OK;
    tel_error error;

    if (unlocked)
        *unlocked = !locked;
    error = line_append(fd, day_file->path, line, length, &day_file->whole_bytes, fault);
    if (locked)
        (void)flock(fd, LOCK_UN); /* nobody shall wait for our sync */
    return error ? error : file_sync(fd, day_file->path, fault);
}

tel_error ndjson_append(struct ndjson *ndjson, int64_t us, const char *line, size_t length,
                        struct deadline deadline, bool *unlocked, tel_fault *fault)
{
    CLEANUP(day_file_closep) struct day_file *day_file = take_open(ndjson, us);
    tel_error error = day_file ? TEL_OK : open_day(&day_file, ndjson, us, fault);

    if (!error)
        error = append(day_file, line, length, deadline, unlocked, fault);
    if (!error && idle_pool_put(&ndjson->idle, day_file))
        (void)steal(&day_file);
    return error; /* what failed once is not gone on with */
}

tel_error ndjson_append_run(struct ndjson *ndjson, int64_t us, const struct tel_record *record,
                            struct deadline deadline, bool *unlocked, tel_fault *fault)
{
    CLEANUP(strbuf_clear) struct strbuf line = LINE();

    strbuf_putc(&line, '{');
    record_write_members(&line, record, ~(field_set)0, RECORD_AS_STORED);
    strbuf_puts(&line, ",\"record_type\":\"run\"}");
    if (strbuf_failed(&line))
        return line_fault(&line, fault);
    return ndjson_append(ndjson, us, line.text, line.length, deadline, unlocked, fault);
}
