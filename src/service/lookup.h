/* SPDX-License-Identifier: MIT
 *
 * The run that a request's path names, and what is answered when there is none.
 */
#ifndef SERVICE_LOOKUP_H
#define SERVICE_LOOKUP_H

#include "http/exchange.h"
#include "service/service.h"

/* Call `each` with the run, which lasts until it returns. false: the exchange has its answer. */
bool lookup_view(struct service *service, struct exchange *exchange, tel_record_fn *each,
                 void *arg);

/* Get the run into an empty record. false: the exchange has its answer. */
bool lookup_run(struct service *service, struct exchange *exchange, struct tel_record *record);

/* Answer 404. */
void answer_no_run(struct exchange *exchange, const char *event_id);

/* Answer a fault of the database: 500 when it is damaged, 503 when it may pass. */
void answer_read_fault(struct exchange *exchange, const tel_fault *fault);

#endif
