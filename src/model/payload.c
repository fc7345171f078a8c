/* SPDX-License-Identifier: MIT
 *
 * APIPayload, what is exported to Google Sheets: a record cut down to these fields. Their order is
 * the order of the sheet's columns, which is not that of the table.
 */
#include "model/payload.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "model/record_json.h"

#define PAYLOAD_BYTES_MAX ((size_t)512 * 1024 * 1024)

static const enum run_field_index exported[] = {
    FIELD_run_id,
    FIELD_agent_name,
    FIELD_agent_owner,
    FIELD_job_type,
    FIELD_trigger_type,
    FIELD_start_time,
    FIELD_end_time,
    FIELD_status,
    FIELD_items_discovered,
    FIELD_items_succeeded,
    FIELD_items_failed,
    FIELD_duration_ms,
    FIELD_error_summary,
    FIELD_product,
    FIELD_platform,
    FIELD_product_family,
    FIELD_subdomain,
    FIELD_website,
    FIELD_website_section,
    FIELD_item_name,
    FIELD_git_repo,
    FIELD_git_branch,
    FIELD_git_commit_hash,
    FIELD_git_commit_source,
    FIELD_git_commit_author,
    FIELD_git_commit_timestamp,
    FIELD_host,
};

#define EXPORTED_COUNT (sizeof exported / sizeof *exported)

static field_set exported_set(void)
{
    field_set set = 0;

    for (size_t i = 0; i < EXPORTED_COUNT; i++)
        set |= FIELD_BIT(exported[i]);
    return set;
}

void tel_api_payload_free(tel_api_payload *payload)
{
    if (!payload)
        return;
    record_clear(&payload->record);
    free(payload);
}

tel_error tel_api_payload_from_run_record(tel_api_payload **out, const tel_record *record)
{
    tel_api_payload *payload;

    if (!out)
        return TEL_E_INVALID;
    *out = NULL;
    if (!record)
        return TEL_E_INVALID;
    payload = calloc(1, sizeof *payload);
    if (!payload)
        return TEL_E_NOMEM;
    payload->record = RECORD();
    if (record_merge(&payload->record, record, exported_set(), NULL)) {
        tel_api_payload_free(payload);
        return TEL_E_NOMEM;
    }
    *out = payload;
    return TEL_OK;
}

const char *tel_api_payload_get(const tel_api_payload *payload, const char *name)
{
    return payload ? tel_record_get(&payload->record, name) : NULL;
}

int64_t tel_api_payload_get_int(const tel_api_payload *payload, const char *name)
{
    return payload ? tel_record_get_int(&payload->record, name) : 0;
}

void payload_write_object(struct strbuf *buf, const struct tel_api_payload *payload)
{
    const char *separator = "";

    strbuf_putc(buf, '{');
    for (size_t i = 0; i < EXPORTED_COUNT; i++) {
        if (!record_has(&payload->record, (int)exported[i]))
            continue;
        strbuf_puts(buf, separator);
        record_write_members(buf, &payload->record, FIELD_BIT(exported[i]), RECORD_AS_STORED);
        separator = ",";
    }
    strbuf_putc(buf, '}');
}

tel_error tel_api_payload_to_json(char **out, const tel_api_payload *payload)
{
    CLEANUP(strbuf_clear) struct strbuf buf = STRBUF(PAYLOAD_BYTES_MAX);

    if (!out)
        return TEL_E_INVALID;
    *out = NULL;
    if (!payload)
        return TEL_E_INVALID;
    payload_write_object(&buf, payload);
    *out = strbuf_take(&buf);
    return *out ? TEL_OK : TEL_E_NOMEM;
}

/* One cell: text, a number, or nothing. The sheet takes them as they are (RAW), no formula. */
static void write_cell(struct strbuf *buf, const struct tel_record *record, int index)
{
    const char *text = record_text(record, index);

    if (!record_has(record, index))
        strbuf_puts(buf, "\"\"");
    else if (text)
        json_write_string(buf, text);
    else
        strbuf_put_int(buf, record_int(record, index));
}

void payload_write_row(struct strbuf *buf, const struct tel_api_payload *payload)
{
    strbuf_putc(buf, '[');
    for (size_t i = 0; i < EXPORTED_COUNT; i++) {
        if (i > 0)
            strbuf_putc(buf, ',');
        write_cell(buf, &payload->record, (int)exported[i]);
    }
    strbuf_putc(buf, ']');
}

tel_error tel_api_payload_from_json(tel_api_payload **out, const char *json, tel_fault *fault)
{
    CLEANUP(record_freep) struct tel_record *record = NULL;
    tel_error error;

    if (!out)
        return fault_set(fault, TEL_E_INVALID, "out must not be NULL");
    *out = NULL;
    error = tel_record_from_json(&record, json, fault);
    if (error)
        return error;
    error = tel_api_payload_from_run_record(out, record);
    return error == TEL_E_NOMEM ? fault_nomem(fault) : error;
}
