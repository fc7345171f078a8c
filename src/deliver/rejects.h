/* SPDX-License-Identifier: MIT
 *
 * What could not be delivered and never will: set aside beside its buffer file, one
 * {"reason":...,"line":...} a line, for people to look at.
 */
#ifndef DELIVER_REJECTS_H
#define DELIVER_REJECTS_H

#include "base/file.h"

struct rejects {
    const char *path;
    enum file_access access;
    int fd;       /* -1: nothing was rejected yet, and no file made */
    bool created; /* its name is not durable yet */
};

#define REJECTS(file_path, file_access) \
    ((struct rejects){.path = (file_path), .access = (file_access), .fd = -1})

void rejects_clear(struct rejects *rejects);

/* Add a line, whatever bytes are in it: those that are no text become U+FFFD. `at` (may be NULL) says
 * where it stood, as another member. */
tel_error rejects_add(struct rejects *rejects, const char *at, const char *reason, const char *line,
                      size_t length, tel_fault *fault);

/* Make what was added durable. */
tel_error rejects_sync(struct rejects *rejects, tel_fault *fault);

#endif
