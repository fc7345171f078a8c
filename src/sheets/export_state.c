/* SPDX-License-Identifier: MIT */
#include "sheets/export_state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

/* Read the moment. false: there is none, or it was torn by a power cut before anyone knew of it. */
static bool read_since(struct export_state *state)
{
    char text[64] = "";
    ssize_t length = pread(state->fd, text, sizeof text - 1, 0);
    char *newline = length > 0 ? strchr(text, '\n') : NULL;
    int64_t us;

    if (!newline)
        return false;
    *newline = '\0';
    if (!timestamp_parse(&us, text))
        return false;
    timestamp_format(state->since, us);
    return true;
}

static tel_error begin_now(struct export_state *state, const char *path, tel_fault *fault)
{
    CLEANUP(freep) char *directory = path_directory(path);
    char line[TEL_TIMESTAMP_SIZE + 1];
    tel_error error;

    if (!directory)
        return fault_nomem(fault);
    timestamp_format(state->since, clock_now_us());
    (void)snprintf(line, sizeof line, "%s\n", state->since);
    if (ftruncate(state->fd, 0))
        return fault_errno(fault, TEL_E_IO, "cannot write to %s", path);
    error = file_write(state->fd, path, line, strlen(line), fault);
    if (!error)
        error = file_sync(state->fd, path, fault);
    return error ? error : directory_sync(directory, fault);
}

void export_state_close(struct export_state *state)
{
    closep(&state->fd);
    state->fd = -1;
}

tel_error export_state_open(struct export_state *state, const char *database,
                            enum file_access access, struct deadline deadline, tel_fault *fault)
{
    CLEANUP(freep) char *path = NULL;
    tel_error error;

    *state = EXPORT_STATE();
    if (asprintf(&path, "%s.export", database) < 0) {
        path = NULL;
        return fault_nomem(fault);
    }
    error = file_open(&state->fd, path, O_RDWR | O_CREAT, access, NULL, fault);
    if (!error)
        error = file_lock(state->fd, path, deadline, fault);
    if (!error && !read_since(state))
        error = begin_now(state, path, fault);
    if (error)
        export_state_close(state);
    return error;
}
