/* SPDX-License-Identifier: MIT
 *
 * A file that stays open between calls. The host may close its descriptor unasked, as a daemon does
 * that closes all it does not know, and may be given the number for something of its own. So it is
 * looked at before each use, and one that is not ours any more is left alone.
 */
#ifndef DELIVER_KEPT_FILE_H
#define DELIVER_KEPT_FILE_H

#include "base/file.h"

struct kept_file {
    int fd; /* -1: none */
    dev_t device;
    ino_t inode;
};

#define KEPT_FILE ((struct kept_file){.fd = -1})

/* As file_open(). */
tel_error kept_file_open(struct kept_file *file, const char *path, int flags,
                         enum file_access access, bool *created, tel_fault *fault);

/* Is it still open, and what `path` names? */
bool kept_file_is_at(const struct kept_file *file, const char *path);

/* Close it. A lock stays with whoever else has a copy of the descriptor: a forked child does not
 * unlock its parent's file by this. */
void kept_file_close(struct kept_file *file);

/* Unlock and close it. */
void kept_file_release(struct kept_file *file);

#endif
