/* SPDX-License-Identifier: MIT
 *
 * Of each client the requests within the window are kept, oldest first, in a ring of spans. A span is
 * one request, or, when more are allowed than the ring could hold, all of half a second; it counts
 * until the last of them has left the window.
 */
#include "http/rate_limiter.h"

#include <pthread.h>
#include <stdlib.h>

#define SPANS_MAX RATE_EXACT_MAX
#define SPAN_MS (RATE_WINDOW_MS / SPANS_MAX)

struct span {
    int64_t began_ms;
    int64_t ended_ms;
    unsigned requests;
};

struct client {
    struct span spans[SPANS_MAX];
    unsigned first; /* the oldest span */
    unsigned count;
    unsigned requests; /* in all spans */
};

struct rate_limiter {
    unsigned requests_max;
    pthread_mutex_t lock; /* over all below */
    size_t used;
    /* The last is shared, and its address looked up by nobody. */
    struct address addresses[RATE_CLIENTS_MAX + 1];
    struct client clients[RATE_CLIENTS_MAX + 1];
};

tel_error rate_limiter_new(struct rate_limiter **out, unsigned requests_max, tel_fault *fault)
{
    struct rate_limiter *limiter = calloc(1, sizeof *limiter);

    *out = limiter;
    if (!limiter)
        return fault_nomem(fault);
    limiter->requests_max = requests_max;
    (void)pthread_mutex_init(&limiter->lock, NULL);
    return TEL_OK;
}

void rate_limiter_free(struct rate_limiter *limiter)
{
    if (!limiter)
        return;
    (void)pthread_mutex_destroy(&limiter->lock);
    free(limiter);
}

static struct span *span_at(struct client *client, unsigned index)
{
    return &client->spans[(client->first + index) % SPANS_MAX];
}

/* Forget what has left the window. */
static void forget(struct client *client, int64_t now_ms)
{
    while (client->count && span_at(client, 0)->ended_ms <= now_ms - RATE_WINDOW_MS) {
        client->requests -= span_at(client, 0)->requests;
        client->first = (client->first + 1) % SPANS_MAX;
        client->count--;
    }
}

static void count(struct client *client, bool is_exact, int64_t now_ms)
{
    struct span *last = client->count ? span_at(client, client->count - 1) : NULL;

    client->requests++;
    if (last && !is_exact && (now_ms - last->began_ms < SPAN_MS || client->count == SPANS_MAX)) {
        last->requests++;
        last->ended_ms = now_ms;
        return;
    }
    *span_at(client, client->count++) = (struct span){now_ms, now_ms, 1};
}

/* Find a client, or a place for it: a new one, that of one who has not asked for long, or the shared
 * one. */
static struct client *find(struct rate_limiter *limiter, const struct address *address,
                           int64_t now_ms)
{
    size_t place = RATE_CLIENTS_MAX;

    for (size_t i = 0; i < limiter->used; i++) {
        struct client *client = &limiter->clients[i];

        if (address_is_same(&limiter->addresses[i], address))
            return client;
        if (place == RATE_CLIENTS_MAX) {
            forget(client, now_ms);
            if (!client->count)
                place = i;
        }
    }
    if (place == RATE_CLIENTS_MAX && limiter->used < RATE_CLIENTS_MAX)
        place = limiter->used++;
    limiter->addresses[place] = *address;
    return &limiter->clients[place];
}

static struct quota describe(const struct rate_limiter *limiter, struct client *client,
                             int64_t now_ms)
{
    struct quota quota = {.limit = limiter->requests_max};

    quota.remaining = limiter->requests_max - client->requests;
    if (!quota.remaining) {
        int64_t wait_ms = span_at(client, 0)->ended_ms + RATE_WINDOW_MS - now_ms;

        quota.retry_after_s = (unsigned)((wait_ms + 999) / 1000);
    }
    return quota;
}

struct quota rate_limiter_take(struct rate_limiter *limiter, const struct address *address,
                               int64_t now_ms)
{
    struct client *client;
    struct quota quota;
    bool is_exceeded;

    pthread_mutex_lock(&limiter->lock);
    client = find(limiter, address, now_ms);
    forget(client, now_ms);
    is_exceeded = client->requests >= limiter->requests_max;
    if (!is_exceeded)
        count(client, limiter->requests_max <= RATE_EXACT_MAX, now_ms);
    quota = describe(limiter, client, now_ms);
    quota.is_exceeded = is_exceeded;
    pthread_mutex_unlock(&limiter->lock);
    return quota;
}

struct quota rate_limiter_look(struct rate_limiter *limiter, const struct address *address,
                               int64_t now_ms)
{
    struct client *client;
    struct quota quota;

    pthread_mutex_lock(&limiter->lock);
    client = find(limiter, address, now_ms);
    forget(client, now_ms);
    quota = describe(limiter, client, now_ms);
    pthread_mutex_unlock(&limiter->lock);
    return quota;
}
