/* SPDX-License-Identifier: MIT
 *
 * What all requests on their way share, and how many of them there are.
 */
#ifndef HTTP_VISITS_H
#define HTTP_VISITS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "http/acceptor.h"
#include "http/peers.h"
#include "http/server.h"

struct visits {
    const struct server_options *options;
    struct peers *peers;
    struct acceptor *acceptor;
    atomic_bool quiescing; /* each connection ends with its next answer */

    atomic_size_t active;

    pthread_mutex_t lock; /* so that whoever waits does not miss the last one */
    pthread_cond_t idle;
};

void visits_init(struct visits *visits, const struct server_options *options);
void visits_clear(struct visits *visits);

void visits_quiesce(struct visits *visits);

/* One more is being worked on, one less. */
void visits_begin(struct visits *visits);
void visits_end(struct visits *visits);

/* Wait until there are none, after visits_quiesce(). false: some are left at the deadline. */
bool visits_wait_idle(struct visits *visits, struct deadline deadline);

#endif
