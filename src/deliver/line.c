/* SPDX-License-Identifier: MIT */
#include "deliver/line.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

static tel_error fault_too_large(tel_fault *fault)
{
    return fault_set(fault, TEL_E_TOO_LARGE, "a record must fit into a line of %zu bytes",
                     FILE_LINE_BYTES_MAX);
}

tel_error line_fault(const struct strbuf *line, tel_fault *fault)
{
    return line->too_large ? fault_too_large(fault) : fault_nomem(fault);
}

/* Is there a last line that lacks its newline? */
static tel_error find_torn(bool *torn, off_t *bytes, off_t whole_bytes, int fd, const char *path,
                           tel_fault *fault)
{
    struct stat status;
    char last = '\n';

    if (fstat(fd, &status) || (status.st_size > 0 && status.st_size != whole_bytes &&
                               pread(fd, &last, 1, status.st_size - 1) < 0))
        return fault_errno(fault, TEL_E_IO, "cannot read the end of %s", path);
    *torn = last != '\n';
    *bytes = status.st_size;
    return TEL_OK;
}

/* A write that was cut short is not gone on with: somebody else's line may stand behind it. */
static tel_error write_once(int fd, const char *path, const struct strbuf *text, tel_fault *fault)
{
    ssize_t written;

    do
        written = write(fd, text->text, text->length);
    while (written < 0 && errno == EINTR);
    if (written < 0)
        return fault_errno(fault, TEL_E_IO, "cannot write to %s", path);
    if ((size_t)written < text->length)
        return fault_set(fault, TEL_E_IO,
                         "only %zd of %zu bytes could be written to %s: the disk is full or a "
                         "file-size limit reached",
                         written, text->length, path);
    return TEL_OK;
}

tel_error line_append(int fd, const char *path, const char *line, size_t length, off_t *whole_bytes,
                      tel_fault *fault)
{
    CLEANUP(strbuf_clear) struct strbuf text = STRBUF(FILE_LINE_BYTES_MAX + 2);
    bool torn = false;
    off_t bytes = 0;
    tel_error error;

    if (length > FILE_LINE_BYTES_MAX)
        return fault_too_large(fault);
    if (length == 0 || memchr(line, '\n', length))
        return fault_set(fault, TEL_E_INVALID, "a record must be one line of text");
    error = find_torn(&torn, &bytes, *whole_bytes, fd, path, fault);
    if (error)
        return error;
    if (torn)
        strbuf_putc(&text, '\n');
    strbuf_append(&text, line, length);
    strbuf_putc(&text, '\n');
    if (strbuf_failed(&text))
        return fault_nomem(fault);
    error = write_once(fd, path, &text, fault);
    *whole_bytes = error ? 0 : bytes + (off_t)text.length;
    return error;
}
