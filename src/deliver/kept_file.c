/* SPDX-License-Identifier: MIT */
#include "deliver/kept_file.h"

#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

tel_error kept_file_open(struct kept_file *file, const char *path, int flags,
                         enum file_access access, bool *created, tel_fault *fault)
{
    struct stat status;
    tel_error error;

    *file = KEPT_FILE;
    error = file_open(&file->fd, path, flags, access, created, fault);
    if (error)
        return error;
    if (fstat(file->fd, &status)) {
        error = fault_errno(fault, TEL_E_IO, "cannot examine %s", path);
        (void)close(file->fd);
        file->fd = -1;
        return error;
    }
    file->device = status.st_dev;
    file->inode = status.st_ino;
    return TEL_OK;
}

static bool is_same(const struct kept_file *file, const struct stat *status)
{
    return status->st_dev == file->device && status->st_ino == file->inode;
}

/* Does the descriptor still stand for our file? */
static bool is_ours(const struct kept_file *file)
{
    struct stat status;

    return file->fd >= 0 && fstat(file->fd, &status) == 0 && is_same(file, &status);
}

bool kept_file_is_at(const struct kept_file *file, const char *path)
{
    struct stat status;

    return is_ours(file) && lstat(path, &status) == 0 && is_same(file, &status);
}

void kept_file_close(struct kept_file *file)
{
    if (is_ours(file))
        (void)close(file->fd);
    file->fd = -1;
}

void kept_file_release(struct kept_file *file)
{
    if (is_ours(file))
        (void)flock(file->fd, LOCK_UN);
    kept_file_close(file);
}
