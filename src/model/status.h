/* SPDX-License-Identifier: MIT
 *
 * The status of a run: six canonical names and the aliases that callers use.
 */
#ifndef MODEL_STATUS_H
#define MODEL_STATUS_H

#include <stdbool.h>

#define STATUS_COUNT 6

/* The canonical names, NULL at the end. */
extern const char *const statuses[STATUS_COUNT + 1];

/* Return the canonical name for a name or alias in any case, blanks around it dropped, or NULL. */
const char *status_normalize(const char *status);

/* Has a run of this (canonical) status ended? */
bool status_is_terminal(const char *status);

#endif
