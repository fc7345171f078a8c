/* SPDX-License-Identifier: MIT
 *
 * The record as host programs see it: tel_record_*() of telemetry.h.
 */
#include <stdlib.h>

#include "base/cleanup.h"
#include "model/record_json.h"

#define LINE_BYTES_MAX ((size_t)512 * 1024 * 1024)
#define ALL_FIELDS (~(field_set)0)

void tel_free(void *memory)
{
    free(memory);
}

static struct tel_record *record_alloc(void)
{
    struct tel_record *record = malloc(sizeof *record);

    if (record)
        *record = RECORD();
    return record;
}

tel_error tel_record_new(tel_record **out, const tel_run_fields *fields, tel_fault *fault)
{
    CLEANUP(record_freep) struct tel_record *record = NULL;
    tel_error error;

    if (!out)
        return fault_set(fault, TEL_E_INVALID, "out must not be NULL");
    *out = NULL;
    record = record_alloc();
    if (!record)
        return fault_nomem(fault);
    error = record_merge_fields(record, fields, ALL_FIELDS, fault);
    if (!error)
        *out = steal(&record);
    return error;
}

void tel_record_free(tel_record *record)
{
    if (!record)
        return;
    record_clear(record);
    free(record);
}

const tel_run_fields *tel_record_fields(const tel_record *record)
{
    return record ? &record->fields : NULL;
}

/* Find a field by a caller's name. */
static tel_error find(int *index, const char *name, tel_fault *fault)
{
    if (!name)
        return fault_set(fault, TEL_E_INVALID, "the name of the field must not be NULL");
    *index = run_field_find(name);
    if (*index < 0)
        return fault_set(fault, TEL_E_NOT_FOUND, "a run has no field \"%.60s\"", name);
    return TEL_OK;
}

tel_error tel_record_set(tel_record *record, const char *name, const char *value, tel_fault *fault)
{
    int index = -1;
    tel_error error;

    if (!record)
        return fault_set(fault, TEL_E_INVALID, "record must not be NULL");
    error = find(&index, name, fault);
    return error ? error : record_parse(record, index, value, fault);
}

tel_error tel_record_set_int(tel_record *record, const char *name, int64_t value, tel_fault *fault)
{
    int index = -1;
    tel_error error;

    if (!record)
        return fault_set(fault, TEL_E_INVALID, "record must not be NULL");
    error = find(&index, name, fault);
    return error ? error : record_set_int(record, index, value, fault);
}

const char *tel_record_get(const tel_record *record, const char *name)
{
    int index = -1;

    if (!record || find(&index, name, NULL))
        return NULL;
    return record_text(record, index);
}

int64_t tel_record_get_int(const tel_record *record, const char *name)
{
    int index = -1;

    if (!record || find(&index, name, NULL))
        return 0;
    return record_int(record, index);
}

tel_error tel_record_to_json(char **out, const tel_record *record)
{
    CLEANUP(strbuf_clear) struct strbuf buf = STRBUF(LINE_BYTES_MAX);

    if (!out)
        return TEL_E_INVALID;
    *out = NULL;
    if (!record)
        return TEL_E_INVALID;
    strbuf_putc(&buf, '{');
    record_write_members(&buf, record, ALL_FIELDS, RECORD_AS_STORED);
    strbuf_putc(&buf, '}');
    *out = strbuf_take(&buf);
    return *out ? TEL_OK : TEL_E_NOMEM;
}

tel_error tel_record_from_json(tel_record **out, const char *json, tel_fault *fault)
{
    CLEANUP(json_releasep) json_t *object = NULL;
    CLEANUP(record_freep) struct tel_record *record = NULL;
    tel_fault first = {0};
    tel_error error;

    if (!out)
        return fault_set(fault, TEL_E_INVALID, "out must not be NULL");
    *out = NULL;
    if (!json)
        return fault_set(fault, TEL_E_INVALID, "json must not be NULL");
    object = json_parse(json, strlen(json), fault);
    if (!object)
        return TEL_E_INVALID;
    if (!json_is_object(object))
        return fault_set(fault, TEL_E_INVALID, "a run must be a JSON object");
    record = record_alloc();
    if (!record)
        return fault_nomem(fault);
    error = record_read_json(record, object, ALL_FIELDS, 0, field_fault_keep_first, &first);
    if (error)
        return fault_set(fault, error, "%s", error == TEL_E_NOMEM ? "out of memory" : first.text);
    *out = steal(&record);
    return TEL_OK;
}
