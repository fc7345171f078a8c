/* SPDX-License-Identifier: MIT
 *
 * A client in a directory of the test's own, what it logged, and what it left in its files.
 */
#ifndef SUPPORT_CLIENT_WORLD_H
#define SUPPORT_CLIENT_WORLD_H

#include <stddef.h>

#include "model/record.h"

struct world {
    char *scratch; /* the base directory is {scratch}/base */
    tel_client *client;
    char log[16384]; /* "W message\n", the level's first letter in front */
};

/* Make the directory; HOME and TELEMETRY_BASE_DIR point into it. */
struct world *world_new(void);
void world_free(struct world *world);

/* For cmocka: *state is a new world. */
int world_set_up(void **state);
int world_tear_down(void **state);

/* (Re)make world->client from pairs of a key and a value, NULL at the end. The call budget is long
 * unless given. */
tel_client *world_connect(struct world *world, ...) __attribute__((sentinel));

/* Free the client. */
void world_disconnect(struct world *world);

/* Is this in the log already, which other threads write to? */
bool world_has_logged(const struct world *world, const char *text);

/* Record a run from start to end, with items_succeeded 7; return the first failure. `event_id` may be
 * NULL. */
tel_error record_run(tel_client *client, const char *event_id);

/* Return the lines of the audit trail, of buffer files in one state (".active", ".ready"), or the
 * content of a file below the base directory. The caller frees it. */
char *world_trail(struct world *world);
char *world_buffer(struct world *world, const char *state);

/* Count the lines of buffer files in one state, or of those that are to be delivered yet. */
size_t world_count(struct world *world, const char *state);
size_t world_count_waiting(struct world *world);

/* Read a run from the database; TEL_E_NOT_FOUND when there is none. */
tel_error world_stored(struct world *world, const char *event_id, struct tel_record *record);
size_t world_stored_count(struct world *world);

/* The run of record_run() is there, as it was recorded. */
void world_assert_stored(struct world *world, const char *event_id);

/* Have the next, embedded client deliver what waits; then there are so many runs, so many of them ended. */
void world_assert_delivered(struct world *world, size_t total, size_t ended);

#endif
