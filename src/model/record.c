/* SPDX-License-Identifier: MIT */
#include "model/record.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/utf8.h"
#include "model/status.h"

#define TEXT_BYTES_MAX ((size_t)64 * 1024 * 1024)
#define QUOTE_CHARS_MAX 60 /* of a caller's value in a message */

static void *member(tel_run_fields *fields, int index)
{
    return (char *)fields + run_fields[index].offset;
}

static const void *const_member(const tel_run_fields *fields, int index)
{
    return (const char *)fields + run_fields[index].offset;
}

static char *get_text(const tel_run_fields *fields, int index)
{
    char *text;

    memcpy(&text, const_member(fields, index), sizeof text);
    return text;
}

static int64_t get_int(const tel_run_fields *fields, int index)
{
    int64_t value;

    memcpy(&value, const_member(fields, index), sizeof value);
    return value;
}

static bool is_text(int index)
{
    return kind_is_text(run_fields[index].kind);
}

bool record_has(const struct tel_record *record, int index)
{
    return (record->given & FIELD_BIT(index)) != 0;
}

const char *record_text(const struct tel_record *record, int index)
{
    return is_text(index) ? get_text(&record->fields, index) : NULL;
}

int64_t record_int(const struct tel_record *record, int index)
{
    return is_text(index) ? 0 : get_int(&record->fields, index);
}

bool record_has_ended(const struct tel_record *record)
{
    const char *status = record_text(record, FIELD_status);

    return status && status_is_terminal(status);
}

/* Put an owned text (or NULL: not given) into its member. */
static void adopt_text(struct tel_record *record, int index, char *text)
{
    free(get_text(&record->fields, index));
    memcpy(member(&record->fields, index), &text, sizeof text);
    if (text)
        record->given |= FIELD_BIT(index);
    else
        record->given &= ~FIELD_BIT(index);
}

static void clear_int(struct tel_record *record, int index)
{
    memset(member(&record->fields, index), 0, sizeof(int64_t));
    record->given &= ~FIELD_BIT(index);
}

void record_clear(struct tel_record *record)
{
    for (int i = 0; i < RUN_FIELD_COUNT; i++) {
        if (is_text(i))
            adopt_text(record, i, NULL);
        else
            clear_int(record, i);
    }
}

static tel_error wrong_type(int index, tel_fault *fault)
{
    return fault_set(fault, TEL_E_INVALID, "%s must be %s", run_fields[index].name,
                     is_text(index) ? "a string" : "an integer");
}

static char *copy_valid_utf8(const char *text)
{
    CLEANUP(strbuf_clear) struct strbuf buf = STRBUF(TEXT_BYTES_MAX);

    if (utf8_is_valid(text))
        return strdup(text);
    utf8_append(&buf, text);
    return strbuf_take(&buf);
}

/* Bring a text into the stored form of its kind. *out stays NULL with TEL_OK when memory ran out. */
static tel_error normalize(char **out, int index, const char *text, tel_fault *fault)
{
    const char *name = run_fields[index].name;
    char time[TEL_TIMESTAMP_SIZE];
    const char *status;
    int64_t us;

    switch (run_fields[index].kind) {
    case KIND_TIME:
        if (!timestamp_parse(&us, text))
            return fault_set(
                fault, TEL_E_INVALID,
                "%s must be an RFC 3339 time such as 2025-12-10T12:05:30Z, not \"%.*s\"", name,
                QUOTE_CHARS_MAX, text);
        timestamp_format(time, us);
        *out = strdup(time);
        return TEL_OK;
    case KIND_STATUS:
        status = status_normalize(text);
        if (!status)
            return fault_set(fault, TEL_E_INVALID, "%s must be %s, not \"%.*s\"", name,
                             run_fields[index].meaning, QUOTE_CHARS_MAX, text);
        *out = strdup(status);
        return TEL_OK;
    case KIND_SOURCE:
        if (strcmp(text, "manual") != 0 && strcmp(text, "llm") != 0 && strcmp(text, "ci") != 0)
            return fault_set(fault, TEL_E_INVALID, "%s must be manual, llm or ci, not \"%.*s\"",
                             name, QUOTE_CHARS_MAX, text);
        *out = strdup(text);
        return TEL_OK;
    case KIND_JSON:
        if (!json_is_valid(text))
            return fault_set(fault, TEL_E_INVALID, "%s must be JSON text", name);
        *out = strdup(text);
        return TEL_OK;
    default:
        *out = copy_valid_utf8(text);
        return TEL_OK;
    }
}

tel_error record_set_text(struct tel_record *record, int index, const char *text, tel_fault *fault)
{
    char *stored = NULL;
    tel_error error;

    if (!is_text(index)) {
        if (text)
            return wrong_type(index, fault);
        clear_int(record, index);
        return TEL_OK;
    }
    if (text) {
        error = normalize(&stored, index, text, fault);
        if (error)
            return error;
        if (!stored)
            return fault_nomem(fault);
    }
    adopt_text(record, index, stored);
    return TEL_OK;
}

tel_error record_set_int(struct tel_record *record, int index, int64_t value, tel_fault *fault)
{
    const struct run_field *field = &run_fields[index];

    if (is_text(index))
        return wrong_type(index, fault);
    if (field->kind == KIND_COUNT && value < 0)
        return fault_set(fault, TEL_E_INVALID, "%s must be >= 0", field->name);
    if (field->kind == KIND_BOOL && value != 0 && value != 1)
        return fault_set(fault, TEL_E_INVALID, "%s must be true or false", field->name);
    record_load_int(record, index, value);
    return TEL_OK;
}

tel_error record_load_text(struct tel_record *record, int index, const char *text)
{
    char *copy = strdup(text);

    if (!copy)
        return TEL_E_NOMEM;
    adopt_text(record, index, copy);
    return TEL_OK;
}

tel_error record_view_text(struct tel_record *record, int index, const char *text)
{
    memcpy(member(&record->fields, index), &text, sizeof text);
    record->given |= FIELD_BIT(index);
    return TEL_OK;
}

void record_load_int(struct tel_record *record, int index, int64_t value)
{
    memcpy(member(&record->fields, index), &value, sizeof value);
    record->given |= FIELD_BIT(index);
}

static bool parse_int(int64_t *value, enum field_kind kind, const char *text)
{
    int host_errno = errno;
    bool in_range;
    char *end;

    if (kind == KIND_BOOL && (strcasecmp(text, "true") == 0 || strcasecmp(text, "false") == 0)) {
        *value = strcasecmp(text, "true") == 0;
        return true;
    }
    errno = 0;
    *value = strtoimax(text, &end, 10);
    in_range = errno == 0;
    errno = host_errno;
    return in_range && end != text && !*end;
}

tel_error record_parse(struct tel_record *record, int index, const char *text, tel_fault *fault)
{
    int64_t value;

    if (!text || is_text(index))
        return record_set_text(record, index, text, fault);
    if (!parse_int(&value, run_fields[index].kind, text))
        return fault_set(fault, TEL_E_INVALID, "%s must be an integer, not \"%.*s\"",
                         run_fields[index].name, QUOTE_CHARS_MAX, text);
    return record_set_int(record, index, value, fault);
}

tel_error record_merge(struct tel_record *record, const struct tel_record *from, field_set set,
                       tel_fault *fault)
{
    for (int i = 0; i < RUN_FIELD_COUNT; i++) {
        if (!(from->given & set & FIELD_BIT(i)))
            continue;
        if (!is_text(i))
            record_load_int(record, i, get_int(&from->fields, i));
        else if (record_load_text(record, i, get_text(&from->fields, i)))
            return fault_nomem(fault);
    }
    return TEL_OK;
}

tel_error record_merge_fields(struct tel_record *record, const tel_run_fields *fields,
                              field_set set, tel_fault *fault)
{
    tel_run_fields known = {0};
    size_t size;
    tel_error first = TEL_OK;

    if (!fields)
        return TEL_OK;
    size = fields->size < sizeof known ? fields->size : sizeof known;
    memcpy(&known, fields, size);
    for (int i = 0; i < RUN_FIELD_COUNT; i++) {
        tel_error error = TEL_OK;

        if (!(set & FIELD_BIT(i)))
            continue;
        if (is_text(i) && get_text(&known, i))
            error = record_set_text(record, i, get_text(&known, i), first ? NULL : fault);
        else if (!is_text(i) && get_int(&known, i))
            error = record_set_int(record, i, get_int(&known, i), first ? NULL : fault);
        if (error && !first)
            first = error;
    }
    return first;
}
