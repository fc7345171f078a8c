/* SPDX-License-Identifier: MIT */
#include "http/linger.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

#define PIECE_BYTES 65536

struct lingering {
    int fd;
    int64_t ends_ms;
    size_t bytes_left;
};

struct linger_list {
    size_t bytes_max;
    int wake;
    pthread_mutex_t lock; /* over all below */
    struct lingering items[LINGER_MAX];
    size_t count;
};

tel_error linger_new(struct linger_list **out, size_t bytes_max, int wake, tel_fault *fault)
{
    struct linger_list *list = calloc(1, sizeof *list);

    *out = NULL;
    if (!list)
        return fault_nomem(fault);
    list->bytes_max = bytes_max;
    list->wake = wake;
    (void)pthread_mutex_init(&list->lock, NULL);
    *out = list;
    return TEL_OK;
}

void linger_free(struct linger_list *list)
{
    if (!list)
        return;
    for (size_t i = 0; i < list->count; i++)
        (void)close(list->items[i].fd);
    (void)pthread_mutex_destroy(&list->lock);
    free(list);
}

void linger_add(struct linger_list *list, int fd)
{
    bool is_full;

    (void)shutdown(fd, SHUT_WR);
    pthread_mutex_lock(&list->lock);
    is_full = list->count == LINGER_MAX;
    if (!is_full)
        list->items[list->count++] = (struct lingering){
            .fd = fd,
            .ends_ms = clock_monotonic_ms() + LINGER_MS,
            .bytes_left = list->bytes_max,
        };
    pthread_mutex_unlock(&list->lock);
    if (is_full)
        (void)close(fd);
    else
        (void)eventfd_write(list->wake, 1);
}

size_t linger_fill(struct linger_list *list, struct pollfd *polled)
{
    size_t count;

    pthread_mutex_lock(&list->lock);
    count = list->count;
    for (size_t i = 0; i < count; i++)
        polled[i] = (struct pollfd){.fd = list->items[i].fd, .events = POLLIN};
    pthread_mutex_unlock(&list->lock);
    return count;
}

/* Drop what has arrived. false: no more will come, or enough has. */
static bool drop(struct lingering *item)
{
    char piece[PIECE_BYTES];

    while (item->bytes_left) {
        ssize_t count = recv(item->fd, piece, sizeof piece, MSG_DONTWAIT);

        if (count < 0)
            return errno == EAGAIN || errno == EINTR;
        if (count == 0)
            return false;
        item->bytes_left -= (size_t)count < item->bytes_left ? (size_t)count : item->bytes_left;
    }
    return false;
}

void linger_serve(struct linger_list *list, int64_t now_ms)
{
    pthread_mutex_lock(&list->lock);
    for (size_t i = list->count; i > 0; i--) {
        struct lingering *item = &list->items[i - 1];

        if (drop(item) && now_ms < item->ends_ms)
            continue;
        (void)close(item->fd);
        *item = list->items[--list->count];
    }
    pthread_mutex_unlock(&list->lock);
}
