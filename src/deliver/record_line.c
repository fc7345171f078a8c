/* SPDX-License-Identifier: MIT */
#include "deliver/record_line.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "deliver/outbox.h"
#include "deliver/record_item.h"

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

tel_error record_line_read(enum write_kind *kind, struct tel_record *record, const json_t *object,
                           tel_fault *reason)
{
    tel_fault first = {0};
    tel_error error;

    if (!json_is_object(object))
        return fault_no_object(reason);
    error = record_item_read(kind, record, object, field_fault_keep_first, &first);
    return error ? fault_set(reason, error, "%s", first.text) : TEL_OK;
}
