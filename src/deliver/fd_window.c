/* SPDX-License-Identifier: MIT */
#include "deliver/fd_window.h"

#include <fcntl.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#define WINDOW_SIZE 8

/* ---- One at a time --------------------------------------------------------------------------- */

/* Whose window is open: two of our own threads would take each other's pair for theirs. Not a mutex,
 * which a forked child could find locked for ever: what another process holds is free here. */
static _Atomic pid_t holder;

static void take_turn(void)
{
    pid_t own = getpid();
    pid_t found = atomic_load(&holder);

    while (found == own || !atomic_compare_exchange_weak(&holder, &found, own)) {
        (void)sched_yield();
        found = atomic_load(&holder);
    }
}

static void end_turn(void)
{
    atomic_store(&holder, 0);
}

/* ---- The window ------------------------------------------------------------------------------ */

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

    take_turn();
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

static bool is_of_the_pair(int fd)
{
    int flags = is_unnamed_unix_socket(fd) ? fcntl(fd, F_GETFD) : -1;

    return flags >= 0 && !(flags & FD_CLOEXEC) && (fcntl(fd, F_GETFL) & O_NONBLOCK);
}

static void find_pair(const struct fd_window *window, int pair[2])
{
    int found = 0;

    for (int i = 0; window->first >= 0 && i < WINDOW_SIZE && found < 2; i++) {
        int fd = window->first + i;

        if (!(window->was_free & UINT32_C(1) << i) || !is_of_the_pair(fd))
            continue;
        (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
        pair[found++] = fd;
    }
}

/* Is it still ours, or has the host put something of its own there meanwhile? */
static bool is_placeholder(int fd)
{
    int flags = fcntl(fd, F_GETFL);

    return flags >= 0 && (flags & O_PATH);
}

void fd_window_close(const struct fd_window *window, int pair[2])
{
    pair[0] = -1;
    pair[1] = -1;
    find_pair(window, pair);
    for (int fd = 0; fd <= STDERR_FILENO; fd++) {
        if (window->holds_standard[fd] && is_placeholder(fd))
            (void)close(fd);
    }
    end_turn();
}
