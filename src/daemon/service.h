/* SPDX-License-Identifier: MIT
 *
 * What the handlers of requests share. Made by main(), and the same until the end.
 */
#ifndef DAEMON_SERVICE_H
#define DAEMON_SERVICE_H

#include "daemon/auth.h"
#include "daemon/logger.h"
#include "daemon/rate_limiter.h"
#include "daemon/reader.h"
#include "daemon/visitor.h"
#include "daemon/writer.h"

struct service {
    struct logger logger;
    struct visitor_rules visitors;
    struct auth auth;
    struct rate_limiter *limiter; /* NULL: everybody may ask as often as they like */
    bool reads_need_token;
    struct writer *writer;
    struct reader *reader;
    const char *database; /* for /health */
    const char *buffer_directory;
    int64_t started_us;
    char journal_mode[16];
    char synchronous[16];
};

#endif
