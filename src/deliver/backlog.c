/* SPDX-License-Identifier: MIT */
#include "deliver/backlog.h"

#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "deliver/buffer_name.h"

struct counting {
    struct backlog *backlog;
    const char *directory;
};

static bool is_waiting(const char *name)
{
    return buffer_name_is_active(name) || buffer_name_is_ready(name);
}

static int count_file(void *arg, const char *name)
{
    struct counting *counting = arg;
    CLEANUP(freep) char *path = path_join(counting->directory, name);
    struct stat status;

    if (!path || lstat(path, &status))
        return 0; /* it was delivered a moment ago */
    counting->backlog->files++;
    counting->backlog->ready_files += buffer_name_is_ready(name);
    counting->backlog->bytes += status.st_size;
    return 0;
}

tel_error backlog_count(struct backlog *backlog, const char *directory, tel_fault *fault)
{
    struct counting counting = {.backlog = backlog, .directory = directory};

    *backlog = (struct backlog){0};
    return directory_each(directory, is_waiting, count_file, &counting, fault);
}
