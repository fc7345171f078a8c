/* SPDX-License-Identifier: MIT
 *
 * The single-writer lock: a flock on a file beside the database, with the holder's pid and host
 * inside. Who serves the database, or drains a buffer into it, holds it.
 */
#ifndef STORE_LOCK_H
#define STORE_LOCK_H

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"

struct writer_lock {
    int fd; /* -1: not held */
};

#define WRITER_LOCK() ((struct writer_lock){.fd = -1})

/* Take the lock at `path`, waiting until the deadline. TEL_E_BUSY: the fault names the holder's pid
 * and host. The file is 0600 (0660), never followed through a link; its directory is made if it is
 * missing. */
tel_error writer_lock_take(struct writer_lock *lock, const char *path, enum file_access access,
                           struct deadline deadline, tel_fault *fault);

/* Give the lock back (the file stays). Not held: nothing happens. */
void writer_lock_release(struct writer_lock *lock);

#endif
