/* SPDX-License-Identifier: MIT
 *
 * TELEMETRY_RUN_FILE: a private file in which a command says of its run what only it knows. Each line
 * is NAME=VALUE or a JSON object of such: fields of the run, metrics.NAME, context.NAME, and
 *
 *     status=partial              the run was a success in part only
 *     event=NAME {"a": "payload"}
 */
#ifndef CLI_RUN_FILE_H
#define CLI_RUN_FILE_H

#include "cli/run_given.h"

#define RUN_FILE_BYTES_MAX ((size_t)1024 * 1024)

struct run_file {
    char *path; /* NULL: there is none */
};

/* Make an empty one. When that fails there is none, and the command is not told of any. */
void run_file_make(struct run_file *file);
/* Remove it, if there is one. */
void run_file_remove(struct run_file *file);

/* What is in it. */
struct run_report {
    struct run_given given; /* the last value of each name */
    bool is_partial;
    size_t lines;
    size_t faulty;     /* of the lines */
    size_t fault_line; /* the first of those... */
    tel_fault fault;   /* ...and what is wrong there */
};

#define RUN_REPORT() ((struct run_report){.given = RUN_GIVEN()})

/* Read it, and log its events to `run`. A file that is gone says nothing. */
void run_file_read(struct run_report *report, const struct run_file *file, tel_run *run);
void run_report_clear(struct run_report *report);

#endif
