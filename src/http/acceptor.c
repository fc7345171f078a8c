/* SPDX-License-Identifier: MIT */
#include "http/acceptor.h"

#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"

#define ACCEPTED_MAX 256 /* at a time from one socket, so that the rest is looked after too */
#define PAUSE_MS 100     /* when there are no descriptors left: others must close theirs first */

struct acceptor {
    struct acceptor_options options;
    struct linger_list *lingering;
    pthread_t thread;
    int wake; /* an eventfd */
    atomic_bool quiescing;
    atomic_bool stopping;
    bool is_short; /* of descriptors or memory */
};

union any_address {
    struct sockaddr any;
    struct sockaddr_in ipv4;
    struct sockaddr_in6 ipv6;
    struct sockaddr_un local;
};

/* What is wrong with us, not with the one connection. */
static bool is_shortage(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

/* Accept what waits at a socket. false: we lack what it takes. */
static bool accept_from(const struct acceptor_options *options, int listen_fd)
{
    for (int i = 0; i < ACCEPTED_MAX; i++) {
        union any_address address;
        socklen_t size = sizeof address;
        int fd = accept4(listen_fd, &address.any, &size, SOCK_CLOEXEC | SOCK_NONBLOCK);

        if (fd < 0)
            return !is_shortage(errno);
        options->accepted(options->arg, fd, &address.any, size);
    }
    return true;
}

static void accept_some(struct acceptor *acceptor)
{
    const struct listeners *listeners = acceptor->options.listeners;
    bool is_short = false;

    for (size_t i = 0; i < listeners->count && !atomic_load(&acceptor->quiescing); i++) {
        if (!accept_from(&acceptor->options, listeners->items[i].fd))
            is_short = true;
    }
    if (is_short && !acceptor->is_short)
        logger_event(acceptor->options.logger, TEL_LOG_WARNING,
                     "no descriptors or memory left to accept connections", NULL);
    acceptor->is_short = is_short;
}

/* Write what to wait for: being woken, those that linger, and new connections. */
static nfds_t fill(struct acceptor *acceptor, struct pollfd *polled, size_t *lingering)
{
    const struct listeners *listeners = acceptor->options.listeners;
    nfds_t count = 0;

    polled[count++] = (struct pollfd){.fd = acceptor->wake, .events = POLLIN};
    *lingering = linger_fill(acceptor->lingering, polled + count);
    count += *lingering;
    for (size_t i = 0; i < listeners->count && !acceptor->is_short; i++) {
        if (!atomic_load(&acceptor->quiescing))
            polled[count++] = (struct pollfd){.fd = listeners->items[i].fd, .events = POLLIN};
    }
    return count;
}

static int wait_ms(const struct acceptor *acceptor, bool is_busy)
{
    if (acceptor->is_short)
        return PAUSE_MS;
    return is_busy ? PEERS_TICK_MS : -1;
}

static void *run(void *arg)
{
    struct acceptor *acceptor = arg;
    struct pollfd polled[1 + LINGER_MAX + LISTENERS_MAX];
    int64_t looked_ms = 0;
    unsigned open = 0;

    while (!atomic_load(&acceptor->stopping)) {
        size_t lingering;
        nfds_t count = fill(acceptor, polled, &lingering);
        eventfd_t woken;
        int64_t now_ms;

        (void)poll(polled, count, wait_ms(acceptor, open || lingering));
        (void)eventfd_read(acceptor->wake, &woken);
        accept_some(acceptor);
        now_ms = clock_monotonic_ms();
        linger_serve(acceptor->lingering, now_ms);
        if (now_ms - looked_ms >= PEERS_TICK_MS || !open) {
            open = peers_expire(acceptor->options.peers, now_ms);
            looked_ms = now_ms;
        }
    }
    return NULL;
}

tel_error acceptor_start(struct acceptor **out, const struct acceptor_options *options,
                         tel_fault *fault)
{
    struct acceptor *acceptor = calloc(1, sizeof *acceptor);
    tel_error error = TEL_OK;

    *out = acceptor; /* at once: the first connection is there before this returns */
    if (!acceptor)
        return fault_nomem(fault);
    acceptor->options = *options;
    acceptor->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (acceptor->wake < 0)
        error = fault_errno(fault, TEL_E_IO, "cannot make an eventfd");
    if (!error)
        error = linger_new(&acceptor->lingering, options->linger_bytes_max, acceptor->wake, fault);
    if (!error && pthread_create(&acceptor->thread, NULL, run, acceptor))
        error = fault_set(fault, TEL_E_NOMEM, "cannot start the thread that accepts connections");
    if (error) {
        *out = NULL;
        acceptor_free(acceptor);
    }
    return error;
}

static void wake(struct acceptor *acceptor)
{
    (void)eventfd_write(acceptor->wake, 1);
}

void acceptor_quiesce(struct acceptor *acceptor)
{
    atomic_store(&acceptor->quiescing, true);
    wake(acceptor);
}

void acceptor_linger(struct acceptor *acceptor, int fd)
{
    linger_add(acceptor->lingering, fd);
}

void acceptor_stop(struct acceptor *acceptor)
{
    atomic_store(&acceptor->stopping, true);
    wake(acceptor);
    (void)pthread_join(acceptor->thread, NULL);
}

void acceptor_free(struct acceptor *acceptor)
{
    if (!acceptor)
        return;
    linger_free(acceptor->lingering);
    if (acceptor->wake >= 0)
        (void)close(acceptor->wake);
    free(acceptor);
}
