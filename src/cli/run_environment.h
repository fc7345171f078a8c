/* SPDX-License-Identifier: MIT
 *
 * The environment that the command gets: ours, and who it is.
 */
#ifndef CLI_RUN_ENVIRONMENT_H
#define CLI_RUN_ENVIRONMENT_H

#include "cli/run_record.h"

/* Make it. The result is ended by NULL; NULL: out of memory. */
char **environment_make(const struct run_recording *recording);
void environment_free(char **environment);

/* Write a W3C traceparent: of the trace of `parent` (a traceparent, may be NULL), else of a new one
 * named by the event_id; the span is new. */
#define TRACEPARENT_SIZE 56
void traceparent_make(char out[TRACEPARENT_SIZE], const char *parent, const char *event_id);

#endif
