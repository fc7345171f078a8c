/* SPDX-License-Identifier: MIT
 *
 * A batch as it goes over the wire, and the answer to it.
 */
#ifndef DELIVER_REMOTE_BATCH_H
#define DELIVER_REMOTE_BATCH_H

#include <stdbool.h>

#include "base/strbuf.h"
#include "store/store.h"

/* Append the array of all items. */
void remote_batch_write(struct strbuf *body, struct write *const *writes, size_t count);

/* Fill in the results from the answer. false: it does not tell of each item what became of it, so it
 * is not our service's. */
bool remote_batch_read(const struct strbuf *answer, struct write **writes, size_t count);

#endif
