/* SPDX-License-Identifier: MIT
 *
 * A request's first bytes are known to the HTTP library alone, which speaks up only when the whole
 * request line is there. So for those who wait, the kernel tells that a request has begun.
 */
#include "http/peers.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include "base/clock.h"
#include "http/received.h"

#define SURPLUS_MS 1000 /* as long as one of them may take to ask something */

enum phase { WAITING, RECEIVING, HANDLING, SENDING, ENDED };

struct peer {
    struct peer *next;
    struct peer **link; /* what points to this one */
    const struct peers_limits *limits;
    int fd;
    struct address address;
    bool is_local; /* comes by a Unix-domain socket */
    bool is_surplus;

    pthread_mutex_t lock; /* over all below; taken after that of the list */
    bool has_gone;        /* at the last look, while waiting */
    enum phase phase;
    int64_t since_ms;  /* when the phase began, or, while waiting, the last look at it */
    int64_t ends_ms;   /* when its time is over; INT64_MAX: never */
    uint64_t received; /* the mark for what it had sent when its last request was there */
};

struct peers {
    struct peers_limits limits;
    pthread_mutex_t
        lock; /* over all below; requests of those that are in the list do not take it */
    struct peer *first;
    atomic_uint count; /* may be read without it */
};

tel_error peers_new(struct peers **out, const struct peers_limits *limits, tel_fault *fault)
{
    struct peers *peers = calloc(1, sizeof *peers);

    *out = NULL;
    if (!peers)
        return fault_nomem(fault);
    peers->limits = *limits;
    (void)pthread_mutex_init(&peers->lock, NULL);
    *out = peers;
    return TEL_OK;
}

void peers_free(struct peers *peers)
{
    if (!peers)
        return;
    (void)pthread_mutex_destroy(&peers->lock);
    free(peers);
}

static unsigned count_from(const struct peers *peers, const struct address *address)
{
    unsigned count = 0;

    for (const struct peer *peer = peers->first; peer; peer = peer->next)
        count += address_is_same(&peer->address, address);
    return count;
}

static bool is_one_too_many(const struct peers *peers, const struct address *address)
{
    const struct peers_limits *limits = &peers->limits;

    return peers->count >= limits->connections_max ||
           (limits->per_address_max < limits->connections_max &&
            count_from(peers, address) >= limits->per_address_max);
}

static void begin(struct peer *peer, enum phase phase, int64_t ms)
{
    peer->since_ms = clock_monotonic_ms();
    peer->has_gone = false;
    peer->phase = phase;
    peer->ends_ms = ms == INT64_MAX ? ms : peer->since_ms + ms;
}

static void peer_free(struct peer *peer)
{
    (void)pthread_mutex_destroy(&peer->lock);
    free(peer);
}

static void hang_in(struct peers *peers, struct peer *peer)
{
    peer->next = peers->first;
    peer->link = &peers->first;
    if (peer->next)
        peer->next->link = &peer->next;
    peers->first = peer;
    peers->count++;
}

struct peer *peers_add(struct peers *peers, int fd, const struct sockaddr *address)
{
    struct peer *peer = calloc(1, sizeof *peer);

    if (!peer)
        return NULL;
    (void)pthread_mutex_init(&peer->lock, NULL);
    peer->limits = &peers->limits;
    peer->fd = fd;
    peer->address = address_of(address);
    peer->is_local = address && address->sa_family == AF_UNIX;
    peer->received = received_mark(fd, peer->is_local);
    pthread_mutex_lock(&peers->lock);
    if (peers->count >= peers->limits.connections_max + PEERS_SURPLUS_MAX) {
        pthread_mutex_unlock(&peers->lock);
        peer_free(peer);
        return NULL;
    }
    peer->is_surplus = is_one_too_many(peers, &peer->address);
    begin(peer, WAITING, peer->is_surplus ? SURPLUS_MS : peers->limits.idle_ms);
    hang_in(peers, peer);
    pthread_mutex_unlock(&peers->lock);
    return peer;
}

struct peer *peers_find(struct peers *peers, int fd)
{
    struct peer *peer;

    pthread_mutex_lock(&peers->lock);
    for (peer = peers->first; peer && peer->fd != fd; peer = peer->next)
        continue;
    pthread_mutex_unlock(&peers->lock);
    return peer;
}

void peers_remove(struct peers *peers, struct peer *peer)
{
    if (!peer)
        return;
    pthread_mutex_lock(&peers->lock);
    *peer->link = peer->next;
    if (peer->next)
        peer->next->link = peer->link;
    peers->count--;
    pthread_mutex_unlock(&peers->lock);
    peer_free(peer);
}

unsigned peers_count(struct peers *peers)
{
    return atomic_load(&peers->count);
}

const struct address *peer_address(const struct peer *peer)
{
    return &peer->address;
}

int peer_fd(const struct peer *peer)
{
    return peer->fd;
}

bool peer_is_surplus(const struct peer *peer)
{
    return peer->is_surplus;
}

static void change(struct peer *peer, enum phase phase, int64_t ms)
{
    pthread_mutex_lock(&peer->lock);
    if (peer->phase == RECEIVING)
        peer->received = received_mark(peer->fd, peer->is_local);
    if (peer->phase != ENDED)
        begin(peer, phase, ms);
    pthread_mutex_unlock(&peer->lock);
}

void peer_note_receiving(struct peer *peer)
{
    pthread_mutex_lock(&peer->lock);
    if (peer->phase == WAITING) /* else its first bytes were seen already */
        begin(peer, RECEIVING, peer->limits->request_ms);
    pthread_mutex_unlock(&peer->lock);
}

void peer_note_handling(struct peer *peer)
{
    change(peer, HANDLING, INT64_MAX);
}

void peer_note_sending(struct peer *peer)
{
    change(peer, SENDING, peer->limits->request_ms);
}

void peer_note_waiting(struct peer *peer)
{
    change(peer, WAITING, peer->limits->idle_ms);
}

bool peer_has_ended(struct peer *peer)
{
    bool ended;

    pthread_mutex_lock(&peer->lock);
    ended = peer->phase == ENDED;
    pthread_mutex_unlock(&peer->lock);
    return ended;
}

/* Has the other side said that it will send no more, and is all that it sent read? */
static bool is_half_closed(int fd)
{
    struct pollfd polled = {.fd = fd, .events = POLLRDHUP};
    int unread = 0;

    return poll(&polled, 1, 0) == 1 && ioctl(fd, FIONREAD, &unread) == 0 && unread == 0;
}

/* Whoever waits may have begun to send since the last look, or gone. The HTTP library does not notice
 * who went while it was busy with them; but it gets the time until the next look. */
static void look_at_waiting(struct peer *peer, int64_t now_ms)
{
    bool has_gone = is_half_closed(peer->fd);

    if (has_gone && peer->has_gone)
        peer->ends_ms = now_ms;
    peer->has_gone = has_gone;
    if (!has_gone && received_more(peer->fd, peer->is_local, peer->received)) {
        peer->phase = RECEIVING;
        peer->ends_ms = peer->since_ms + peer->limits->request_ms;
    }
    peer->since_ms = now_ms;
}

unsigned peers_expire(struct peers *peers, int64_t now_ms)
{
    unsigned count;

    pthread_mutex_lock(&peers->lock);
    for (struct peer *peer = peers->first; peer; peer = peer->next) {
        pthread_mutex_lock(&peer->lock);
        if (peer->phase == WAITING && !peer->is_surplus)
            look_at_waiting(peer, now_ms);
        if (peer->phase != ENDED && now_ms >= peer->ends_ms) {
            peer->phase = ENDED;
            (void)shutdown(peer->fd, SHUT_RDWR);
        }
        pthread_mutex_unlock(&peer->lock);
    }
    count = peers->count;
    pthread_mutex_unlock(&peers->lock);
    return count;
}
