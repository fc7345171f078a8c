/* SPDX-License-Identifier: MIT
 *
 * What a thread of the server's keeps from one request for the next. It lets go of that before it waits
 * for requests, and before it does what may take long.
 */
#ifndef HTTP_REST_H
#define HTTP_REST_H

#include <stdbool.h>

typedef void rest_fn(void *arg);

/* Have `let_go` called on this thread when it comes to rest, once; there is one for each thread, the last
 * one given. false: this is no thread that comes to rest, and it must keep nothing. */
bool rest_later(rest_fn *let_go, void *arg);

/* Let go of what this thread keeps: what comes now may take long. */
void rest_now(void);

/* The same, of a thread that waits for requests, and will again. */
void rest_before_waiting(void);

#endif
