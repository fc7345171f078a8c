/* SPDX-License-Identifier: MIT */
#include "http/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "http/port_owner.h"

#define HOST_BYTES_MAX 256

static void freeaddrinfop(struct addrinfo **list)
{
    if (*list)
        freeaddrinfo(*list);
}

/* IPv4 first: of "localhost" it is the address that every client tries. */
static const struct addrinfo *choose(const struct addrinfo *list)
{
    for (const struct addrinfo *info = list; info; info = info->ai_next) {
        if (info->ai_family == AF_INET)
            return info;
    }
    return list;
}

static tel_error resolve(struct addrinfo **list, const char *host, uint16_t port, tel_fault *fault)
{
    static const struct addrinfo hints = {
        .ai_socktype = SOCK_STREAM,
        .ai_flags = AI_PASSIVE | AI_NUMERICSERV,
    };
    char name[HOST_BYTES_MAX];
    char service[8];
    size_t length = strlen(host);
    int error;

    if (length > 2 && *host == '[' && host[length - 1] == ']') {
        host++;
        length -= 2;
    }
    (void)snprintf(name, sizeof name, "%.*s", (int)(length < sizeof name ? length : 0), host);
    (void)snprintf(service, sizeof service, "%u", (unsigned)port);
    error = *name ? getaddrinfo(name, service, &hints, list) : EAI_NONAME;
    if (error)
        return fault_set(fault, TEL_E_INVALID,
                         "cannot listen on \"%.100s\": %s; give an address of this machine with "
                         "--host or TELEMETRY_API_HOST",
                         host, gai_strerror(error));
    return TEL_OK;
}

static bool is_loopback(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *ipv4 = (const void *)address;

        return ntohl(ipv4->sin_addr.s_addr) >> 24 == 127;
    }
    if (address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *ipv6 = (const void *)address;

        return IN6_IS_ADDR_LOOPBACK(&ipv6->sin6_addr);
    }
    return address->sa_family == AF_UNIX;
}

bool listener_is_loopback(const char *host)
{
    CLEANUP(freeaddrinfop) struct addrinfo *list = NULL;

    return resolve(&list, host, 0, NULL) == TEL_OK && is_loopback(choose(list)->ai_addr);
}

static tel_error fault_in_use(tel_fault *fault, const char *host, uint16_t port)
{
    struct port_owner owner;

    if (port_owner_find(&owner, port))
        return fault_set(fault, TEL_E_BUSY,
                         "%s:%u is in use by process %ld (%s): stop it, or take another port "
                         "with --port",
                         host, (unsigned)port, (long)owner.pid, owner.program);
    return fault_set(fault, TEL_E_BUSY,
                     "%s:%u is in use by a process that is not ours to see: stop it, or take "
                     "another port with --port",
                     host, (unsigned)port);
}

tel_error listener_describe(struct listener *listener, tel_fault *fault)
{
    union {
        struct sockaddr any;
        struct sockaddr_in ipv4;
        struct sockaddr_in6 ipv6;
        struct sockaddr_un local;
    } address = {0};
    socklen_t size = sizeof address;
    char host[INET6_ADDRSTRLEN];

    if (getsockname(listener->fd, &address.any, &size))
        return fault_errno(fault, TEL_E_IO, "cannot tell the port");
    listener->is_local = is_loopback(&address.any);
    if (address.any.sa_family == AF_UNIX) {
        (void)snprintf(listener->path, sizeof listener->path, "%s", address.local.sun_path);
    } else if (address.any.sa_family == AF_INET6) {
        (void)inet_ntop(AF_INET6, &address.ipv6.sin6_addr, host, sizeof host);
        (void)snprintf(listener->host, sizeof listener->host, "[%s]", host);
        listener->port = ntohs(address.ipv6.sin6_port);
    } else {
        (void)inet_ntop(AF_INET, &address.ipv4.sin_addr, listener->host, sizeof listener->host);
        listener->port = ntohs(address.ipv4.sin_port);
    }
    return TEL_OK;
}

tel_error listener_open(struct listener *listener, const char *host, uint16_t port,
                        tel_fault *fault)
{
    CLEANUP(freeaddrinfop) struct addrinfo *list = NULL;
    CLEANUP(closep) int fd = -1;
    const struct addrinfo *info;
    const int yes = 1;
    tel_error error = resolve(&list, host, port, fault);

    if (error)
        return error;
    info = choose(list);
    fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return fault_errno(fault, TEL_E_IO, "cannot make a socket for %s", host);
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(fd, info->ai_addr, info->ai_addrlen) || listen(fd, SOMAXCONN)) {
        if (errno == EADDRINUSE)
            return fault_in_use(fault, host, port);
        return fault_errno(fault, TEL_E_IO, "cannot listen on %s:%u", host, (unsigned)port);
    }
    listener->fd = fd;
    fd = -1;
    error = listener_describe(listener, fault);
    if (error)
        listener_close(listener);
    return error;
}

void listener_refuse(const struct listener *listener)
{
    if (!listener->is_borrowed)
        (void)shutdown(listener->fd, SHUT_RDWR);
}

/* Our socket's name goes with it, unless it names another by now. */
static void remove_name(const struct listener *listener)
{
    struct stat status;

    if (listener->inode && lstat(listener->path, &status) == 0 && status.st_ino == listener->inode)
        (void)unlink(listener->path);
}

void listener_close(struct listener *listener)
{
    remove_name(listener);
    closep(&listener->fd);
    *listener = LISTENER();
}
