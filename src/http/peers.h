/* SPDX-License-Identifier: MIT
 *
 * The open connections and how long each may take for what it is doing. The HTTP library notices
 * only silence; whoever sends a byte now and then, or does not take its answer, is ended here.
 *
 *     waiting ──▶ receiving ──▶ handling ──▶ sending ──▶ waiting ...
 *     idle_ms     request_ms    (no limit)   request_ms
 */
#ifndef HTTP_PEERS_H
#define HTTP_PEERS_H

#include <stdint.h>

#include "base/error.h"
#include "http/address.h"

struct peers;
struct peer;

#define PEERS_SURPLUS_MAX 64 /* connections beyond the limit that are told so; the rest is not */

struct peers_limits {
    unsigned connections_max;
    unsigned per_address_max;
    int64_t request_ms; /* for a request to arrive, and for its answer to be taken */
    int64_t idle_ms;    /* between requests */
};

tel_error peers_new(struct peers **out, const struct peers_limits *limits, tel_fault *fault);
void peers_free(struct peers *peers);

/* Take in a connection, waiting, until it is taken out, which must be before `fd` is closed. NULL:
 * out of memory, or far more of them than there may be. */
struct peer *peers_add(struct peers *peers, int fd, const struct sockaddr *address);
void peers_remove(struct peers *peers, struct peer *peer);

/* Find the one with this descriptor; NULL: there is none. */
struct peer *peers_find(struct peers *peers, int fd);

const struct address *peer_address(const struct peer *peer);
int peer_fd(const struct peer *peer);

/* Is this one more than there may be, in all or from its address? It shall only be told so. */
bool peer_is_surplus(const struct peer *peer);

/* What it does now. What it did at that already has been ended is not undone. */
void peer_note_receiving(struct peer *peer);
void peer_note_handling(struct peer *peer);
void peer_note_sending(struct peer *peer);
void peer_note_waiting(struct peer *peer);

/* How many there are. */
unsigned peers_count(struct peers *peers);

/* Was its time over? */
bool peer_has_ended(struct peer *peer);

/* End the connections whose time is over: their next read or write fails. Call this about every
 * PEERS_TICK_MS while there are any. Return how many there are. */
#define PEERS_TICK_MS 250
unsigned peers_expire(struct peers *peers, int64_t now_ms);

#endif
