/* SPDX-License-Identifier: MIT
 *
 * Empties one open buffer file: its lines become writes, which are delivered in batches, and what
 * was not taken is carried on or set aside.
 */
#ifndef DELIVER_DRAIN_H
#define DELIVER_DRAIN_H

#include "deliver/buffer.h"
#include "deliver/sync.h"

/* What all files of one sync share. */
struct drain_target {
    const struct sync_options *options;
    sync_deliver_fn *deliver;
    void *arg;
    struct sync_report *report;
    struct buffer *carry; /* takes updates whose run is not there yet; NULL: none so far */
    bool refused;         /* deliver() failed: there is no use in going on */
};

/*
 * Read `bytes` of the file from where `fd` stands, at most to its end. On TEL_OK each of these lines was answered:
 * stored, or durable in the carry or in `rejected_path`. On failure all of them must come again.
 */
tel_error drain_file(struct drain_target *target, int fd, const char *path, int64_t bytes,
                     const char *rejected_path, tel_fault *fault);

#endif
