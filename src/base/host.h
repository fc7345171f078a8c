/* SPDX-License-Identifier: MIT
 *
 * Leave the calling program as it was: errno restored, SIGPIPE and SIGXFSZ not delivered for what
 * we write (a file-size limit would otherwise kill the host at our write), and its thread not
 * cancelled while we hold a lock or a descriptor. One line at the top of each public function that
 * does I/O:
 *
 *     CLEANUP(host_restore) struct host_state host = host_protect();
 */
#ifndef BASE_HOST_H
#define BASE_HOST_H

#include <errno.h>
#include <signal.h>

struct host_state {
    int error;
    sigset_t mask;
    sigset_t pending; /* which of the two were pending before */
    int blocked;      /* the mask was changed */
    int cancel;       /* whether the thread could be cancelled */
};

struct host_state host_protect(void);
void host_restore(struct host_state *state);

/* Where nothing is written, or the host is called back, errno is all there is to restore:
 * CLEANUP(errno_restore) int host_errno = errno; */
static inline void errno_restore(const int *saved)
{
    errno = *saved;
}

#endif
