/* SPDX-License-Identifier: MIT
 *
 * Where messages go: a level below which they are dropped, and a callback.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "telemetry.h"

struct log {
    tel_log_fn *write; /* NULL: drop everything */
    void *arg;
    tel_log_level level;
};

void log_write(const struct log *log, tel_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
