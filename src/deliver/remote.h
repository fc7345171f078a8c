/* SPDX-License-Identifier: MIT
 *
 * The service as its senders see it: a store that is reached by HTTP.
 */
#ifndef DELIVER_REMOTE_H
#define DELIVER_REMOTE_H

#include "deliver/http.h"
#include "store/store.h"

#define REMOTE_RUNS_PATH "/api/v1/runs"
#define REMOTE_BATCH_PATH REMOTE_RUNS_PATH "/batch"

/*
 * Apply writes in order and fill in their results, as store_apply() does. A single WRITE_CREATE is
 * POSTed, a single WRITE_UPDATE is a PATCH, all else is a batch, in which there may be no
 * WRITE_UPDATE. A record that the service refuses for what it contains is WRITE_INVALID, with the
 * reason.
 *
 * TEL_E_UNAVAILABLE: the service is not there, cannot take them now, wants another token, or is none
 * of ours. Some of the writes may have been applied all the same: send all of them again.
 */
tel_error remote_apply(struct http *http, struct write **writes, size_t count,
                       struct deadline deadline, tel_fault *fault);

/*
 * Find out whether it is our service that answers. TEL_OK: it is. TEL_E_REJECTED: it is, but wants
 * another token. TEL_E_UNAVAILABLE: nobody answers, or another program does; the fault says which.
 */
tel_error remote_identify(struct http *http, struct deadline deadline, tel_fault *fault);

#endif
