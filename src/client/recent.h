/* SPDX-License-Identifier: MIT
 *
 * The runs that ended last, by run_id: what is known of a run after its end, such as its commit, finds
 * it also while nobody can be asked.
 */
#ifndef CLIENT_RECENT_H
#define CLIENT_RECENT_H

#include <pthread.h>

#include "telemetry.h"

#define RECENT_MAX 128        /* then the oldest is forgotten */
#define RECENT_BYTES_MAX 1024 /* of an event_id: a longer one is not remembered */

struct recent {
    pthread_mutex_t mutex;
    size_t next; /* to be written */
    struct {
        char *run_id; /* NULL: none yet */
        char *event_id;
    } runs[RECENT_MAX];
};

void recent_init(struct recent *recent);
void recent_clear(struct recent *recent);

/* Remember a run. Without memory for it: nothing happens. */
void recent_add(struct recent *recent, const char *run_id, const char *event_id);

/* Return the event_id of the last run of this run_id, or NULL. The caller frees it. */
char *recent_find(struct recent *recent, const char *run_id);

#endif
