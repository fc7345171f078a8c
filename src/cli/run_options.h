/* SPDX-License-Identifier: MIT
 *
 * The command line of `telemetry run`.
 */
#ifndef CLI_RUN_OPTIONS_H
#define CLI_RUN_OPTIONS_H

#include "cli/options.h"
#include "cli/run_capture.h"
#include "cli/run_given.h"

/* What `telemetry run` ends with when the command did not run. */
enum run_status {
    RUN_STATUS_USAGE = 125,
    RUN_STATUS_NOT_EXECUTABLE = 126,
    RUN_STATUS_NOT_FOUND = 127,
};

struct run_options {
    struct common_options common;
    struct run_given given; /* by --set and others */
    enum capture_mode capture;
    size_t tail_bytes;
    bool without_argv;
    bool is_ok[256]; /* which exit statuses are a success */
    char **command;  /* ended by NULL */
};

/* Read the command line. What is wrong is said on stderr and ends the program. */
void run_options_read(struct run_options *options, int argc, char **argv);
void run_options_clear(struct run_options *options);

#endif
