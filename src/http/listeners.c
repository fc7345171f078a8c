/* SPDX-License-Identifier: MIT */
#include "http/listeners.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define FIRST_INHERITED 3

/* How many descriptors were left open for us to listen on? Asked once: our children have none. */
static long count_inherited(void)
{
    const char *pid = getenv("LISTEN_PID");
    const char *count = getenv("LISTEN_FDS");
    long inherited =
        pid && count && strtol(pid, NULL, 10) == getpid() ? strtol(count, NULL, 10) : 0;

    (void)unsetenv("LISTEN_PID");
    (void)unsetenv("LISTEN_FDS");
    (void)unsetenv("LISTEN_FDNAMES");
    return inherited;
}

static struct listener *add(struct listeners *listeners)
{
    struct listener *listener = &listeners->items[listeners->count++];

    *listener = LISTENER();
    return listener;
}

static tel_error adopt(struct listeners *listeners, long count, tel_fault *fault)
{
    if (count > LISTENERS_MAX - 1)
        return fault_set(fault, TEL_E_INVALID,
                         "%ld sockets were handed over, but at most %d can be listened on", count,
                         LISTENERS_MAX - 1);
    for (int fd = FIRST_INHERITED; fd < FIRST_INHERITED + count; fd++) {
        tel_error error = listener_adopt(add(listeners), fd, fault);

        if (error)
            return error;
    }
    return TEL_OK;
}

/* The other address of "localhost", which some clients try first. A machine may have none; but if
 * another program has that very port, half of the clients would find that one. */
static tel_error open_other_localhost(struct listeners *listeners, bool is_any_port,
                                      tel_fault *fault)
{
    uint16_t port = listeners->items[0].port;
    tel_error error = listener_open(add(listeners), "::1", port, fault);

    if (error)
        listeners->count--;
    return error == TEL_E_BUSY && !is_any_port ? error : TEL_OK;
}

static tel_error open_tcp(struct listeners *listeners, const struct listeners_options *options,
                          tel_fault *fault)
{
    tel_error error = listener_open(add(listeners), options->host, options->port, fault);

    if (!error && strcasecmp(options->host, "localhost") == 0)
        error = open_other_localhost(listeners, options->port == 0, fault);
    return error;
}

static void list_hosts(struct listeners *listeners)
{
    size_t used = 0;

    for (size_t i = 0; i < listeners->count; i++) {
        if (*listeners->items[i].host)
            used += (size_t)snprintf(listeners->hosts + used, sizeof listeners->hosts - used, "%s,",
                                     listeners->items[i].host);
    }
}

tel_error listeners_open(struct listeners *listeners, const struct listeners_options *options,
                         tel_fault *fault)
{
    long inherited = count_inherited();
    tel_error error =
        inherited > 0 ? adopt(listeners, inherited, fault) : open_tcp(listeners, options, fault);

    if (!error && options->socket)
        error = listener_open_unix(add(listeners), options->socket, options->access, fault);
    if (error)
        listeners_close(listeners);
    list_hosts(listeners);
    return error;
}

void listeners_close(struct listeners *listeners)
{
    for (size_t i = 0; i < listeners->count; i++)
        listener_close(&listeners->items[i]);
    listeners->count = 0;
}

bool listeners_are_local(const struct listeners *listeners)
{
    for (size_t i = 0; i < listeners->count; i++) {
        if (!listeners->items[i].is_local)
            return false;
    }
    return true;
}

void listeners_write_url(char out[LISTENERS_URL_SIZE], const struct listener *listener)
{
    if (*listener->host)
        (void)snprintf(out, LISTENERS_URL_SIZE, "http://%s:%u", listener->host,
                       (unsigned)listener->port);
    else
        (void)snprintf(out, LISTENERS_URL_SIZE, "unix:%s", listener->path);
}
