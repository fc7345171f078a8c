/* SPDX-License-Identifier: MIT
 *
 * The service's log: one line an event on stderr, key=value, values quoted and escaped so that
 * nobody's text can pass for a line of ours. Never a token, never a payload.
 */
#ifndef HTTP_LOGGER_H
#define HTTP_LOGGER_H

#include <stdatomic.h>

#include "base/log.h"

struct logger {
    atomic_int level; /* a tel_log_level, which may change while others log */
};

struct log_field {
    const char *key; /* NULL: the end */
    const char *value;
};

/* Return the level of this name (DEBUG, INFO, WARNING, ERROR, any case); INFO for any other. */
tel_log_level logger_level(const char *name);

/* Set the level by its name. */
void logger_set_level(struct logger *logger, const char *name);

/* Log one event with what belongs to it; `fields` may be NULL. Thread-safe. */
void logger_event(const struct logger *logger, tel_log_level level, const char *message,
                  const struct log_field *fields);

#define LOG_FIELDS(...) ((const struct log_field[]){__VA_ARGS__, {NULL, NULL}})

/* The same for the layers below, which log plain messages. */
struct log logger_as_log(struct logger *logger);

#endif
