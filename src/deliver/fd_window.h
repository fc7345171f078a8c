/* SPDX-License-Identifier: MIT
 *
 * The descriptors that libcurl makes for itself: a wake-up pair for each multi handle. Every program that
 * the host executes would inherit them, and there is no option for it; and one of 0 to 2 that the host has
 * closed would become one of them, and get what the host prints. So 0 to 2 are occupied meanwhile, and
 * the lowest descriptors that were free before are looked at afterwards, as it is these that a new one
 * gets: what is such a pair is closed on exec.
 */
#ifndef DELIVER_FD_WINDOW_H
#define DELIVER_FD_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

struct fd_window {
    int first;              /* the lowest above 2 that was free; -1: none is */
    uint32_t was_free;      /* one bit for each from there on */
    bool holds_standard[3]; /* which of 0 to 2 were free and are not now */
};

/* Must be closed soon, by the same thread: the others wait for that. */
struct fd_window fd_window_open(void);

/* See to it that the unnamed, non-blocking Unix sockets that came to be in the window are not inherited,
 * and tell which they are (-1: not found). Another thread of the host's would have to make just such a
 * pair in just this moment to be mistaken for it. */
void fd_window_close(const struct fd_window *window, int pair[2]);

#endif
