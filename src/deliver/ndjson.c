/* SPDX-License-Identifier: MIT */
#include "deliver/ndjson.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "deliver/line.h"
#include "model/record_json.h"

tel_error ndjson_init(struct ndjson *ndjson, const char *directory, enum file_access access,
                      int64_t lock_budget_ms)
{
    *ndjson = (struct ndjson){.directory = strdup(directory),
                              .access = access,
                              .lock_budget_ms = lock_budget_ms};
    return ndjson->directory ? TEL_OK : TEL_E_NOMEM;
}

void ndjson_clear(struct ndjson *ndjson)
{
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

static tel_error open_for_append(int *fd, const struct ndjson *ndjson, const char *path,
                                 tel_fault *fault)
{
    int flags = O_RDWR | O_APPEND | O_CREAT;
    tel_error error = file_open(fd, path, flags, ndjson->access, NULL, fault);

    if (error != TEL_E_NOT_FOUND)
        return error;
    error = directory_make(ndjson->directory, ndjson->access, fault);
    return error ? error : file_open(fd, path, flags, ndjson->access, NULL, fault);
}

/* Make a new file's name durable. Whoever finds the file empty does so, before its first line: so
 * nobody's line is in a file whose name could be lost. */
static tel_error sync_name_of_new(const struct ndjson *ndjson, int fd, const char *path,
                                  tel_fault *fault)
{
    struct stat status;

    if (fstat(fd, &status))
        return fault_errno(fault, TEL_E_IO, "cannot examine %s", path);
    return status.st_size > 0 ? TEL_OK : directory_sync(ndjson->directory, fault);
}

tel_error ndjson_append(const struct ndjson *ndjson, const char *line, size_t length,
                        struct deadline deadline, bool *unlocked, tel_fault *fault)
{
    CLEANUP(freep) char *path = NULL;
    CLEANUP(closep) int fd = -1;
    char date[9];
    char time[7];
    bool locked;
    tel_error error;

    timestamp_compact(date, time, clock_now_us());
    path = ndjson_path(ndjson, date);
    if (!path)
        return fault_nomem(fault);
    error = open_for_append(&fd, ndjson, path, fault);
    if (!error)
        error = sync_name_of_new(ndjson, fd, path, fault);
    if (error)
        return error;

    locked = file_lock(fd, path, deadline, NULL) == TEL_OK;
    if (unlocked)
        *unlocked = !locked;
    error = line_append(fd, path, line, length, fault);
    if (locked)
        (void)flock(fd, LOCK_UN); /* nobody shall wait for our sync; closing unlocks in any case */
    return error ? error : file_sync(fd, path, fault);
}

tel_error ndjson_append_run(const struct ndjson *ndjson, const struct tel_record *record,
                            struct deadline deadline, bool *unlocked, tel_fault *fault)
{
    CLEANUP(strbuf_clear) struct strbuf line = LINE();

    strbuf_putc(&line, '{');
    record_write_members(&line, record, ~(field_set)0, RECORD_AS_STORED);
    strbuf_puts(&line, ",\"record_type\":\"run\"}");
    if (strbuf_failed(&line))
        return line_fault(&line, fault);
    return ndjson_append(ndjson, line.text, line.length, deadline, unlocked, fault);
}
