/* SPDX-License-Identifier: MIT
 *
 * Any bytes as a run that is buffered: its line is one line, and reads back as the same run; so does
 * the line of an update with all that may be updated.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "deliver/buffer_line.h"
#include "deliver/line.h"
#include "deliver/record_line.h"
#include "model/record_json.h"

/* Read a line back, and compare the fields of `set`. */
static void check_line(const struct strbuf *line, enum write_kind kind,
                       const struct tel_record *record, field_set set)
{
    CLEANUP(json_releasep) json_t *json = NULL;
    CLEANUP(record_clear) struct tel_record read = RECORD();
    CLEANUP(strbuf_clear) struct strbuf was = STRBUF(1 << 20);
    CLEANUP(strbuf_clear) struct strbuf is = STRBUF(1 << 20);
    enum write_kind read_kind;
    tel_fault reason = {TEL_OK, ""};

    if (strpbrk(line->text, "\r\n"))
        abort();
    if (record_line_parse(&json, line->text, strlen(line->text), /* whole= */ true, &reason) ||
        record_line_read(&read_kind, &read, json, &reason) || read_kind != kind)
        abort();
    record_write_members(&was, record, record->given & set, RECORD_AS_STORED);
    record_write_members(&is, &read, read.given & set, RECORD_AS_STORED);
    if (strbuf_failed(&was) || strbuf_failed(&is) || strcmp(was.text, is.text) != 0)
        abort();
}

/* Does it have what every run needs? One that has not is set aside by whoever reads it. */
static bool is_whole(const struct tel_record *record)
{
    for (int i = 0; i < RUN_FIELD_COUNT; i++) {
        const char *text = kind_is_text(run_fields[i].kind) ? record_text(record, i) : "-";

        if (run_fields_with(REQUIRED) & FIELD_BIT(i) && (!record_has(record, i) || !text || !*text))
            return false;
    }
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(freep) char *text = strndup((const char *)data, size);
    CLEANUP(strbuf_clear) struct strbuf run = LINE();
    CLEANUP(strbuf_clear) struct strbuf update = LINE();
    struct tel_record *record = NULL;
    tel_fault fault = {TEL_OK, ""};
    field_set patchable = run_fields_with(PATCH);

    if (!text || tel_record_from_json(&record, text, &fault))
        return 0;
    if (is_whole(record)) {
        if (buffer_line_run(&run, record, &fault))
            abort();
        check_line(&run, WRITE_CREATE, record, record->given & run_fields_with(CREATE));
    }
    if (!buffer_line_update(&update, record, patchable, &fault))
        check_line(&update, WRITE_LATE_UPDATE, record, patchable | FIELD_BIT(FIELD_event_id));
    tel_record_free(record);
    return 0;
}
