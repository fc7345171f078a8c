/* SPDX-License-Identifier: MIT
 *
 * What the service is asked for by signals.
 */
#ifndef DAEMON_SIGNALS_H
#define DAEMON_SIGNALS_H

#include <stdint.h>

enum signal_wish {
    WISH_NONE, /* the time is over */
    WISH_RELOAD,
    WISH_END,
};

/* Keep the signals that are wishes for signals_wait(), in this thread and all that it starts, and
 * ignore those of writes that fail. */
void signals_block(void);

/* Wait for a wish, `ms` at most; 0: without end. */
enum signal_wish signals_wait(int64_t ms);

/* From here on SIGTERM and SIGINT end the process at once: somebody is impatient. */
void signals_unblock(void);

#endif
