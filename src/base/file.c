/* SPDX-License-Identifier: MIT */
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/strbuf.h"

#define LOCK_POLL_MS 2
#define READ_CHUNK_BYTES ((size_t)64 * 1024)

char *path_join(const char *directory, const char *name)
{
    size_t length = strlen(directory);
    char *path;

    while (length > 0 && directory[length - 1] == '/')
        length--;
    if (asprintf(&path, "%.*s/%s", (int)length, directory, name) < 0)
        return NULL;
    return path;
}

const char *directory_for_now(void)
{
    const char *directory = getenv("TMPDIR");

    return directory && *directory == '/' ? directory : "/tmp";
}

char *path_directory(const char *path)
{
    const char *slash = strrchr(path, '/');

    if (!slash)
        return strdup(".");
    return strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

static mode_t directory_mode(enum file_access access)
{
    return access == FILE_GROUP_TOO ? 0770 : 0700;
}

static mode_t file_mode(enum file_access access)
{
    return access == FILE_GROUP_TOO ? 0660 : 0600;
}

/* Make one directory whose parent is there, and its name durable: what is synced in a directory that
 * is lost is lost with it. */
static tel_error make_one(const char *path, enum file_access access, tel_fault *fault)
{
    struct stat status;

    if (mkdir(path, directory_mode(access)) == 0) {
        CLEANUP(freep) char *parent = path_directory(path);

        if (chmod(path, directory_mode(access)))
            return fault_errno(fault, TEL_E_IO, "cannot set the mode of directory %s", path);
        return parent ? directory_sync(parent, fault) : fault_nomem(fault);
    }
    if (errno == EEXIST && stat(path, &status) == 0 && S_ISDIR(status.st_mode))
        return TEL_OK;
    return fault_errno(fault, TEL_E_IO, "cannot make directory %s", path);
}

tel_error directory_make(const char *path, enum file_access access, tel_fault *fault)
{
    CLEANUP(freep) char *partial = NULL;
    struct stat status;

    if (!*path)
        return fault_set(fault, TEL_E_INVALID, "the name of a directory is empty");
    if (stat(path, &status) == 0 && S_ISDIR(status.st_mode))
        return TEL_OK;
    partial = strdup(path);
    if (!partial)
        return fault_nomem(fault);
    for (char *slash = strchr(partial + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        tel_error error;

        *slash = '\0';
        error = make_one(partial, access, fault);
        if (error)
            return error;
        *slash = '/';
    }
    return make_one(path, access, fault);
}

tel_error directory_sync(const char *path, tel_fault *fault)
{
    CLEANUP(closep) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0 || fsync(fd))
        return fault_errno(fault, TEL_E_IO, "cannot sync directory %s", path);
    return TEL_OK;
}

/* Say what stands in the way of opening `path`, as errno tells. */
static tel_error open_fault(const char *path, tel_fault *fault)
{
    if (errno == ENOENT)
        return fault_errno(fault, TEL_E_NOT_FOUND, "cannot open %s", path);
    if (errno == ELOOP)
        return fault_set(fault, TEL_E_CORRUPT, "%s is a symbolic link; it must be a file", path);
    if (errno == EISDIR || errno == ENXIO)
        return fault_set(fault, TEL_E_CORRUPT, "%s is no regular file; move it away", path);
    return fault_errno(fault, TEL_E_IO, "cannot open %s", path);
}

tel_error file_check_owner(const struct stat *status, const char *path, enum file_access access,
                           tel_fault *fault)
{
    if (access == FILE_OWNER_ONLY && status->st_uid != geteuid() && status->st_uid != 0 &&
        geteuid() != 0)
        return fault_set(fault, TEL_E_CORRUPT,
                         "%s belongs to user %u; to share files set TELEMETRY_GROUP_ACCESS=true",
                         path, (unsigned)status->st_uid);
    return TEL_OK;
}

static tel_error check_opened(int fd, const char *path, enum file_access access, tel_fault *fault)
{
    struct stat status;

    if (fstat(fd, &status))
        return fault_errno(fault, TEL_E_IO, "cannot examine %s", path);
    if (!S_ISREG(status.st_mode))
        return fault_set(fault, TEL_E_CORRUPT, "%s is no regular file; move it away", path);
    if (status.st_nlink > 1)
        return fault_set(fault, TEL_E_CORRUPT,
                         "%s has a second name (hard link); it must be a file of its own", path);
    return file_check_owner(&status, path, access, fault);
}

int fd_above_stdio(int fd)
{
    int moved;
    int error;

    if (fd < 0 || fd > STDERR_FILENO)
        return fd;
    moved = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    error = errno;
    (void)close(fd);
    errno = error;
    return moved;
}

tel_error file_open(int *fd, const char *path, int flags, enum file_access access, bool *created,
                    tel_fault *fault)
{
    int common = (flags & ~O_CREAT) | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
    CLEANUP(closep) int opened = open(path, common);
    bool made = false;
    tel_error error;

    if (opened < 0 && errno == ENOENT && (flags & O_CREAT)) {
        opened = open(path, common | O_CREAT | O_EXCL, file_mode(access));
        made = opened >= 0;
        if (opened < 0 && errno == EEXIST)
            opened = open(path, common); /* somebody was faster */
    }
    opened = fd_above_stdio(opened);
    if (opened < 0)
        return open_fault(path, fault);
    if (made && fchmod(opened, file_mode(access)))
        return fault_errno(fault, TEL_E_IO, "cannot set the mode of %s", path);
    error = check_opened(opened, path, access, fault);
    if (error)
        return error;
    if (created)
        *created = made;
    *fd = opened;
    opened = -1;
    return TEL_OK;
}

bool file_is_at(int fd, const char *path)
{
    struct stat by_fd;
    struct stat by_name;

    return fstat(fd, &by_fd) == 0 && lstat(path, &by_name) == 0 && by_fd.st_ino == by_name.st_ino &&
           by_fd.st_dev == by_name.st_dev;
}

tel_error file_write(int fd, const char *path, const void *bytes, size_t count, tel_fault *fault)
{
    const char *next = bytes;

    while (count > 0) {
        ssize_t written = write(fd, next, count);

        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return fault_errno(fault, TEL_E_IO, "cannot write to %s", path);
        next += written;
        count -= (size_t)written;
    }
    return TEL_OK;
}

tel_error file_lock(int fd, const char *path, struct deadline deadline, tel_fault *fault)
{
    while (flock(fd, LOCK_EX | LOCK_NB)) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return fault_errno(fault, TEL_E_IO, "cannot lock %s", path);
        if (deadline_left_ms(deadline) == 0)
            return fault_set(fault, TEL_E_BUSY, "%s is locked by another process", path);
        deadline_sleep(deadline, LOCK_POLL_MS);
    }
    return TEL_OK;
}

void file_releasep(const int *fd)
{
    if (*fd < 0)
        return;
    (void)flock(*fd, LOCK_UN);
    (void)close(*fd);
}

tel_error file_sync(int fd, const char *path, tel_fault *fault)
{
    if (fsync(fd))
        return fault_errno(fault, TEL_E_IO, "cannot sync %s", path);
    return TEL_OK;
}

tel_error file_rename(const char *from, const char *to, tel_fault *fault)
{
    CLEANUP(freep) char *directory = path_directory(to);

    if (!directory)
        return fault_nomem(fault);
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE)) {
        if (errno == EEXIST)
            return fault_errno(fault, TEL_E_EXISTS, "cannot rename %s to %s", from, to);
        return fault_errno(fault, TEL_E_IO, "cannot rename %s to %s", from, to);
    }
    return directory_sync(directory, fault);
}

struct line_reader {
    struct strbuf text; /* the beginning of a line whose end was not read yet */
    bool overlong;
    file_line_fn *each;
    void *arg;
};

/* Add to the line as much as still fits. */
static void reader_add(struct line_reader *reader, const char *bytes, size_t count)
{
    size_t room = FILE_LINE_BYTES_MAX - reader->text.length;

    if (count > room)
        reader->overlong = true;
    strbuf_append(&reader->text, bytes, count < room ? count : room);
}

/* Hand the line on and begin the next. Returns the callback's wish to stop. */
static int reader_end_line(struct line_reader *reader, bool newline)
{
    int stop = reader->each(reader->arg, reader->text.text, reader->text.length,
                            newline && !reader->overlong);

    strbuf_reset(&reader->text);
    reader->overlong = false;
    return stop;
}

/* Take in what was read. Returns the callback's wish to stop. */
static int reader_feed(struct line_reader *reader, const char *chunk, size_t count)
{
    const char *end = chunk + count;

    while (chunk < end) {
        const char *newline = memchr(chunk, '\n', (size_t)(end - chunk));

        reader_add(reader, chunk, (size_t)((newline ? newline : end) - chunk));
        if (strbuf_failed(&reader->text) || !newline)
            return 0;
        if (reader_end_line(reader, /* newline= */ true))
            return 1;
        chunk = newline + 1;
    }
    return 0;
}

static void reader_clear(struct line_reader *reader)
{
    strbuf_clear(&reader->text);
}

tel_error file_each_line(int fd, const char *path, file_line_fn *each, void *arg, tel_fault *fault)
{
    return file_each_line_in(fd, path, INT64_MAX, each, arg, fault);
}

tel_error file_each_line_in(int fd, const char *path, int64_t bytes, file_line_fn *each, void *arg,
                            tel_fault *fault)
{
    CLEANUP(reader_clear)
    struct line_reader reader = {.text = STRBUF(FILE_LINE_BYTES_MAX), .each = each, .arg = arg};
    CLEANUP(freep) char *chunk = malloc(READ_CHUNK_BYTES);

    if (!chunk)
        return fault_nomem(fault);
    while (bytes > 0) {
        size_t wanted = (uint64_t)bytes < READ_CHUNK_BYTES ? (size_t)bytes : READ_CHUNK_BYTES;
        ssize_t count = read(fd, chunk, wanted);

        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return fault_errno(fault, TEL_E_IO, "cannot read %s", path);
        if (count == 0)
            break;
        bytes -= count;
        if (reader_feed(&reader, chunk, (size_t)count))
            return TEL_OK;
        if (strbuf_failed(&reader.text))
            return fault_nomem(fault);
    }
    if (reader.text.length > 0)
        (void)reader_end_line(&reader, /* newline= */ false);
    return TEL_OK;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

struct names {
    char **items;
    size_t count;
    size_t capacity;
};

static void names_clear(struct names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->items[i]);
    free(names->items);
}

static bool names_add(struct names *names, const char *name)
{
    char *copy = strdup(name);

    if (copy && names->count == names->capacity) {
        size_t capacity = names->capacity ? names->capacity * 2 : 16;
        char **items = reallocarray(names->items, capacity, sizeof *items);

        if (!items) {
            free(copy);
            return false;
        }
        names->items = items;
        names->capacity = capacity;
    }
    if (copy)
        names->items[names->count++] = copy;
    return copy != NULL;
}

static void closedirp(DIR **directory)
{
    if (*directory)
        (void)closedir(*directory);
}

tel_error directory_each(const char *path, bool (*wanted)(const char *name), tel_text_fn *each,
                         void *arg, tel_fault *fault)
{
    CLEANUP(closedirp) DIR *directory = opendir(path);
    CLEANUP(names_clear) struct names names = {0};
    struct dirent *entry;

    if (!directory)
        return errno == ENOENT ? TEL_OK
                               : fault_errno(fault, TEL_E_IO, "cannot read directory %s", path);
    while ((errno = 0, entry = readdir(directory)) != NULL) {
        if (wanted(entry->d_name) && !names_add(&names, entry->d_name))
            return fault_nomem(fault);
    }
    if (errno)
        return fault_errno(fault, TEL_E_IO, "cannot read directory %s", path);
    if (names.count > 1)
        qsort(names.items, names.count, sizeof *names.items, by_name);
    for (size_t i = 0; i < names.count; i++) {
        if (each(arg, names.items[i]))
            break;
    }
    return TEL_OK;
}
