/* SPDX-License-Identifier: MIT
 *
 * One line for each request: at DEBUG, or at WARNING when it was refused, failed or slow. Nothing of
 * what was sent is in it but the path, and the query of a slow one, its secrets masked.
 */
#ifndef HTTP_REQUEST_LOG_H
#define HTTP_REQUEST_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "http/exchange.h"
#include "http/logger.h"

struct request_story {
    const char *target;   /* as it came */
    int64_t began_ms;     /* its headers were there */
    int64_t handled_ms;   /* it was handed to its handler; 0: it was refused before */
    int64_t answered_ms;  /* the answer was there; 0: never */
    bool has_ended_early; /* the peer was too slow */
};

void request_log(const struct logger *logger, const struct exchange *exchange,
                 const struct request_story *story);

#endif
