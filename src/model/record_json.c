/* SPDX-License-Identifier: MIT */
#include "model/record_json.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/json_plain.h"

/* What merging may make of a value, since each merge may add to it. */
#define MERGED_BYTES_MAX ((size_t)64 * 1024 * 1024)

/* A value with its quotes and escapes; the largest text doubles six times over at worst. */
#define VALUE_BYTES_MAX ((size_t)512 * 1024 * 1024)

static void write_json_text(struct strbuf *buf, const char *name, const char *text)
{
    CLEANUP(json_releasep) json_t *json = NULL;
    bool is_plain = json_is_plain(text);
    tel_fault fault;

    if (!is_plain)
        json = json_parse(text, strlen(text), &fault);
    if (is_plain || json) {
        strbuf_puts(buf, text);
        return;
    }
    json_write_string(buf, text);
    strbuf_printf(buf, ",\"%s_parse_error\":", name);
    json_write_string(buf, fault.text);
}

static void write_value(struct strbuf *buf, const struct tel_record *record, int index,
                        enum record_form form)
{
    const struct run_field *field = &run_fields[index];

    if (!record_has(record, index))
        strbuf_puts(buf, "null");
    else if (field->kind == KIND_JSON && form == RECORD_AS_SERVED)
        write_json_text(buf, field->name, record_text(record, index));
    else if (kind_is_text(field->kind))
        json_write_string(buf, record_text(record, index));
    else if (field->kind == KIND_BOOL && form == RECORD_AS_SERVED)
        strbuf_puts(buf, record_int(record, index) ? "true" : "false");
    else
        strbuf_put_int(buf, record_int(record, index));
}

/* What stands before each value, the comma included, which the first has not. */
static const struct {
    const char *text;
    size_t length;
} keys[RUN_FIELD_COUNT] = {
#define FIELD(name, kind, access, initial, meaning) \
    {",\"" #name "\":", sizeof(",\"" #name "\":") - 1},
#include "model/run_fields.def"
#undef FIELD
};

void record_write_members(struct strbuf *buf, const struct tel_record *record, field_set set,
                          enum record_form form)
{
    size_t skipped = 1;

    for (int i = 0; i < RUN_FIELD_COUNT; i++) {
        if (!(set & FIELD_BIT(i)))
            continue;
        strbuf_append(buf, keys[i].text + skipped, keys[i].length - skipped);
        write_value(buf, record, i, form);
        skipped = 0;
    }
}

static tel_error fault_nul(int index, tel_fault *fault)
{
    return fault_set(fault, TEL_E_INVALID, "%s must not contain NUL", run_fields[index].name);
}

static tel_error read_json_field(struct tel_record *record, int index, const json_t *value,
                                 tel_fault *fault)
{
    CLEANUP(strbuf_clear) struct strbuf text = STRBUF(VALUE_BYTES_MAX);

    if (json_is_string(value) && json_is_valid(json_string_value(value)))
        strbuf_puts(&text, json_string_value(value));
    else
        json_write_value(&text, value);
    if (strbuf_failed(&text))
        return fault_nomem(fault);
    /* Valid by construction: no need to parse it once more, as record_set_text() would. */
    return record_load_text(record, index, text.text) ? fault_nomem(fault) : TEL_OK;
}

static tel_error read_field(struct tel_record *record, int index, const json_t *value,
                            tel_fault *fault)
{
    enum field_kind kind = run_fields[index].kind;

    if (kind == KIND_JSON)
        return read_json_field(record, index, value, fault);
    if (json_is_string(value) && strlen(json_string_value(value)) != json_string_length(value))
        return fault_nul(index, fault);
    if (json_is_string(value) && kind_is_text(kind))
        return record_set_text(record, index, json_string_value(value), fault);
    if (json_is_boolean(value) && kind == KIND_BOOL)
        return record_set_int(record, index, json_is_true(value), fault);
    if (json_is_integer(value) && !kind_is_text(kind))
        return record_set_int(record, index, json_integer_value(value), fault);
    return fault_set(fault, TEL_E_INVALID, "%s must be %s", run_fields[index].name,
                     kind_is_text(kind)  ? "a string"
                     : kind == KIND_BOOL ? "true or false"
                                         : "an integer");
}

/* Cut "field must be ..." down to "must be ...": whoever reports names the field by itself. */
static const char *without_name(const char *text, const char *name)
{
    size_t length = strlen(name);

    return strncmp(text, name, length) == 0 && text[length] == ' ' ? text + length + 1 : text;
}

tel_error record_read_json(struct tel_record *record, const json_t *object, field_set set,
                           field_set required, field_fault_fn *report, void *arg)
{
    tel_error result = TEL_OK;

    for (int i = 0; i < RUN_FIELD_COUNT; i++) {
        const char *name = run_fields[i].name;
        const json_t *value = json_object_get(object, name);
        const char *message = NULL;
        tel_fault fault = {0};

        if (!(set & FIELD_BIT(i)))
            continue;
        if (value && !json_is_null(value) && read_field(record, i, value, &fault)) {
            if (fault.code == TEL_E_NOMEM)
                return TEL_E_NOMEM;
            message = without_name(fault.text, name);
        } else if (required & FIELD_BIT(i)) {
            if (!record_has(record, i))
                message = "is required";
            else if (kind_is_text(run_fields[i].kind) && !*record_text(record, i))
                message = "must not be empty";
        }
        if (message) {
            report(arg, name, message);
            result = TEL_E_INVALID;
        }
    }
    return result;
}

static tel_error merge_field(struct tel_record *record, const struct tel_record *stored, int index,
                             tel_fault *fault)
{
    const char *patch_text = record_text(record, index);
    const char *value_text = record_text(stored, index);
    tel_fault why = {0};
    CLEANUP(json_releasep) json_t *patch = json_parse(patch_text, strlen(patch_text), &why);
    CLEANUP(json_releasep) json_t *value = NULL;
    CLEANUP(json_releasep) json_t *merged = NULL;
    CLEANUP(strbuf_clear) struct strbuf text = STRBUF(MERGED_BYTES_MAX);

    if (patch && value_text)
        value = json_parse(value_text, strlen(value_text), &why);
    if (!patch || why.code == TEL_E_NOMEM) /* what is stored and no JSON is replaced */
        return fault_set(fault, why.code, "%s", why.text);
    merged = json_merge(value, patch);
    if (!merged)
        return fault_nomem(fault);
    json_write_value(&text, merged);
    if (text.too_large)
        return fault_set(fault, TEL_E_TOO_LARGE, "%s would become larger than %zu bytes",
                         run_fields[index].name, MERGED_BYTES_MAX);
    if (strbuf_failed(&text) || record_load_text(record, index, text.text))
        return fault_nomem(fault);
    return TEL_OK;
}

tel_error record_merge_json(struct tel_record *record, const struct tel_record *stored,
                            tel_fault *fault)
{
    tel_error error = TEL_OK;

    for (int i = 0; i < RUN_FIELD_COUNT && !error; i++) {
        if (run_fields[i].kind == KIND_JSON && record_has(record, i))
            error = merge_field(record, stored, i, fault);
    }
    return error;
}

void field_fault_keep_first(void *arg, const char *field, const char *message)
{
    tel_fault *fault = arg;

    if (fault->code == TEL_OK)
        fault_set(fault, TEL_E_INVALID, "%s %s", field, message);
}
