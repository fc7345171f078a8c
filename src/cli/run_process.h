/* SPDX-License-Identifier: MIT
 *
 * The command as a process: what it was, and what it used, for context_json and metrics_json.
 */
#ifndef CLI_RUN_PROCESS_H
#define CLI_RUN_PROCESS_H

#include "base/json.h"
#include "cli/run_options.h"
#include "cli/run_supervise.h"

/* New objects. `pid`: 0 while it has none. */
json_t *process_metrics(const struct outcome *outcome);
json_t *process_context(const struct run_options *options, pid_t pid);

/* Return the JSON text of what --set gave, then the command said (each may be NULL), with `process`
 * put in, which is taken over. The caller frees it; NULL: out of memory. */
char *with_process(json_t *given, json_t *said, json_t *process);

#endif
