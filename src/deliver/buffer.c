/* SPDX-License-Identifier: MIT
 *
 * The file is made at the first append and kept open and locked until it is ready. Before each
 * append its name is looked up: when somebody removed or renamed it, a new one is begun.
 *
 * After a fork the child has the parent's struct, a descriptor that keeps the parent's lock alive,
 * and perhaps a mutex that another thread held at the fork and nobody will ever release. So whoever
 * enters compares process ids first, and a child starts over. It uses nothing that could be half
 * written at the fork but a descriptor.
 */
#include "deliver/buffer.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "deliver/buffer_line.h"
#include "deliver/buffer_name.h"
#include "deliver/kept_fd.h"
#include "deliver/line.h"
#include "deliver/rejects.h"

#define NAMES_TRIED_MAX 8

struct buffer {
    char *directory;
    enum file_access access;
    int64_t bytes_max;
    int64_t age_max_ms;

    _Atomic pid_t owner; /* whose the rest is; negative while it is being adopted */
    pthread_mutex_t mutex;
    struct kept_fd file; /* the active one */
    off_t whole_bytes;   /* of it, see line_append() */
    int64_t begun_ms;
    int64_t answered_bytes; /* of the active file, from its beginning */
    bool was_rotated;       /* since buffer_open_rest() */
    char path[PATH_MAX];
    char rejected_path[PATH_MAX]; /* of what was refused at once; "": nothing was */
};

tel_error buffer_new(struct buffer **out, const struct buffer_options *options)
{
    struct buffer *buffer;

    *out = NULL;
    if (!*options->directory || strlen(options->directory) > PATH_MAX - BUFFER_NAME_SIZE - 16)
        return TEL_E_INVALID;
    buffer = calloc(1, sizeof *buffer);
    if (!buffer)
        return TEL_E_NOMEM;
    buffer->directory = strdup(options->directory);
    if (!buffer->directory || pthread_mutex_init(&buffer->mutex, NULL)) {
        free(buffer->directory);
        free(buffer);
        return TEL_E_NOMEM;
    }
    buffer->access = options->access;
    buffer->bytes_max = options->bytes_max;
    buffer->age_max_ms = options->age_max_ms;
    buffer->file = KEPT_FD;
    atomic_store(&buffer->owner, getpid());
    *out = buffer;
    return TEL_OK;
}

/* ---- One thread at a time ---------------------------------------------------------------------- */

static void start_over(struct buffer *buffer)
{
    kept_fd_close(&buffer->file);
    buffer->rejected_path[0] = '\0';
    (void)pthread_mutex_init(&buffer->mutex, NULL);
}

static void enter(struct buffer *buffer)
{
    pid_t self = getpid();
    pid_t owner = atomic_load(&buffer->owner);

    while (owner != self) {
        if (owner == -self) { /* another thread of this child is at it */
            (void)sched_yield();
            owner = atomic_load(&buffer->owner);
        } else if (atomic_compare_exchange_strong(&buffer->owner, &owner, -self)) {
            start_over(buffer);
            atomic_store(&buffer->owner, self);
            owner = self;
        }
    }
    (void)pthread_mutex_lock(&buffer->mutex);
}

static void leave(struct buffer *buffer)
{
    (void)pthread_mutex_unlock(&buffer->mutex);
}

/* ---- The active file --------------------------------------------------------------------------- */

/* Is the active file still there under its name? */
static bool is_in_place(const struct buffer *buffer)
{
    return kept_fd_is_at(&buffer->file, buffer->path);
}

static void make_path(const struct buffer *buffer, char out[PATH_MAX], const char *state)
{
    char name[BUFFER_NAME_SIZE];

    buffer_name_make(name);
    (void)snprintf(out, PATH_MAX, "%s/%s%s", buffer->directory, name, state);
}

/* Make a file of a new name, and lock it. Somebody who found it before it was locked may take it
 * over; then *done stays false. */
static tel_error begin_file(struct buffer *buffer, bool *done, tel_fault *fault)
{
    bool created = false;
    tel_error error;

    make_path(buffer, buffer->path, BUFFER_ACTIVE);
    error = kept_fd_open(&buffer->file, buffer->path, O_RDWR | O_APPEND | O_CREAT, buffer->access,
                         &created, fault);
    if (error)
        return error;
    *done = created && flock(buffer->file.fd, LOCK_EX | LOCK_NB) == 0 && is_in_place(buffer);
    if (!*done)
        kept_fd_release(&buffer->file);
    return TEL_OK;
}

static tel_error begin(struct buffer *buffer, tel_fault *fault)
{
    bool done = false;
    tel_error error = directory_make(buffer->directory, buffer->access, fault);

    for (int i = 0; !error && !done && i < NAMES_TRIED_MAX; i++)
        error = begin_file(buffer, &done, fault);
    if (error)
        return error;
    if (!done)
        return fault_set(fault, TEL_E_BUSY, "no new buffer file in %s could be locked",
                         buffer->directory);
    buffer->begun_ms = clock_monotonic_ms();
    buffer->answered_bytes = 0;
    buffer->whole_bytes = 0;
    error = directory_sync(buffer->directory, fault);
    if (error) {
        (void)unlink(buffer->path);
        kept_fd_release(&buffer->file);
    }
    return error;
}

/* Give the active file its new name, while the lock is still held. */
static tel_error make_ready(struct buffer *buffer, tel_fault *fault)
{
    char ready[PATH_MAX];
    int length = (int)(strlen(buffer->path) - strlen(BUFFER_ACTIVE));
    tel_error error;

    (void)snprintf(ready, sizeof ready, "%.*s%s", length, buffer->path, BUFFER_READY);
    error = file_rename(buffer->path, ready, fault);
    for (int i = 0; error == TEL_E_EXISTS && i < NAMES_TRIED_MAX; i++) {
        make_path(buffer, ready, BUFFER_READY);
        error = file_rename(buffer->path, ready, fault);
    }
    if (!error) {
        kept_fd_release(&buffer->file);
        buffer->was_rotated = true;
    }
    return error;
}

static tel_error rotate(struct buffer *buffer, tel_fault *fault)
{
    struct stat status;

    if (!is_in_place(buffer)) {
        kept_fd_release(&buffer->file);
        return TEL_OK;
    }
    if (fstat(buffer->file.fd, &status) == 0 && status.st_size == 0) { /* its first write failed */
        (void)unlink(buffer->path);
        kept_fd_release(&buffer->file);
        return TEL_OK;
    }
    return make_ready(buffer, fault);
}

static bool is_due(const struct buffer *buffer)
{
    struct stat status;

    return (fstat(buffer->file.fd, &status) == 0 && status.st_size >= buffer->bytes_max) ||
           clock_monotonic_ms() - buffer->begun_ms >= buffer->age_max_ms;
}

void buffer_free(struct buffer *buffer)
{
    if (!buffer)
        return;
    enter(buffer);
    (void)rotate(buffer, NULL);
    /* What could not be renamed is taken over by whoever finds it unlocked. */
    kept_fd_release(&buffer->file);
    leave(buffer);
    (void)pthread_mutex_destroy(&buffer->mutex);
    free(buffer->directory);
    free(buffer);
}

tel_error buffer_rotate(struct buffer *buffer, tel_fault *fault)
{
    tel_error error;

    enter(buffer);
    error = rotate(buffer, fault);
    leave(buffer);
    return error;
}

tel_error buffer_make_durable(struct buffer *buffer, tel_fault *fault)
{
    tel_error error = TEL_OK;

    enter(buffer);
    if (is_in_place(buffer))
        error = file_sync(buffer->file.fd, buffer->path, fault);
    leave(buffer);
    return error;
}

/* ---- Appending --------------------------------------------------------------------------------- */

static tel_error append(struct buffer *buffer, const char *line, size_t length, bool durably,
                        tel_fault *fault)
{
    tel_error error = TEL_OK;

    if (!is_in_place(buffer)) {
        kept_fd_release(&buffer->file);
        error = begin(buffer, fault);
    }
    if (!error)
        error =
            line_append(buffer->file.fd, buffer->path, line, length, &buffer->whole_bytes, fault);
    if (!error && durably)
        error = file_sync(buffer->file.fd, buffer->path, fault);
    if (!error && is_due(buffer))
        (void)rotate(buffer, NULL); /* the line is safe; the next append tries again */
    return error;
}

tel_error buffer_append_line(struct buffer *buffer, const char *line, size_t length, bool durably,
                             tel_fault *fault)
{
    tel_error error;

    enter(buffer);
    error = append(buffer, line, length, durably, fault);
    leave(buffer);
    return error;
}

tel_error buffer_append_run(struct buffer *buffer, const struct tel_record *record,
                            tel_fault *fault)
{
    CLEANUP(strbuf_clear) struct strbuf line = LINE();
    tel_error error = buffer_line_run(&line, record, fault);

    return error ? error
                 : buffer_append_line(buffer, line.text, line.length, /* durably= */ false, fault);
}

tel_error buffer_append_update(struct buffer *buffer, const struct tel_record *record,
                               field_set set, tel_fault *fault)
{
    CLEANUP(strbuf_clear) struct strbuf line = LINE();
    tel_error error = buffer_line_update(&line, record, set, fault);

    return error ? error
                 : buffer_append_line(buffer, line.text, line.length, /* durably= */ false, fault);
}

/* ---- Setting aside ----------------------------------------------------------------------------- */

static tel_error set_aside(struct buffer *buffer, const char *reason, const char *line,
                           size_t length, tel_fault *fault)
{
    CLEANUP(rejects_clear) struct rejects rejects = REJECTS(buffer->rejected_path, buffer->access);
    tel_error error = directory_make(buffer->directory, buffer->access, fault);

    if (!*buffer->rejected_path)
        make_path(buffer, buffer->rejected_path, BUFFER_REJECTED);
    if (!error)
        error = rejects_add(&rejects, /* at= */ NULL, reason, line, length, fault);
    return error ? error : rejects_sync(&rejects, fault);
}

tel_error buffer_set_aside(struct buffer *buffer, const char *reason, const char *line,
                           size_t length, tel_fault *fault)
{
    tel_error error;

    enter(buffer);
    error = set_aside(buffer, reason, line, length, fault);
    leave(buffer);
    return error;
}

/* ---- Delivering the active file ---------------------------------------------------------------- */

void buffer_rest_clear(const struct buffer_rest *rest)
{
    closep(&rest->fd);
}

/* A descriptor of its own, since its position is. */
static tel_error open_rest(struct buffer *buffer, struct buffer_rest *rest, tel_fault *fault)
{
    struct stat status;
    tel_error error;

    if (!is_in_place(buffer))
        return TEL_OK;
    error = file_open(&rest->fd, buffer->path, O_RDONLY, buffer->access, NULL, fault);
    if (error)
        return error;
    if (fstat(rest->fd, &status) || lseek(rest->fd, buffer->answered_bytes, SEEK_SET) < 0)
        return fault_errno(fault, TEL_E_IO, "cannot read %s", buffer->path);
    rest->bytes = status.st_size - buffer->answered_bytes;
    return TEL_OK;
}

tel_error buffer_open_rest(struct buffer *buffer, struct buffer_rest *rest, tel_fault *fault)
{
    tel_error error;

    enter(buffer);
    error = open_rest(buffer, rest, fault);
    if (!*buffer->rejected_path)
        make_path(buffer, buffer->rejected_path, BUFFER_REJECTED);
    memcpy(rest->path, buffer->path, sizeof rest->path);
    memcpy(rest->rejected_path, buffer->rejected_path, sizeof rest->rejected_path);
    rest->was_rotated = buffer->was_rotated;
    buffer->was_rotated = false;
    leave(buffer);
    return error;
}

/* Emptying spares a .synced file for each delivery. Should a crash undo it, what was in the file is
 * delivered again, as duplicates. */
void buffer_note_answered(struct buffer *buffer, const struct buffer_rest *rest)
{
    struct stat status;

    enter(buffer);
    if (kept_fd_is_at(&buffer->file, rest->path) && !fstat(buffer->file.fd, &status)) {
        buffer->answered_bytes += rest->bytes;
        if (status.st_size == buffer->answered_bytes && !ftruncate(buffer->file.fd, 0)) {
            buffer->answered_bytes = 0;
            buffer->begun_ms = clock_monotonic_ms();
        }
    }
    leave(buffer);
}
