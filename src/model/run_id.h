/* SPDX-License-Identifier: MIT
 *
 * Run ids: made ones, and the rules for a caller's own.
 */
#ifndef MODEL_RUN_ID_H
#define MODEL_RUN_ID_H

#include "telemetry.h"

enum run_id_fault { RUN_ID_FINE, RUN_ID_BLANK, RUN_ID_TOO_LONG, RUN_ID_WITH_SLASH };

/* Say whether a caller's run_id may be taken. */
enum run_id_fault run_id_examine(const char *run_id);

/* Return NULL when a caller's run_id may be taken, else the reason why not (static). */
const char *run_id_reject_reason(const char *run_id);

/* Append "-duplicate-{8 hex digits}", shortening the id where it would not fit. */
void run_id_make_duplicate(char out[TEL_RUN_ID_SIZE], const char *run_id);

#endif
