/* SPDX-License-Identifier: MIT */
#include "cli/run_capture.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/kcmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- Which streams --------------------------------------------------------------------------- */

/* A descriptor that the caller had closed was filled with one that is closed on exec. */
static bool is_captured(int fd, enum capture_mode mode)
{
    int flags = fcntl(fd, F_GETFD);

    if (mode == CAPTURE_NONE || flags < 0 || (flags & FD_CLOEXEC))
        return false;
    return mode == CAPTURE_PIPE || !isatty(fd);
}

/* Are stdout and stderr the same open file? Where the kernel does not tell: yes, as by "2>&1". */
static bool is_same_description(void)
{
    pid_t pid = getpid();

    return syscall(SYS_kcmp, pid, pid, KCMP_FILE, STDOUT_FILENO, STDERR_FILENO) <= 0;
}

/*
 * Do both streams go to one place, so that the order between them can be kept? A regular file that
 * was opened twice has two offsets, and the bytes overwrite each other; that, too, is kept.
 */
static bool is_same_file(void)
{
    struct stat out;
    struct stat err;
    bool both_append;

    if (fstat(STDOUT_FILENO, &out) || fstat(STDERR_FILENO, &err))
        return false;
    if (out.st_dev != err.st_dev || out.st_ino != err.st_ino)
        return false;
    both_append =
        (fcntl(STDOUT_FILENO, F_GETFL) & O_APPEND) && (fcntl(STDERR_FILENO, F_GETFL) & O_APPEND);
    return !S_ISREG(out.st_mode) || both_append || is_same_description();
}

/* ---- Setting up ------------------------------------------------------------------------------ */

/*
 * Find a way to write without blocking. The flag O_NONBLOCK cannot be set on what we were given, as
 * others share it; opened anew, a pipe or a terminal is ours alone.
 */
static void choose_output(struct stream *stream)
{
    char path[32];
    struct stat status;
    int fd;

    stream->output = stream->target;
    stream->write_max = STREAM_BUFFER_BYTES;
    if (fstat(stream->target, &status))
        return;
    stream->is_socket = S_ISSOCK(status.st_mode);
    if (!S_ISFIFO(status.st_mode) && !isatty(stream->target))
        return;
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", stream->target);
    fd = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd >= 0)
        stream->output = fd;
    else
        stream->write_max = PIPE_BUF; /* what poll() promises to be free */
}

static void stream_clear(struct stream *stream)
{
    if (stream->reader >= 0)
        (void)close(stream->reader);
    if (stream->writer >= 0)
        (void)close(stream->writer);
    if (stream->output != stream->target)
        (void)close(stream->output);
    free(stream->buffer);
    tail_clear(&stream->tail);
}

static bool stream_init(struct stream *stream, int target, size_t tail_bytes)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC))
        return false;
    *stream = (struct stream){.target = target, .reader = ends[0], .writer = ends[1]};
    choose_output(stream);
    stream->buffer = malloc(STREAM_BUFFER_BYTES);
    if (!stream->buffer) {
        stream_clear(stream);
        return false;
    }
    (void)tail_init(&stream->tail, tail_bytes);
    return true;
}

void capture_init(struct capture *capture, enum capture_mode mode, size_t tail_bytes)
{
    *capture = (struct capture){.stream_of = {-1, -1, -1}};
    for (int fd = STDOUT_FILENO; fd <= STDERR_FILENO; fd++) {
        if (!is_captured(fd, mode))
            continue;
        if (fd == STDERR_FILENO && capture->count && is_same_file())
            capture->stream_of[fd] = capture->stream_of[STDOUT_FILENO];
        else if (stream_init(&capture->streams[capture->count], fd, tail_bytes))
            capture->stream_of[fd] = (int)capture->count++;
    }
}

void capture_clear(struct capture *capture)
{
    for (size_t i = 0; i < capture->count; i++)
        stream_clear(&capture->streams[i]);
    capture->count = 0;
}

int capture_connect(const struct capture *capture)
{
    for (int fd = STDOUT_FILENO; fd <= STDERR_FILENO; fd++) {
        int index = capture->stream_of[fd];

        if (index >= 0 && dup2(capture->streams[index].writer, fd) < 0)
            return -1;
    }
    return 0;
}

void capture_started(struct capture *capture)
{
    for (size_t i = 0; i < capture->count; i++) {
        (void)close(capture->streams[i].writer);
        capture->streams[i].writer = -1;
    }
}

/* ---- Moving bytes ---------------------------------------------------------------------------- */

static bool is_waiting(const struct stream *stream)
{
    return stream->start < stream->end;
}

/* Nobody wants these bytes any more: the command learns it from its next write. */
static void stop(struct stream *stream)
{
    if (stream->reader >= 0)
        (void)close(stream->reader);
    stream->reader = -1;
    stream->start = stream->end = 0;
    stream->owed = 0;
}

size_t capture_poll(const struct capture *capture, struct pollfd *entries)
{
    for (size_t i = 0; i < capture->count; i++) {
        const struct stream *stream = &capture->streams[i];
        bool open = stream->reader >= 0 || is_waiting(stream);

        entries[2 * i] = (struct pollfd){
            .fd = is_waiting(stream) ? -1 : stream->reader,
            .events = POLLIN,
        };
        /* Asked for nothing, poll() still tells when the reader is gone. */
        entries[2 * i + 1] = (struct pollfd){
            .fd = open ? stream->output : -1,
            .events = is_waiting(stream) ? POLLOUT : 0,
        };
    }
    return 2 * capture->count;
}

static bool write_out(struct stream *stream)
{
    const char *bytes = stream->buffer + stream->start;
    size_t waiting = stream->end - stream->start;
    size_t count = waiting < stream->write_max ? waiting : stream->write_max;
    ssize_t written = stream->is_socket
                          ? send(stream->output, bytes, count, MSG_DONTWAIT | MSG_NOSIGNAL)
                          : write(stream->output, bytes, count);

    if (written >= 0) {
        stream->start += (size_t)written;
    } else if (errno != EAGAIN && errno != EINTR) {
        stream->write_error = errno;
        stop(stream);
    }
    return written > 0;
}

static void read_in(struct stream *stream)
{
    ssize_t count = read(stream->reader, stream->buffer, STREAM_BUFFER_BYTES);

    if (count < 0 && errno == EINTR)
        return;
    if (count <= 0) {
        (void)close(stream->reader);
        stream->reader = -1;
        stream->owed = 0;
        return;
    }
    stream->start = 0;
    stream->end = (size_t)count;
    stream->owed -= count < stream->owed ? count : stream->owed;
    tail_append(&stream->tail, stream->buffer, stream->end);
    if (stream->write_max > PIPE_BUF) /* else poll() has to promise room first */
        (void)write_out(stream);
}

bool capture_move(struct capture *capture, const struct pollfd *entries)
{
    bool moved = false;

    for (size_t i = 0; i < capture->count; i++) {
        struct stream *stream = &capture->streams[i];

        if (entries[2 * i + 1].revents & (POLLERR | POLLHUP | POLLNVAL)) {
            stream->write_error = EPIPE;
            stop(stream);
        } else if (entries[2 * i + 1].revents & POLLOUT) {
            moved = write_out(stream) || moved;
        } else if (entries[2 * i].revents) {
            read_in(stream);
            moved = true;
        }
    }
    return moved;
}

/* ---- The end --------------------------------------------------------------------------------- */

void capture_note_end(struct capture *capture)
{
    for (size_t i = 0; i < capture->count; i++) {
        struct stream *stream = &capture->streams[i];
        int count = 0;

        if (stream->reader >= 0 && ioctl(stream->reader, FIONREAD, &count) == 0)
            stream->owed = count;
    }
}

bool capture_is_settled(const struct capture *capture)
{
    for (size_t i = 0; i < capture->count; i++) {
        if (capture->streams[i].owed > 0 || is_waiting(&capture->streams[i]))
            return false;
    }
    return true;
}

bool capture_is_closed(const struct capture *capture)
{
    for (size_t i = 0; i < capture->count; i++) {
        if (capture->streams[i].reader >= 0)
            return false;
    }
    return true;
}

int capture_write_error(const struct capture *capture)
{
    for (size_t i = 0; i < capture->count; i++) {
        int cause = capture->streams[i].write_error;

        if (cause && cause != EPIPE && cause != ECONNRESET)
            return cause;
    }
    return 0;
}

const struct tail *capture_tail(const struct capture *capture, int fd)
{
    int index = capture->stream_of[fd];

    return index >= 0 ? &capture->streams[index].tail : NULL;
}
