/* SPDX-License-Identifier: MIT
 *
 * The run that somebody means: by its whole event_id or run_id; by a unique beginning (4 characters
 * or more) of either, or of the 8 hex digits that end a made run_id; or by position: @last, @last~2,
 * @last:AGENT, @fail, @fail:AGENT, @good, @good:AGENT.
 */
#ifndef CLI_PICK_H
#define CLI_PICK_H

#include "cli/source.h"

/*
 * Get the run into an empty record. TEL_E_NOT_FOUND: there is none, or several (the fault then says
 * so, and which they are was said on stderr). Of runs with the same run_id the newest is taken, and
 * the others are named on stderr.
 */
tel_error pick_run(struct tel_record *run, struct source *source, const char *id, tel_fault *fault);

#endif
