/* SPDX-License-Identifier: MIT
 *
 * Reads the audit trail back, oldest file first: every line that says what a run was, or which commit
 * came out of it. What is no such line is reported, and never in the way of the others.
 */
#ifndef DELIVER_TRAIL_READER_H
#define DELIVER_TRAIL_READER_H

#include "base/file.h"
#include "store/store.h"

/* A line that says something of a run; all is borrowed for the call, but the record may be taken. */
struct trail_line {
    const char *file; /* its name alone... */
    size_t number;    /* ...and which line of it */
    const char *text;
    size_t length;
    enum write_kind kind; /* WRITE_CREATE, or an update */
    struct tel_record record;
    const char *commit_of; /* a commit of the newest run of that run_id, noted at... */
    const char *noted_at;  /* ...(NULL: nobody knows); NULL: the record has its event_id */
};

/* Receive a line, and the end of a file. A failure ends the reading. */
typedef tel_error trail_line_fn(void *arg, struct trail_line *line, tel_fault *fault);
typedef tel_error trail_end_fn(void *arg);

/* Learn of a line that is none of a trail: no JSON, torn, a run that lacks something. */
typedef void trail_bad_fn(void *arg, const struct trail_line *line, const char *reason);

struct trail_reading {
    const char *directory;
    enum file_access access;
    char since[9]; /* files of that day ("20251210") or later, or written to since; "": all */
    trail_line_fn *each;
    trail_bad_fn *bad;
    trail_end_fn *end_file;
    void *arg;
};

struct trail_counts {
    size_t files;
    size_t lines;  /* handed on... */
    size_t events; /* ...others that are as they should be... */
    size_t bad;    /* ...and those that are not */
};

/* Was this file of a trail written to on that day or later? By its name, or as the disk has it: a
 * clock may have been wrong, and a file come from a backup. */
bool trail_file_is_since(const char *path, const char *since);

/* A missing directory is an empty trail. */
tel_error trail_read(const struct trail_reading *reading, struct trail_counts *counts,
                     tel_fault *fault);

#endif
