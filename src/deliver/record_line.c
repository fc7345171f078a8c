/* SPDX-License-Identifier: MIT */
#include "deliver/record_line.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "deliver/outbox.h"
#include "model/record_json.h"

/* ---- Parsing --------------------------------------------------------------------------------- */

static tel_error parse(json_t **out, const char *line, size_t length, bool whole, tel_fault *reason)
{
    tel_fault why;

    if (!whole && length == FILE_LINE_BYTES_MAX)
        return fault_set(reason, TEL_E_INVALID,
                         "the line is longer than %zu bytes; this is its beginning",
                         FILE_LINE_BYTES_MAX);
    *out = json_parse(line, length, &why);
    if (*out)
        return TEL_OK;
    if (!whole && why.code == TEL_E_INVALID)
        return fault_set(reason, TEL_E_INVALID,
                         "the line is torn: the file ends in the middle of it");
    return fault_set(reason, why.code, "%s", why.text);
}

static tel_error fault_no_object(tel_fault *reason)
{
    return fault_set(reason, TEL_E_INVALID, "a record must be a JSON object");
}

tel_error record_line_parse(json_t **out, const char *line, size_t length, bool whole,
                            tel_fault *reason)
{
    CLEANUP(json_releasep) json_t *json = NULL;
    tel_error error = parse(&json, line, length, whole, reason);

    *out = NULL;
    if (error)
        return error;
    if (!json_is_object(json))
        return fault_no_object(reason);
    if (outbox_is_request(json))
        return outbox_translate(out, json, reason);
    *out = steal(&json);
    return TEL_OK;
}

/* ---- Reading --------------------------------------------------------------------------------- */

/* Tell creations from updates. Runs of older writers may lack the type. */
static tel_error read_kind(enum write_kind *kind, const json_t *object, tel_fault *reason)
{
    const json_t *type = json_object_get(object, "record_type");

    *kind = WRITE_CREATE;
    if (!type || json_is_null(type))
        return TEL_OK;
    if (!json_is_string(type))
        return fault_set(reason, TEL_E_INVALID, "record_type must be a string");
    if (strcmp(json_string_value(type), "run") == 0)
        return TEL_OK;
    *kind = WRITE_LATE_UPDATE;
    if (strcmp(json_string_value(type), "update") == 0)
        return TEL_OK;
    return fault_set(reason, TEL_E_INVALID, "record_type must be run or update, not \"%.60s\"",
                     json_string_value(type));
}

tel_error record_line_read(enum write_kind *kind, struct tel_record *record, const json_t *object,
                           tel_fault *reason)
{
    field_set set = run_fields_with(CREATE);
    field_set required = run_fields_with(REQUIRED);
    tel_fault first = {0};
    tel_error error;

    if (!json_is_object(object))
        return fault_no_object(reason);
    error = read_kind(kind, object, reason);
    if (error)
        return error;
    if (*kind == WRITE_LATE_UPDATE) {
        required = FIELD_BIT(FIELD_event_id);
        set = run_fields_with(PATCH) | required;
    }
    error = record_read_json(record, object, set, required, field_fault_keep_first, &first);
    if (error)
        return fault_set(reason, error, "%s", first.text);
    if (*kind == WRITE_LATE_UPDATE && !(record->given & ~required))
        return fault_set(reason, TEL_E_INVALID, "an update must name a field to update");
    return TEL_OK;
}
