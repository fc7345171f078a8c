/* SPDX-License-Identifier: MIT
 *
 * Any bytes as a line that some client left: refused with a reason, or one or more writes that can be
 * sent, and whose line can be carried on.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "deliver/record_line.h"
#include "deliver/remote_batch.h"

static void take(const json_t *object)
{
    CLEANUP(record_clear) struct tel_record record = RECORD();
    CLEANUP(strbuf_clear) struct strbuf body = STRBUF(1000000);
    struct write write = {.record = &record};
    tel_fault reason = {TEL_OK, ""};

    if (record_line_read(&write.kind, &record, object, &reason)) {
        if (reason.code == TEL_OK || !*reason.text)
            abort();
        return;
    }
    if (!record_text(&record, FIELD_event_id))
        abort();
    remote_batch_write(&body, (struct write *const[]){&write}, 1);
    if (!strbuf_failed(&body) && !json_is_valid(body.text))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(freep) char *line = malloc(size + 1);
    CLEANUP(json_releasep) json_t *json = NULL;
    tel_fault reason = {TEL_OK, ""};
    const json_t *object;
    size_t i;

    if (!line)
        return 0;
    memcpy(line, data, size);
    line[size] = '\0';
    if (record_line_parse(&json, line, size, /* whole= */ true, &reason)) {
        if (reason.code == TEL_OK || !*reason.text || json)
            abort();
        return 0;
    }
    if (json_is_object(json))
        take(json);
    json_array_foreach(json, i, object) take(object);
    return 0;
}
