/* SPDX-License-Identifier: MIT
 *
 * Tell systemd how the service is doing, by the protocol of sd_notify(3): a datagram to the socket that
 * NOTIFY_SOCKET names. Where nobody asked for it, nothing happens.
 */
#ifndef DAEMON_NOTIFY_H
#define DAEMON_NOTIFY_H

#include <stdint.h>

/* Send lines of KEY=value: "READY=1\nSTATUS=...". */
void notify_send(const char *lines);

/* The service reads its configuration again, until it is ready once more. */
void notify_reloading(void);

/* Return after how many milliseconds at the latest "WATCHDOG=1" has to be sent again; 0: never. */
int64_t notify_watchdog_ms(void);

#endif
