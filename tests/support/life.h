/* SPDX-License-Identifier: MIT
 *
 * A run's life under hard conditions, and what of it must be found afterwards.
 */
#ifndef SUPPORT_LIFE_H
#define SUPPORT_LIFE_H

#include "support/client_world.h"

/* What became of its calls. */
struct life {
    tel_error start;
    tel_error event;
    tel_error end;
};

/* Start a run, log an event and end the run. `name` is its event_id and the event's type. */
struct life life_live(tel_client *client, const char *name);

/* What a call said it took is in a whole line of the audit trail, or in the database, into which all
 * must have been delivered. */
void life_assert_kept(struct world *world, const char *name, const struct life *life);

#endif
