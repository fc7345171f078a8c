/* SPDX-License-Identifier: MIT
 *
 * What the handlers of requests share. Made by main(), and the same until the end.
 */
#ifndef SERVICE_SERVICE_H
#define SERVICE_SERVICE_H

#include "http/auth.h"
#include "http/logger.h"
#include "http/rate_limiter.h"
#include "service/reader.h"
#include "http/visitor.h"
#include "service/writer.h"

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
