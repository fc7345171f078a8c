/* SPDX-License-Identifier: MIT
 *
 * Up to 0.9.75 the HTTP library asks for 128 events at a time, and when it gets as many asks again,
 * before it looks at the first, and waits for more without end. 128 peers of one thread that ask at the
 * same moment were then left unanswered until somebody else connected. Of a function that the program
 * defines too, the library gets the program's: it never gets as many as it asks for, and what is left
 * it gets at its next turn. It is also how we know that a thread is about to wait.
 */
#include <stddef.h>
#include <sys/epoll.h>

#include "http/rest.h"

__attribute__((visibility("default"))) int epoll_wait(int epfd, struct epoll_event *events,
                                                      int maxevents, int timeout)
{
    rest_before_waiting();
    return epoll_pwait(epfd, events, maxevents > 1 ? maxevents - 1 : maxevents, timeout, NULL);
}
