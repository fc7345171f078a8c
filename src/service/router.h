/* SPDX-License-Identifier: MIT
 *
 * The gate: who may ask is settled before what is asked for is looked at. Then the table of routes
 * says who answers.
 */
#ifndef SERVICE_ROUTER_H
#define SERVICE_ROUTER_H

#include <stdbool.h>

#include "service/api.h"

/* Does a path match "/api/v1/runs/{event_id}"? *argument (may be NULL) is what stands for {...}. */
bool router_path_matches(const struct target *target, const char *pattern, const char **argument);

/* A server_greet_fn, a server_admit_fn and a server_handle_fn; `service` is the struct service. */
void router_greet(void *service, struct exchange *exchange);
bool router_admit(void *service, struct exchange *exchange);
void router_handle(void *service, struct exchange *exchange);

#endif
