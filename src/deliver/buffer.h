/* SPDX-License-Identifier: MIT
 *
 * BufferFile: the store-and-forward buffer of one process. A file's name is its state:
 *
 *     telemetry_{YYYYMMDD_HHMMSS}-tel-{pid}-{random}.jsonl.active -> .ready -> .synced
 *
 * The writer holds a flock on its active file as long as it lives, so that whoever finds the lock
 * free knows that the writer is gone. Appends are written, not synced: they survive kill -9; against
 * power loss there is the audit trail. Reading them back is sync.h's.
 */
#ifndef DELIVER_BUFFER_H
#define DELIVER_BUFFER_H

#include <limits.h>
#include <sys/types.h>

#include "base/file.h"
#include "model/record.h"

struct buffer_options {
    const char *directory;
    enum file_access access;
    int64_t bytes_max;  /* the active file is rotated at this size... */
    int64_t age_max_ms; /* ...or this age */
};

struct buffer; /* thread-safe */

tel_error buffer_new(struct buffer **out, const struct buffer_options *options);

/* Make the active file ready, and free. A forked child lets the parent's file alone, here and at its
 * first append, for which it makes a file of its own. */
void buffer_free(struct buffer *buffer);

/* Append a whole record (buffer_line.h). */
tel_error buffer_append_run(struct buffer *buffer, const struct tel_record *record,
                            tel_fault *fault);

/* Append an update of the fields of `set` that are given and may be updated. */
tel_error buffer_append_update(struct buffer *buffer, const struct tel_record *record,
                               field_set set, tel_fault *fault);

/* Append a line as it is. `durably`: it is on the disk when this returns. */
tel_error buffer_append_line(struct buffer *buffer, const char *line, size_t length, bool durably,
                             tel_fault *fault);

/* Keep a line that was refused for good in a .rejected file of this process, with the reason, on the
 * disk when this returns. */
tel_error buffer_set_aside(struct buffer *buffer, const char *reason, const char *line,
                           size_t length, tel_fault *fault);

/* Sync what was appended to the active file: then it survives a power cut too. */
tel_error buffer_make_durable(struct buffer *buffer, tel_fault *fault);

/* Make the active file ready now. Nothing was appended: nothing happens. */
tel_error buffer_rotate(struct buffer *buffer, tel_fault *fault);

/* ---- Delivering the active file by its own writer -------------------------------------------- */

/* What was appended to the active file and was not answered yet. */
struct buffer_rest {
    int fd; /* stands at its beginning; for CLEANUP(buffer_rest_clear) */
    int64_t bytes;
    char path[PATH_MAX];
    char rejected_path[PATH_MAX]; /* for what is refused */
    bool was_rotated; /* since the last time a file was made ready, which others may deliver */
};

#define BUFFER_REST() ((struct buffer_rest){.fd = -1})

void buffer_rest_clear(const struct buffer_rest *rest);

/* Open the rest. Nothing is left: its bytes are 0. */
tel_error buffer_open_rest(struct buffer *buffer, struct buffer_rest *rest, tel_fault *fault);

/* Note that all of the rest was answered. Was nothing appended meanwhile, the file is emptied. */
void buffer_note_answered(struct buffer *buffer, const struct buffer_rest *rest);

#endif
