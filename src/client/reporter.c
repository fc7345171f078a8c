/* SPDX-License-Identifier: MIT */
#include "client/reporter.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

#define MESSAGE_BYTES_MAX 1024

uint64_t text_hash(const char *text)
{
    uint64_t hash = UINT64_C(14695981039346656037); /* FNV-1a */

    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * UINT64_C(1099511628211);
    return hash ? hash : 1;
}

/* Note a cause. false: it was known, or there is no room for more. */
static bool is_new(struct reporter *reporter, const char *cause)
{
    uint64_t hash = text_hash(cause);

    for (size_t i = 0; i < REPORTER_CAUSES_MAX; i++) {
        _Atomic uint64_t *slot = &reporter->causes[(hash + i) % REPORTER_CAUSES_MAX];
        uint64_t found = 0;

        if (atomic_compare_exchange_strong(slot, &found, hash))
            return true;
        if (found == hash)
            return false;
    }
    return false;
}

void report(struct reporter *reporter, tel_log_level level, const char *cause, const char *format,
            ...)
{
    char message[MESSAGE_BYTES_MAX];
    va_list args;

    if (!reporter->log.write || level < reporter->log.level || !is_new(reporter, cause))
        return;
    va_start(args, format);
    (void)vsnprintf(message, sizeof message, format, args);
    va_end(args);
    log_write(&reporter->log, level, "%s", message);
}

void report_fault(struct reporter *reporter, const tel_fault *fault, const char *what)
{
    report(reporter, TEL_LOG_WARNING, fault->text, "%s; %s", fault->text, what);
}

void report_line(void *arg, tel_log_level level, const char *message)
{
    report(arg, level, message, "%s", message);
}

struct log reporter_as_log(struct reporter *reporter)
{
    return (struct log){.write = report_line, .arg = reporter};
}
