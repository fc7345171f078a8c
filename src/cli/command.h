/* SPDX-License-Identifier: MIT
 *
 * The commands of `telemetry`, and what they all do alike: exit statuses and complaints.
 */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include "base/error.h"

/* What the program ends with; `run` alone has statuses of its own (run_options.h). */
enum command_status {
    STATUS_DONE = 0,
    STATUS_BAD_ANSWER = 1,  /* the question was answered, and the answer is bad */
    STATUS_USAGE = 2,       /* the command line makes no sense */
    STATUS_NOT_FOUND = 3,   /* there is no such thing, or several */
    STATUS_UNREACHABLE = 4, /* the service or the files cannot be used */
    STATUS_REFUSED = 5,     /* locked, not authorised, or a schema of another version */
};

/* Commands get their own argv, argv[0] being "telemetry NAME". */
struct command {
    const char *name;
    const char *alias; /* NULL: none */
    int (*run)(int argc, char **argv);
    const char *help; /* one line */
};

int cmd_list(int argc, char **argv);
int cmd_rebuild(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_schema(int argc, char **argv);
int cmd_show(int argc, char **argv);
int cmd_sync(int argc, char **argv);
int cmd_verify(int argc, char **argv);

/* Print "telemetry: ..." as one line on stderr, whatever the text contains. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Return the exit status for a failure. */
int failure_status(tel_error error);

/* Complain about a fault and return the exit status for it. */
int complain_fault(const tel_fault *fault);

#endif
