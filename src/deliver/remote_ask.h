/* SPDX-License-Identifier: MIT
 *
 * Requests to the service, whose answers count only when they are the service's: any program may
 * listen on its port, and many answer whatever they are asked.
 */
#ifndef DELIVER_REMOTE_ASK_H
#define DELIVER_REMOTE_ASK_H

#include "deliver/http.h"

#define REMOTE_RUNS_PATH "/api/v1/runs"
#define REMOTE_BATCH_PATH REMOTE_RUNS_PATH "/batch"

/*
 * Send a request as http_send() does, and judge the answer more closely:
 *
 *   TEL_OK             2xx. Whether it is the service's answer is for the caller to see from the
 *                      body; if it is not, remote_fault_strange() says so.
 *   TEL_E_NOT_FOUND    404 of the service
 *   TEL_E_REJECTED     400, 413 or 422 of the service: it refuses what the request contains
 *   TEL_E_UNAVAILABLE  all else, a wrong token or a foreign program on the port included: somebody
 *                      may put it right, so it is worth trying again later
 */
tel_error remote_ask(struct http *http, const char *method, const char *path, const char *body,
                     struct deadline deadline, struct http_response *response, tel_fault *fault);

/* Say who answered, but not as the service does; TEL_E_UNAVAILABLE. */
tel_error remote_fault_strange(struct http *http, struct deadline deadline, tel_fault *fault);

/*
 * Find out whether it is our service that answers. TEL_OK: it is. TEL_E_REJECTED: it is, but wants
 * another token. TEL_E_UNAVAILABLE: nobody answers, or another program does; the fault says which.
 */
tel_error remote_identify(struct http *http, struct deadline deadline, tel_fault *fault);

#endif
