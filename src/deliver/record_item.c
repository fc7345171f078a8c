/* SPDX-License-Identifier: MIT */
#include "deliver/record_item.h"

#include <string.h>

/* Runs of older writers do not say what they are. */
static tel_error read_kind(enum write_kind *kind, const json_t *object, field_fault_fn *report,
                           void *arg)
{
    const json_t *type = json_object_get(object, "record_type");
    tel_fault fault;

    *kind = WRITE_CREATE;
    if (!type || json_is_null(type))
        return TEL_OK;
    if (!json_is_string(type)) {
        report(arg, "record_type", "must be a string");
        return TEL_E_INVALID;
    }
    if (strcmp(json_string_value(type), "run") == 0)
        return TEL_OK;
    *kind = WRITE_LATE_UPDATE;
    if (strcmp(json_string_value(type), "update") == 0)
        return TEL_OK;
    fault_set(&fault, TEL_E_INVALID, "must be run or update, not \"%.60s\"",
              json_string_value(type));
    report(arg, "record_type", fault.text);
    return fault.code;
}

static tel_error read_update(struct tel_record *record, const json_t *object,
                             field_fault_fn *report, void *arg)
{
    field_set required = FIELD_BIT(FIELD_event_id);
    field_set set = run_fields_with(PATCH) | required;
    tel_error error = record_read_json(record, object, set, required, report, arg);

    if (error == TEL_E_NOMEM || record->given & ~required)
        return error;
    report(arg, "update", "must name a field to update");
    return TEL_E_INVALID;
}

tel_error record_item_read(enum write_kind *kind, struct tel_record *record, const json_t *object,
                           field_fault_fn *report, void *arg)
{
    tel_error error = read_kind(kind, object, report, arg);

    if (error)
        return error;
    if (*kind == WRITE_LATE_UPDATE)
        return read_update(record, object, report, arg);
    return record_read_json(record, object, run_fields_with(CREATE), run_fields_with(REQUIRED),
                            report, arg);
}
