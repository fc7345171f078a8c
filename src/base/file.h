/* SPDX-License-Identifier: MIT
 *
 * Files as the audit trail, the buffer and the locks need them: private by default, never through a
 * planted link, FIFO or somebody else's file, and durable when the call says so.
 */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/clock.h"
#include "base/error.h"

struct stat;

/* Who may use what we create: the owner alone (0600, 0700), or the group too (0660, 0770). */
enum file_access { FILE_OWNER_ONLY, FILE_GROUP_TOO };

/* Join with exactly one '/'. NULL: out of memory. The caller frees it. */
char *path_join(const char *directory, const char *name);

/* Where files that nobody keeps go: TMPDIR, unless that depends on where one is, else /tmp. */
const char *directory_for_now(void);

/* Return a copy of the directory part ("." when there is none). The caller frees it. */
char *path_directory(const char *path);

/* Make a directory and those above it, as far as they are missing. */
tel_error directory_make(const char *path, enum file_access access, tel_fault *fault);

/* Make the names in a directory durable. */
tel_error directory_sync(const char *path, tel_fault *fault);

/* Move a descriptor that is one of 0 to 2: where the host has closed those, what it prints would go into
 * it. Returns the one to use instead; -1, and errno, when none can be had, and for -1. */
int fd_above_stdio(int fd);

/*
 * Open a regular file that is ours (or root's, or the group's when access says so), with O_CLOEXEC
 * and O_NOFOLLOW; with O_CREAT its mode is set whatever the umask is. `created` (may be NULL) tells
 * whether it was made. TEL_E_NOT_FOUND when it is not there, TEL_E_CORRUPT when something else has
 * its name (a link, a FIFO, a directory, a file with a second name).
 */
tel_error file_open(int *fd, const char *path, int flags, enum file_access access, bool *created,
                    tel_fault *fault);

/* TEL_E_CORRUPT when a file is somebody else's, by the rule of file_open(). */
tel_error file_check_owner(const struct stat *status, const char *path, enum file_access access,
                           tel_fault *fault);

/* Is this open file (still) what `path` names? */
bool file_is_at(int fd, const char *path);

/* Write everything; a short write is gone on with. */
tel_error file_write(int fd, const char *path, const void *bytes, size_t count, tel_fault *fault);

/* Take an exclusive flock, waiting until the deadline. TEL_E_BUSY when it was not had. */
tel_error file_lock(int fd, const char *path, struct deadline deadline, tel_fault *fault);

/* Unlock and close, for CLEANUP(file_releasep). Closing alone would leave the lock to a forked child
 * that has a copy of the descriptor. */
void file_releasep(const int *fd);

/* Make a file's content durable. */
tel_error file_sync(int fd, const char *path, tel_fault *fault);

/* Rename, then sync the directory. An existing `to` is not overwritten (TEL_E_EXISTS). */
tel_error file_rename(const char *from, const char *to, tel_fault *fault);

/*
 * A line of a file. `whole` is false for a last one without its newline, and for one over
 * FILE_LINE_BYTES_MAX, of which only the beginning is handed on. Return non-zero to stop.
 */
#define FILE_LINE_BYTES_MAX ((size_t)20 * 1024 * 1024)
typedef int file_line_fn(void *arg, const char *line, size_t length, bool whole);

/* Hand each line to `each`, its newline cut off. */
tel_error file_each_line(int fd, const char *path, file_line_fn *each, void *arg, tel_fault *fault);

/* The same with the next `bytes` alone. */
tel_error file_each_line_in(int fd, const char *path, int64_t bytes, file_line_fn *each, void *arg,
                            tel_fault *fault);

/* Hand the names in a directory for which `wanted` is true to `each`, in byte order. A missing
 * directory has none. */
tel_error directory_each(const char *path, bool (*wanted)(const char *name), tel_text_fn *each,
                         void *arg, tel_fault *fault);

#endif
