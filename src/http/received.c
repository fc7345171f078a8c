/* SPDX-License-Identifier: MIT
 *
 * TCP counts what it receives. A Unix-domain socket does not; but where a peek would begin is moved
 * back by what is read, so that from a place far ahead it counts too.
 */
#include "http/received.h"

#include <limits.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

static uint64_t count_by_tcp(int fd)
{
    struct tcp_info info = {0};
    socklen_t size = sizeof info;

    return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) ? 0 : info.tcpi_bytes_received;
}

uint64_t received_mark(int fd, bool is_local)
{
    const int far_ahead = INT_MAX;

    if (!is_local)
        return count_by_tcp(fd);
    (void)setsockopt(fd, SOL_SOCKET, SO_PEEK_OFF, &far_ahead, sizeof far_ahead);
    return 0;
}

bool received_more(int fd, bool is_local, uint64_t mark)
{
    int place = INT_MAX;
    socklen_t size = sizeof place;
    int unread = 0;

    if (!is_local)
        return count_by_tcp(fd) > mark;
    return (getsockopt(fd, SOL_SOCKET, SO_PEEK_OFF, &place, &size) == 0 && place < INT_MAX) ||
           (ioctl(fd, FIONREAD, &unread) == 0 && unread > 0);
}
