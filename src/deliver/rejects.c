/* SPDX-License-Identifier: MIT */
#include "deliver/rejects.h"

#include <fcntl.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"

/* A byte of the line takes 6 at most, as an escape. */
#define REJECT_BYTES_MAX (6 * FILE_LINE_BYTES_MAX + 4096)

void rejects_clear(struct rejects *rejects)
{
    closep(&rejects->fd);
    rejects->fd = -1;
}

/* Copy a line as a string: a NUL in it would end that, so it becomes another byte that is no text. */
static char *copy_without_nul(const char *line, size_t length)
{
    char *copy = malloc(length + 1);

    if (!copy)
        return NULL;
    for (size_t i = 0; i < length; i++)
        copy[i] = line[i] ? line[i] : '\xff';
    copy[length] = '\0';
    return copy;
}

static tel_error open_rejects(struct rejects *rejects, tel_fault *fault)
{
    if (rejects->fd >= 0)
        return TEL_OK;
    return file_open(&rejects->fd, rejects->path, O_WRONLY | O_APPEND | O_CREAT, rejects->access,
                     &rejects->created, fault);
}

tel_error rejects_add(struct rejects *rejects, const char *at, const char *reason, const char *line,
                      size_t length, tel_fault *fault)
{
    CLEANUP(strbuf_clear) struct strbuf text = STRBUF(REJECT_BYTES_MAX);
    CLEANUP(freep) char *copy = copy_without_nul(line, length);
    tel_error error = open_rejects(rejects, fault);

    if (error)
        return error;
    strbuf_putc(&text, '{');
    if (at) {
        strbuf_puts(&text, "\"at\":");
        json_write_string(&text, at);
        strbuf_putc(&text, ',');
    }
    strbuf_puts(&text, "\"reason\":");
    json_write_string(&text, reason);
    strbuf_puts(&text, ",\"line\":");
    json_write_string(&text, copy ? copy : "");
    strbuf_puts(&text, "}\n");
    if (!copy || strbuf_failed(&text))
        return fault_nomem(fault);
    return file_write(rejects->fd, rejects->path, text.text, text.length, fault);
}

tel_error rejects_sync(struct rejects *rejects, tel_fault *fault)
{
    CLEANUP(freep) char *directory = NULL;
    tel_error error;

    if (rejects->fd < 0)
        return TEL_OK;
    error = file_sync(rejects->fd, rejects->path, fault);
    if (error || !rejects->created)
        return error;
    directory = path_directory(rejects->path);
    error = directory ? directory_sync(directory, fault) : fault_nomem(fault);
    rejects->created = error != TEL_OK;
    return error;
}
