/* SPDX-License-Identifier: MIT */
#include "model/event.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"

#define LINE_BYTES_MAX ((size_t)64 * 1024 * 1024)

enum { RUN_ID, EVENT_TYPE, TIMESTAMP, PAYLOAD_JSON, MEMBER_COUNT };

static const char *const member_names[MEMBER_COUNT] = {"run_id", "event_type", "timestamp",
                                                       "payload_json"};

struct tel_event {
    char *members[MEMBER_COUNT];
};

static void write_member(struct strbuf *buf, const char *name, const char *text)
{
    json_write_string(buf, name);
    strbuf_putc(buf, ':');
    json_write_string(buf, text);
    strbuf_putc(buf, ',');
}

void event_write_json(struct strbuf *buf, const char *run_id, const char *event_type,
                      const char *timestamp, const char *payload_json)
{
    strbuf_putc(buf, '{');
    write_member(buf, member_names[RUN_ID], run_id);
    write_member(buf, member_names[EVENT_TYPE], event_type);
    write_member(buf, member_names[TIMESTAMP], timestamp);
    write_member(buf, member_names[PAYLOAD_JSON], payload_json);
    strbuf_puts(buf, "\"record_type\":\"event\"}");
}

void tel_event_free(tel_event *event)
{
    if (!event)
        return;
    for (int i = 0; i < MEMBER_COUNT; i++)
        free(event->members[i]);
    free(event);
}

static void eventp_free(struct tel_event **event)
{
    tel_event_free(*event);
}

static bool set_member(struct tel_event *event, int member, const char *text)
{
    event->members[member] = text ? strdup(text) : NULL;
    return !text || event->members[member];
}

tel_error tel_event_new(tel_event **out, const char *run_id, const char *event_type,
                        const char *payload_json, tel_fault *fault)
{
    CLEANUP(eventp_free) struct tel_event *event = NULL;
    char now[TEL_TIMESTAMP_SIZE];

    if (!out)
        return fault_set(fault, TEL_E_INVALID, "out must not be NULL");
    *out = NULL;
    if (!run_id || !*run_id || !event_type || !*event_type)
        return fault_set(fault, TEL_E_INVALID, "an event needs a run_id and an event_type");
    if (payload_json && !json_is_valid(payload_json))
        return fault_set(fault, TEL_E_INVALID, "payload_json must be JSON text");
    timestamp_format(now, clock_now_us());
    event = calloc(1, sizeof *event);
    if (!event || !set_member(event, RUN_ID, run_id) ||
        !set_member(event, EVENT_TYPE, event_type) || !set_member(event, TIMESTAMP, now) ||
        !set_member(event, PAYLOAD_JSON, payload_json))
        return fault_nomem(fault);
    *out = steal(&event);
    return TEL_OK;
}

const char *tel_event_get(const tel_event *event, const char *name)
{
    if (!event || !name)
        return NULL;
    for (int i = 0; i < MEMBER_COUNT; i++) {
        if (strcmp(name, member_names[i]) == 0)
            return event->members[i];
    }
    return NULL;
}

tel_error tel_event_to_json(char **out, const tel_event *event)
{
    CLEANUP(strbuf_clear) struct strbuf buf = STRBUF(LINE_BYTES_MAX);

    if (!out)
        return TEL_E_INVALID;
    *out = NULL;
    if (!event)
        return TEL_E_INVALID;
    event_write_json(&buf, event->members[RUN_ID], event->members[EVENT_TYPE],
                     event->members[TIMESTAMP], event->members[PAYLOAD_JSON]);
    *out = strbuf_take(&buf);
    return *out ? TEL_OK : TEL_E_NOMEM;
}

tel_error tel_event_from_json(tel_event **out, const char *json, tel_fault *fault)
{
    CLEANUP(json_releasep) json_t *object = NULL;
    CLEANUP(eventp_free) struct tel_event *event = NULL;

    if (!out)
        return fault_set(fault, TEL_E_INVALID, "out must not be NULL");
    *out = NULL;
    if (!json)
        return fault_set(fault, TEL_E_INVALID, "json must not be NULL");
    object = json_parse(json, strlen(json), fault);
    if (!object)
        return TEL_E_INVALID;
    event = calloc(1, sizeof *event);
    if (!event)
        return fault_nomem(fault);
    for (int i = 0; i < MEMBER_COUNT; i++) {
        const json_t *value = json_object_get(object, member_names[i]);

        if (!json_is_string(value) && !(i == PAYLOAD_JSON && (!value || json_is_null(value))))
            return fault_set(fault, TEL_E_INVALID, "%s of an event must be a string",
                             member_names[i]);
        if (!set_member(event, i, json_string_value(value)))
            return fault_nomem(fault);
    }
    *out = steal(&event);
    return TEL_OK;
}
