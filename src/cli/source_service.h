/* SPDX-License-Identifier: MIT
 *
 * Runs from the service, by HTTP.
 */
#ifndef CLI_SOURCE_SERVICE_H
#define CLI_SOURCE_SERVICE_H

#include "config/config.h"
#include "deliver/http.h"
#include "store/store.h"

/* Find the service. TEL_E_UNAVAILABLE: none answers, or what answers is something else;
 * TEL_E_REJECTED: it is ours, but wants another token. Release with http_free(). */
tel_error service_open(struct http **out, const struct tel_config *config, tel_fault *fault);

/* As store_get() and store_query(), for any limit. */
tel_error service_get(struct http *http, const char *event_id, struct tel_record *record,
                      tel_fault *fault);
tel_error service_query(struct http *http, const struct run_query *query, tel_record_fn *each,
                        void *arg, tel_fault *fault);

#endif
