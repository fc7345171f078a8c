/* SPDX-License-Identifier: MIT
 *
 * The runs that are active, by run_id. Holds a reference to each.
 */
#ifndef CLIENT_REGISTRY_H
#define CLIENT_REGISTRY_H

#include <pthread.h>
#include <stdbool.h>

#include "telemetry.h"

#define REGISTRY_BUCKETS 256

struct registry {
    pthread_mutex_t mutex; /* taken before a run's, never after it */
    struct tel_run *buckets[REGISTRY_BUCKETS];
};

void registry_init(struct registry *registry);

/* Let all runs go. Nobody else uses the registry any more. */
void registry_clear(struct registry *registry);

/* Add a run. false: one of this run_id is active. */
bool registry_add(struct registry *registry, struct tel_run *run);

/* Remove a run and let it go, if it is there. */
void registry_remove(struct registry *registry, struct tel_run *run);

/* Return the run of this id, if its start is over, with a reference for the caller, or NULL. */
struct tel_run *registry_find(struct registry *registry, const char *run_id);

#endif
