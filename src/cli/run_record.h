/* SPDX-License-Identifier: MIT
 *
 * What is recorded of a command, by the public client like any other run. Failure to record is told
 * once, in one line on stderr, and is nothing to the command.
 */
#ifndef CLI_RUN_RECORD_H
#define CLI_RUN_RECORD_H

#include "cli/run_file.h"
#include "cli/run_options.h"
#include "cli/run_supervise.h"

struct run_recording {
    const struct run_options *options;
    tel_client *client;
    tel_run *run;
    struct tel_record fields; /* given at the start */
    struct run_file file;     /* in which the command may say more */
    char run_id[TEL_RUN_ID_SIZE];
    char event_id[TEL_RUN_ID_SIZE];
    bool complained;
};

/* Begin to record: the run is `running` from here on. */
void run_recording_start(struct run_recording *recording, const struct run_options *options);

/* Record the end, and what the command said of its run, which may change the outcome. `pid` is the
 * command's. */
void run_recording_end(struct run_recording *recording, struct outcome *outcome,
                       const struct capture *capture, pid_t pid);

void run_recording_clear(struct run_recording *recording);

/* Return the status that a run with this outcome has: TEL_SUCCESS, TEL_PARTIAL, TEL_FAILURE or
 * TEL_CANCELLED. */
const char *outcome_status(const struct outcome *outcome, const struct run_options *options);

/* Append how it ended, in short: "exit 3", "killed by TERM", "make: not found". */
void outcome_append(struct strbuf *buf, const struct outcome *outcome,
                    const struct run_options *options);

#endif
