/* SPDX-License-Identifier: MIT */
#include "deliver/batch.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

#define BATCH_BYTES_MAX ((size_t)8 * 1024 * 1024) /* one line may go beyond */

tel_error batch_init(struct batch *batch, size_t capacity, tel_fault *fault)
{
    *batch = (struct batch){.capacity = capacity};
    batch->items = calloc(batch->capacity, sizeof *batch->items);
    batch->writes = calloc(batch->capacity, sizeof *batch->writes);
    return batch->items && batch->writes ? TEL_OK : fault_nomem(fault);
}

void batch_clear(struct batch *batch)
{
    batch_empty(batch);
    free(batch->items);
    free(batch->writes);
    *batch = (struct batch){0};
}

void batch_empty(struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        free(batch->items[i].line);
        record_clear(&batch->items[i].record);
    }
    batch->count = 0;
    batch->bytes = 0;
}

static char *copy_line(const char *line, size_t length)
{
    char *copy = malloc(length + 1);

    if (!copy)
        return NULL;
    memcpy(copy, line, length);
    copy[length] = '\0';
    return copy;
}

tel_error batch_add(struct batch *batch, enum write_kind kind, struct tel_record *record,
                    const char *line, size_t length, size_t number)
{
    struct batch_item *item = &batch->items[batch->count];
    char *copy = copy_line(line, length);

    if (!copy)
        return TEL_E_NOMEM;
    *item = (struct batch_item){.line = copy, .length = length, .number = number};
    item->record = *record;
    *record = RECORD();
    item->write.kind = kind;
    item->write.record = &item->record;
    batch->count++;
    batch->bytes += length;
    return TEL_OK;
}

bool batch_is_full(const struct batch *batch)
{
    return batch->count == batch->capacity || batch->bytes >= BATCH_BYTES_MAX;
}

struct write **batch_writes(struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++)
        batch->writes[i] = &batch->items[i].write;
    return batch->writes;
}
