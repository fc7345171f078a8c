/* SPDX-License-Identifier: MIT
 *
 * To be preloaded: keeps what a power cut cannot take any more. What is synced is copied into the
 * directory DURABLE_DIR: of a file its bytes, as {inode}; of a directory its names and their inodes, as
 * {inode}.names. synced_disk.py makes of it what a power cut may leave.
 */
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PATH_BYTES 4096

static void make_path(char path[PATH_BYTES], ino_t inode, const char *ending)
{
    (void)snprintf(path, PATH_BYTES, "%s/%ju%s", getenv("DURABLE_DIR"), (uintmax_t)inode, ending);
}

static void keep_bytes(FILE *copy, int fd)
{
    char name[64];
    char bytes[65536];
    ssize_t count;
    int file;

    (void)snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    file = open(name, O_RDONLY | O_CLOEXEC); /* it may be open for writing only */
    while ((count = read(file, bytes, sizeof bytes)) > 0)
        (void)fwrite(bytes, 1, (size_t)count, copy);
    (void)close(file);
}

static void keep_names(FILE *copy, int fd)
{
    DIR *directory = fdopendir(openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    const struct dirent *entry;

    while (directory && (entry = readdir(directory)) != NULL) {
        if (entry->d_name[0] != '.')
            (void)fprintf(copy, "%ju %s\n", (uintmax_t)entry->d_ino, entry->d_name);
    }
    if (directory)
        (void)closedir(directory);
}

/* A copy is whole or not there, whenever the process is killed. */
static void keep(int fd, const struct stat *status)
{
    bool is_directory = S_ISDIR(status->st_mode);
    char path[PATH_BYTES];
    char unfinished[PATH_BYTES];
    FILE *copy;

    make_path(path, status->st_ino, is_directory ? ".names" : "");
    make_path(unfinished, status->st_ino, ".unfinished");
    copy = fopen(unfinished, "we");
    if (!copy)
        return;
    if (is_directory)
        keep_names(copy, fd);
    else
        keep_bytes(copy, fd);
    if (fclose(copy) == 0)
        (void)rename(unfinished, path);
}

/* One after the other, so that a later copy has no less than an earlier one. */
static int synced(int fd, int result)
{
    struct stat status;
    char path[PATH_BYTES];
    int lock;

    if (result || !getenv("DURABLE_DIR") || fstat(fd, &status))
        return result;
    (void)snprintf(path, sizeof path, "%s/lock", getenv("DURABLE_DIR"));
    lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (flock(lock, LOCK_EX) == 0)
        keep(fd, &status);
    (void)close(lock);
    return result;
}

int fsync(int fd)
{
    return synced(fd, (int)syscall(SYS_fsync, fd));
}

int fdatasync(int fd)
{
    return synced(fd, (int)syscall(SYS_fdatasync, fd));
}
