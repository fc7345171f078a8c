/* SPDX-License-Identifier: MIT
 *
 * The table of what can be asked for: requests are handed out by it, and the service describes
 * itself by it (openapi.h).
 */
#ifndef SERVICE_ROUTES_H
#define SERVICE_ROUTES_H

#include <stdbool.h>

#include "service/api.h"

#define ROUTE_ANSWERS_MAX 3

/* A successful answer. Those of one status follow each other. */
struct route_answer {
    int status;               /* 0: there are no more */
    const char *schema;       /* openapi_schemas.h; NULL: a text */
    const char *content_type; /* NULL: JSON */
};

struct route {
    enum method method;
    const char *path; /* a segment in braces stands for any that is not empty */
    handler_fn *handler;
    bool is_open;                            /* asks for no token and is not counted */
    bool is_short;                           /* looks up one run, and does little with it */
    bool lists_runs;                         /* takes every field that is a filter as a parameter */
    const char *name;                        /* for generated clients */
    const char *title;                       /* what it does, in a few words */
    const struct parameter_spec *parameters; /* NULL: none */
    const char *body;                        /* the schema of what is sent; NULL: nothing is */
    struct route_answer answers[ROUTE_ANSWERS_MAX];
};

/* Of two paths that match, the one that comes first counts. Ends with a path that is NULL. */
extern const struct route routes[];

#endif
