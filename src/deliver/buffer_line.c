/* SPDX-License-Identifier: MIT */
#include "deliver/buffer_line.h"

#include "base/clock.h"
#include "deliver/line.h"
#include "model/record_json.h"

/* A line without it, or with an empty one, would be refused by whoever reads it. */
static bool has_event_id(const struct tel_record *record)
{
    const char *id = record_text(record, FIELD_event_id);

    return id && *id;
}

tel_error buffer_line_run(struct strbuf *line, const struct tel_record *record, tel_fault *fault)
{
    if (!has_event_id(record))
        return fault_set(fault, TEL_E_INVALID, "a run needs an event_id to be buffered");
    strbuf_puts(line, "{\"record_type\":\"run\",");
    record_write_members(line, record, record->given, RECORD_AS_STORED);
    strbuf_putc(line, '}');
    return strbuf_failed(line) ? line_fault(line, fault) : TEL_OK;
}

tel_error buffer_line_update(struct strbuf *line, const struct tel_record *record, field_set set,
                             tel_fault *fault)
{
    field_set changed = record->given & set & run_fields_with(PATCH);
    char now[TEL_TIMESTAMP_SIZE];

    if (!has_event_id(record) || !changed)
        return fault_set(fault, TEL_E_INVALID,
                         "an update needs an event_id and a field to be buffered");
    timestamp_format(now, clock_now_us());
    strbuf_puts(line, "{\"record_type\":\"update\",");
    record_write_members(line, record, FIELD_BIT(FIELD_event_id), RECORD_AS_STORED);
    strbuf_printf(line, ",\"buffered_at\":\"%s\",", now);
    record_write_members(line, record, changed, RECORD_AS_STORED);
    strbuf_putc(line, '}');
    return strbuf_failed(line) ? line_fault(line, fault) : TEL_OK;
}
