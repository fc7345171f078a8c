/* SPDX-License-Identifier: MIT
 *
 * Tells the host what is wrong, once for each cause: a service that is away for a day is one line,
 * not one for each run. Safe from any thread and across a fork, as it has no lock.
 */
#ifndef CLIENT_REPORTER_H
#define CLIENT_REPORTER_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/log.h"

#define REPORTER_CAUSES_MAX 64 /* further ones are dropped */

struct reporter {
    struct log log;
    _Atomic uint64_t causes[REPORTER_CAUSES_MAX]; /* hashes; 0: free */
};

/* Log the message unless one with the same `cause` (any text) was logged before. */
void report(struct reporter *reporter, tel_log_level level, const char *cause, const char *format,
            ...) __attribute__((format(printf, 4, 5)));

/* Log a failure as a warning, its text being the cause; `what` says what became of it. */
void report_fault(struct reporter *reporter, const tel_fault *fault, const char *what);

/* A tel_log_fn with a reporter as its `arg`: the message is its own cause. */
tel_log_fn report_line;

/* The same as a log for the layers below. */
struct log reporter_as_log(struct reporter *reporter);

/* Return a hash of a text, never 0. */
uint64_t text_hash(const char *text);

#endif
