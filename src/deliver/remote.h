/* SPDX-License-Identifier: MIT
 *
 * The service as its senders see it: a store that is reached by HTTP.
 */
#ifndef DELIVER_REMOTE_H
#define DELIVER_REMOTE_H

#include "deliver/http.h"
#include "deliver/sync.h"
#include "store/store.h"

/*
 * Apply writes in order and fill in their results, as store_apply() does. A single WRITE_CREATE is
 * POSTed, a single WRITE_UPDATE is a PATCH (or, when it clears the fields of a commit, associates
 * one), all else is a batch, in which there may be no WRITE_UPDATE. A record that the service refuses for what it contains is WRITE_INVALID, with the
 * reason.
 *
 * TEL_E_UNAVAILABLE: the service is not there, cannot take them now, wants another token, or is none
 * of ours. Some of the writes may have been applied all the same: send all of them again.
 */
tel_error remote_apply(struct http *http, struct write **writes, size_t count,
                       struct deadline deadline, tel_fault *fault);

/* A sync_deliver_fn that delivers to the service until a deadline. */
struct remote_delivery { /* its `arg` */
    struct http *http;
    struct deadline deadline;
};
sync_deliver_fn remote_deliver;

/* Note the commit that the git_commit_* fields of `commit` give with the run of its event_id.
 * TEL_E_NOT_FOUND, TEL_E_REJECTED (the fault has the reason), TEL_E_UNAVAILABLE. */
tel_error remote_associate_commit(struct http *http, const struct tel_record *commit,
                                  struct deadline deadline, tel_fault *fault);

#endif
