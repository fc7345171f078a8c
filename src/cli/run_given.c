/* SPDX-License-Identifier: MIT */
#include "cli/run_given.h"

#include <string.h>

/* Fields that `run` finds out by itself, or that only the store may set. */
static bool is_reserved(int field)
{
    static const int reserved[] = {
        FIELD_event_id,    FIELD_created_at,    FIELD_start_time,      FIELD_end_time,
        FIELD_duration_ms, FIELD_status,        FIELD_metrics_json,    FIELD_context_json,
        FIELD_api_posted,  FIELD_api_posted_at, FIELD_api_retry_count,
    };

    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++) {
        if (reserved[i] == field)
            return true;
    }
    return !(run_fields[field].access & (CREATE | PATCH));
}

static tel_error set_field(struct tel_record *fields, const char *name, const char *value,
                           tel_fault *fault)
{
    int field = run_field_find(name);

    if (field < 0)
        return fault_set(fault, TEL_E_NOT_FOUND,
                         "there is no field %.60s; see telemetry schema, or use metrics.%.60s",
                         name, name);
    if (is_reserved(field))
        return fault_set(fault, TEL_E_INVALID, "%s cannot be set; it is found out", name);
    return record_parse(fields, field, value, fault);
}

/* Put a member into an object: JSON as what it is, anything else as a string. */
static tel_error set_member(json_t **object, const char *name, const char *value, tel_fault *fault)
{
    json_t *member = json_parse(value, strlen(value), NULL);

    if (!*object)
        *object = json_object();
    if (!member)
        member = json_string(value);
    if (json_object_set_new(*object, name, member))
        return fault_set(fault, TEL_E_INVALID, "'%.60s=%.60s' is no UTF-8", name, value);
    return TEL_OK;
}

tel_error run_given_set(struct run_given *given, const char *name, const char *value,
                        tel_fault *fault)
{
    if (strncmp(name, "metrics.", 8) == 0 && name[8])
        return set_member(&given->metrics, name + 8, value, fault);
    if (strncmp(name, "context.", 8) == 0 && name[8])
        return set_member(&given->context, name + 8, value, fault);
    return set_field(&given->fields, name, value, fault);
}

void run_given_clear(struct run_given *given)
{
    record_clear(&given->fields);
    json_decref(given->metrics);
    json_decref(given->context);
    *given = RUN_GIVEN();
}
