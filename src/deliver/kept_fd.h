/* SPDX-License-Identifier: MIT
 *
 * A descriptor that stays open between calls. The host may close it unasked, as a daemon does that
 * closes all it does not know, and may be given the number for something of its own. So it is looked at
 * before each use, and one that is not ours any more is left alone.
 */
#ifndef DELIVER_KEPT_FD_H
#define DELIVER_KEPT_FD_H

#include "base/file.h"

struct kept_fd {
    int fd; /* -1: none */
    dev_t device;
    ino_t inode;
};

#define KEPT_FD ((struct kept_fd){.fd = -1})

/* Keep a descriptor that was just made. */
struct kept_fd kept_fd_of(int fd);

/* Open a file, as file_open() does. */
tel_error kept_fd_open(struct kept_fd *file, const char *path, int flags, enum file_access access,
                       bool *created, tel_fault *fault);

/* Does the number still stand for what was kept? */
bool kept_fd_is_ours(const struct kept_fd *kept);

/* Is it, besides, what `path` names? */
bool kept_fd_is_at(const struct kept_fd *file, const char *path);

/* Close it. A lock stays with whoever else has a copy of the descriptor: a forked child does not
 * unlock its parent's file by this. */
void kept_fd_close(struct kept_fd *kept);

/* Unlock and close it. */
void kept_fd_release(struct kept_fd *file);

#endif
