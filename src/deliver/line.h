/* SPDX-License-Identifier: MIT
 *
 * One line to the end of a file that many may append to, as the audit trail and the buffer need it.
 */
#ifndef DELIVER_LINE_H
#define DELIVER_LINE_H

#include "base/file.h"
#include "base/strbuf.h"

/* A line to be built up; what does not fit could not be read back. */
#define LINE() STRBUF(FILE_LINE_BYTES_MAX)

/* Say why a line could not be built up: TEL_E_TOO_LARGE or TEL_E_NOMEM. */
tel_error line_fault(const struct strbuf *line, tel_fault *fault);

/*
 * Append `line` and its newline by a single write, so that it stays whole whoever else appends. A
 * torn last line (somebody's write was cut short) is ended first, in the same write. `fd` is open
 * for reading too, with O_APPEND. TEL_E_INVALID: the line is empty or holds a newline.
 *
 * *whole_bytes is how long the file was when a whole line was known to be its last (0 in the beginning),
 * and is moved on: a file of just that length was not written to since, and its end needs no reading.
 */
tel_error line_append(int fd, const char *path, const char *line, size_t length, off_t *whole_bytes,
                      tel_fault *fault);

#endif
