/* SPDX-License-Identifier: MIT
 *
 * How much is in a buffer directory and waits to be delivered.
 */
#ifndef DELIVER_BACKLOG_H
#define DELIVER_BACKLOG_H

#include "base/error.h"

struct backlog {
    int64_t files; /* active ones and ready ones... */
    int64_t ready_files;
    int64_t bytes; /* ...of both */
};

/* Count it. A missing directory is empty. */
tel_error backlog_count(struct backlog *backlog, const char *directory, tel_fault *fault);

#endif
