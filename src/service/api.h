/* SPDX-License-Identifier: MIT
 *
 * The handlers, one for each method and path (router.c has the table).
 */
#ifndef SERVICE_API_H
#define SERVICE_API_H

#include "http/exchange.h"
#include "http/parameter.h"
#include "service/service.h"

typedef void handler_fn(struct service *service, struct exchange *exchange);

handler_fn api_health, api_version, api_metrics;
handler_fn api_openapi, api_docs;
handler_fn api_metadata, api_metadata_field;
handler_fn api_batch, api_commit, api_commit_url, api_repo_url;
handler_fn api_runs_create, api_runs_list, api_run_get, api_run_tree, api_run_update;

/* What those take in the query of their URL (query.h has that of lists). */
extern const struct parameter_spec commit_parameters[], tree_parameters[], update_parameters[];

#endif
