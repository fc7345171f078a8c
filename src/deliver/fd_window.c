/* SPDX-License-Identifier: MIT */
#include "deliver/fd_window.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#define WINDOW_SIZE 8

static int open_placeholder(void)
{
    return open("/", O_PATH | O_CLOEXEC);
}

/* Return the lowest free descriptor above the standard ones, of which none is free any more; -1: none. */
static int find_first(struct fd_window *window)
{
    int fd = open_placeholder();

    while (fd >= 0 && fd <= STDERR_FILENO) {
        window->holds_standard[fd] = true;
        fd = open_placeholder();
    }
    if (fd >= 0)
        (void)close(fd);
    return fd;
}

struct fd_window fd_window_open(void)
{
    struct fd_window window = {.first = -1};

    window.first = find_first(&window);
    for (int i = 0; window.first >= 0 && i < WINDOW_SIZE; i++) {
        if (fcntl(window.first + i, F_GETFD) < 0)
            window.was_free |= UINT32_C(1) << i;
    }
    return window;
}

static bool is_unnamed_unix_socket(int fd)
{
    struct sockaddr_storage address = {0};
    socklen_t length = sizeof address;

    return getsockname(fd, (struct sockaddr *)&address, &length) == 0 &&
           address.ss_family == AF_UNIX && length == sizeof address.ss_family;
}

void fd_window_protect(const struct fd_window *window)
{
    for (int i = 0; window->first >= 0 && i < WINDOW_SIZE; i++) {
        int fd = window->first + i;
        int flags;

        if (!(window->was_free & UINT32_C(1) << i) || !is_unnamed_unix_socket(fd))
            continue;
        flags = fcntl(fd, F_GETFD);
        if (flags >= 0 && !(flags & FD_CLOEXEC) && (fcntl(fd, F_GETFL) & O_NONBLOCK))
            (void)fcntl(fd, F_SETFD, flags | FD_CLOEXEC);
    }
}

/* Is it still ours, or has the host put something of its own there meanwhile? */
static bool is_placeholder(int fd)
{
    int flags = fcntl(fd, F_GETFL);

    return flags >= 0 && (flags & O_PATH);
}

void fd_window_close(const struct fd_window *window)
{
    fd_window_protect(window);
    for (int fd = 0; fd <= STDERR_FILENO; fd++) {
        if (window->holds_standard[fd] && is_placeholder(fd))
            (void)close(fd);
    }
}
