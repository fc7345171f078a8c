/* SPDX-License-Identifier: MIT
 *
 * Read-only connections to the database, one for each thread that reads, so that no read waits for
 * another.
 */
#ifndef SERVICE_READER_H
#define SERVICE_READER_H

#include "store/store.h"

struct reader;

/* `options` must outlive the reader; what it says about writing is left out. Before it is released, every
 * thread that kept a connection has come to rest or ended. */
tel_error reader_new(struct reader **out, const struct store_options *options, size_t stores,
                     tel_fault *fault);
void reader_free(struct reader *reader);

/* Take a connection, waiting until one is free, and give it back. One that a fault came from is
 * closed, and opened anew when it is next needed. */
tel_error reader_take(struct reader *reader, struct store **store, tel_fault *fault);
void reader_give(struct reader *reader, struct store *store, tel_error outcome);

/*
 * The same for short reads, which may come many at a time: this thread keeps its connection until it
 * comes to rest (http/rest.h), and from its second read on they share a transaction, as long as they
 * `may_hold` others' commits up, and for one turn at most.
 */
tel_error reader_take_kept(struct reader *reader, struct store **store, tel_fault *fault);
void reader_keep(struct reader *reader, struct store *store, tel_error outcome, bool may_hold);

#endif
