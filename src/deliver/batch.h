/* SPDX-License-Identifier: MIT
 *
 * Lines that became writes, to be applied together. Each write stays beside the line it came from, so
 * that what is refused can be set aside as it was.
 */
#ifndef DELIVER_BATCH_H
#define DELIVER_BATCH_H

#include "store/store.h"

struct batch_item {
    char *line;
    size_t length;
    size_t number; /* of the line in its file */
    struct tel_record record;
    struct write write;
};

struct batch {
    struct batch_item *items;
    struct write **writes; /* those of the items, once batch_writes() was asked */
    size_t capacity;
    size_t count;
    size_t bytes; /* of the lines */
};

/* Make an empty batch for that many writes, one at least. */
tel_error batch_init(struct batch *batch, size_t capacity, tel_fault *fault);
void batch_clear(struct batch *batch);

/* Let go of the items, and begin anew. */
void batch_empty(struct batch *batch);

/* Add a write of this kind to a batch that is not full. The record is taken over and is empty
 * afterwards; the line is copied. */
tel_error batch_add(struct batch *batch, enum write_kind kind, struct tel_record *record,
                    const char *line, size_t length, size_t number);

bool batch_is_full(const struct batch *batch);

/* Return the writes of the items, to be applied. */
struct write **batch_writes(struct batch *batch);

#endif
