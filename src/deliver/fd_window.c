/* SPDX-License-Identifier: MIT */
#include "deliver/fd_window.h"

#include <fcntl.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

#define WINDOW_SIZE 8

struct fd_window fd_window_open(void)
{
    struct fd_window window = {.first = open("/", O_PATH | O_CLOEXEC)};

    if (window.first < 0)
        return window;
    (void)close(window.first);
    for (int i = 0; i < WINDOW_SIZE; i++) {
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
