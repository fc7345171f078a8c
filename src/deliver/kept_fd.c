/* SPDX-License-Identifier: MIT */
#include "deliver/kept_fd.h"

#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

struct kept_fd kept_fd_of(int fd)
{
    struct kept_fd kept = {.fd = fd};
    struct stat status;

    if (fstat(fd, &status) == 0) {
        kept.device = status.st_dev;
        kept.inode = status.st_ino;
    }
    return kept;
}

tel_error kept_fd_open(struct kept_fd *file, const char *path, int flags, enum file_access access,
                       bool *created, tel_fault *fault)
{
    int fd = -1;
    tel_error error = file_open(&fd, path, flags, access, created, fault);

    *file = kept_fd_of(fd);
    return error;
}

static bool is_same(const struct kept_fd *kept, const struct stat *status)
{
    return status->st_dev == kept->device && status->st_ino == kept->inode;
}

bool kept_fd_is_ours(const struct kept_fd *kept)
{
    struct stat status;

    return kept->fd >= 0 && fstat(kept->fd, &status) == 0 && is_same(kept, &status);
}

bool kept_fd_is_at(const struct kept_fd *file, const char *path)
{
    struct stat status;

    return kept_fd_is_ours(file) && lstat(path, &status) == 0 && is_same(file, &status);
}

void kept_fd_close(struct kept_fd *kept)
{
    if (kept_fd_is_ours(kept))
        (void)close(kept->fd);
    kept->fd = -1;
}

void kept_fd_release(struct kept_fd *file)
{
    if (kept_fd_is_ours(file))
        (void)flock(file->fd, LOCK_UN);
    kept_fd_close(file);
}
