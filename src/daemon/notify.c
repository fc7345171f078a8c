/* SPDX-License-Identifier: MIT */
#include "daemon/notify.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"

/* '@' in front stands for the NUL of an address that has no file. 0: it is no address. */
static socklen_t read_address(struct sockaddr_un *address, const char *text)
{
    size_t length = strlen(text);

    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if ((*text != '/' && *text != '@') || length < 2 || length >= sizeof address->sun_path)
        return 0;
    memcpy(address->sun_path, text, length);
    if (*text == '@')
        address->sun_path[0] = '\0';
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
}

void notify_send(const char *lines)
{
    const char *socket_name = getenv("NOTIFY_SOCKET");
    CLEANUP(closep) int fd = -1;
    struct sockaddr_un address;
    socklen_t length = socket_name ? read_address(&address, socket_name) : 0;

    if (length == 0)
        return;
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd >= 0) /* whoever asked and does not listen is not helped by an error */
        (void)sendto(fd, lines, strlen(lines), MSG_NOSIGNAL | MSG_DONTWAIT,
                     (const struct sockaddr *)&address, length);
}

void notify_reloading(void)
{
    struct timespec now;
    char lines[64];

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    (void)snprintf(lines, sizeof lines, "RELOADING=1\nMONOTONIC_USEC=%" PRId64,
                   (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000);
    notify_send(lines);
}

/* Read a positive number; 0 when it is none. */
static int64_t read_number(const char *text)
{
    char *end;
    int64_t number;

    if (!text)
        return 0;
    errno = 0;
    number = strtoimax(text, &end, 10);
    return errno || *end || number < 0 ? 0 : number;
}

int64_t notify_watchdog_ms(void)
{
    const char *pid = getenv("WATCHDOG_PID");
    int64_t us = read_number(getenv("WATCHDOG_USEC"));

    if (pid && read_number(pid) != getpid()) /* it is meant for another process */
        return 0;
    return us / 1000 / 2;
}
