/* SPDX-License-Identifier: MIT
 *
 * Descriptors that libcurl makes for itself. Its wake-up pair (a Unix socket pair, made when a handle
 * is first used, and kept with it) would be inherited by every program that the host executes, and there is
 * no option for it. So the lowest descriptors that were free before are looked at afterwards, as it
 * is these that a new one gets, and what is such a pair is closed on exec.
 *
 * Nor may any of its descriptors, which are kept with the connection, be one of 0 to 2 that the host
 * has closed: what the host prints would be sent, and what it opens there would be closed by us. So
 * these are occupied while libcurl is at work.
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

struct fd_window fd_window_open(void);

/* See to it that unnamed, non-blocking Unix sockets that came to be in the window are not inherited.
 * Those of another thread of the host would have to be just that, in just this moment. */
void fd_window_protect(const struct fd_window *window);

/* Do that once more, and give back what is occupied. */
void fd_window_close(const struct fd_window *window);

#endif
