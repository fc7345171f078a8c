/* SPDX-License-Identifier: MIT
 *
 * APIClient of the founding document: exports runs to Google Sheets, or to a web app or webhook. One
 * thread at a time.
 */
#ifndef SHEETS_SHEETS_H
#define SHEETS_SHEETS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/log.h"
#include "config/config.h"

struct sheets;

/* Wait between two attempts. false: do not try again. */
typedef bool sheets_pause_fn(void *arg, int64_t ms);

struct sheets_options {
    const struct tel_config *config; /* must outlive it, and stay as it is */
    struct log log;
    sheets_pause_fn *pause; /* NULL: sleep */
    void *arg;
    const atomic_bool *cancelled; /* set by another thread: break off; NULL: never */
};

tel_error sheets_new(struct sheets **out, const struct sheets_options *options);
void sheets_free(struct sheets *sheets);

/* Would anything be sent? TEL_E_SKIPPED with the reason when not. */
tel_error sheets_is_on(const struct tel_config *config, tel_fault *fault);

/*
 * Export a run: one attempt, and `max_retries` more after 1, 2, 4, ... s while the other side answers
 * 5xx, or not at all.
 *
 *   TEL_E_SKIPPED      switched off, not configured, mock or not built in: nothing was sent
 *   TEL_E_INVALID      the address, the token or the key cannot be used: nothing was sent
 *   TEL_E_UNAVAILABLE  every attempt failed, or it answered 3xx, 408 or 429: try again later
 *   TEL_E_REJECTED     it answered another 4xx (TEL_E_NOT_FOUND: 404)
 *   TEL_E_CLOSED       broken off
 */
tel_error sheets_post(struct sheets *sheets, const tel_api_payload *payload, tel_fault *fault);

/* Was it what is in the run that the last post was refused for, so that others may be taken? */
bool sheets_refused_payload(const struct sheets *sheets);

/* Reach the other side once, with the token, and add nothing there. */
tel_error sheets_test(struct sheets *sheets, tel_fault *fault);

#endif
