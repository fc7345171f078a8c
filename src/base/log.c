/* SPDX-License-Identifier: MIT */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

#define MESSAGE_BYTES_MAX 1024

void log_write(const struct log *log, tel_log_level level, const char *format, ...)
{
    char message[MESSAGE_BYTES_MAX];
    va_list args;

    if (!log || !log->write || level < log->level)
        return;
    va_start(args, format);
    (void)vsnprintf(message, sizeof message, format, args);
    va_end(args);
    log->write(log->arg, level, message);
}
