/* SPDX-License-Identifier: MIT */
#include "store/database_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

/* SQLite tells what is no database by itself, but takes a file of one byte for an empty one. A writer
 * gives its records to no file of somebody else. */
static tel_error check(const char *path, bool writing, enum file_access access, tel_fault *fault)
{
    struct stat status;

    if (stat(path, &status))
        return fault_errno(fault, TEL_E_IO, "cannot examine the database %s", path);
    if (!S_ISREG(status.st_mode))
        return fault_set(fault, TEL_E_CORRUPT,
                         "%s is %s, not a SQLite database; move it away or set TELEMETRY_DB_PATH",
                         path, S_ISDIR(status.st_mode) ? "a directory" : "no regular file");
    if (status.st_size == 1)
        return fault_set(fault, TEL_E_CORRUPT,
                         "%s is not a SQLite database; move it away or set TELEMETRY_DB_PATH",
                         path);
    return writing ? file_check_owner(&status, path, access, fault) : TEL_OK;
}

/* mknod() leaves no descriptor to be closed. The mode is set again because of the umask; SQLite gives
 * its journal the same. */
tel_error database_file_make(const char *path, enum file_access access, tel_fault *fault)
{
    CLEANUP(freep) char *directory = path_directory(path);
    mode_t mode = access == FILE_GROUP_TOO ? 0660 : 0600;
    struct stat status;
    tel_error error;

    if (!directory)
        return fault_nomem(fault);
    if (lstat(path, &status) == 0 && S_ISLNK(status.st_mode))
        return fault_set(fault, TEL_E_IO,
                         "the database %s is a symbolic link to nothing; remove it", path);
    error = directory_make(directory, access, fault);
    if (error)
        return fault_advise(fault, error, ADVICE_PLACE);
    if (mknod(path, S_IFREG | mode, 0)) {
        if (errno == EEXIST) /* somebody was faster */
            return TEL_OK;
        error = fault_errno(fault, TEL_E_IO, "cannot make the database %s", path);
        return fault_advise(fault, error, ADVICE_PLACE);
    }
    if (chmod(path, mode))
        return fault_errno(fault, TEL_E_IO, "cannot set the mode of %s", path);
    return TEL_OK;
}

tel_error database_file_find(char **out, const char *path, bool create, enum file_access access,
                             tel_fault *fault)
{
    CLEANUP(freep) char *file = realpath(path, NULL);
    tel_error error;

    if (!file && errno == ENOENT && create) {
        error = database_file_make(path, access, fault);
        if (error)
            return error;
        file = realpath(path, NULL);
    }
    if (!file && errno == ENOENT)
        return fault_set(fault, TEL_E_NOT_FOUND, "there is no database %s", path);
    if (!file)
        return fault_advise(fault,
                            fault_errno(fault, errno == ENOMEM ? TEL_E_NOMEM : TEL_E_IO,
                                        "cannot open the database %s", path),
                            ADVICE_PLACE);
    error = check(file, create, access, fault);
    if (!error)
        *out = steal(&file);
    return error;
}

/* A limit on the size of files counts from the beginning, so it is met where the file would grow. */
static tel_error write_beyond(int fd, const char *path, off_t size, size_t count, tel_fault *fault)
{
    CLEANUP(freep) char *bytes = calloc(1, count);

    if (!bytes)
        return fault_nomem(fault);
    if (lseek(fd, size, SEEK_SET) != size)
        return fault_errno(fault, TEL_E_IO, "cannot write to %s", path);
    return file_write(fd, path, bytes, count, fault);
}

tel_error database_file_try_growth(const char *path, size_t count, tel_fault *fault)
{
    CLEANUP(freep) char *trial = NULL;
    CLEANUP(closep) int fd = -1;
    struct stat status;
    tel_error error;

    if (stat(path, &status))
        return fault_errno(fault, TEL_E_IO, "cannot examine the database %s", path);
    if (asprintf(&trial, "%s.trial", path) < 0)
        return fault_nomem(fault);
    error = file_open(&fd, trial, O_RDWR | O_CREAT, FILE_OWNER_ONLY, NULL, fault);
    if (error)
        return error;
    if (unlink(trial))
        return fault_errno(fault, TEL_E_IO, "cannot remove %s", trial);
    error = write_beyond(fd, trial, status.st_size, count, fault);
    return error ? error : file_sync(fd, trial, fault);
}
