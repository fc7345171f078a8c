/* SPDX-License-Identifier: MIT */
#include "deliver/remote_batch.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "model/record_json.h"

static void write_item(struct strbuf *body, const struct write *write)
{
    bool is_run = write->kind == WRITE_CREATE;
    field_set set =
        is_run ? run_fields_with(CREATE) : run_fields_with(PATCH) | FIELD_BIT(FIELD_event_id);

    strbuf_printf(body, "{\"record_type\":\"%s\",", is_run ? "run" : "update");
    record_write_members(body, write->record, set & write->record->given, RECORD_AS_SERVED);
    strbuf_putc(body, '}');
}

void remote_batch_write(struct strbuf *body, struct write *const *writes, size_t count)
{
    strbuf_putc(body, '[');
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            strbuf_putc(body, ',');
        write_item(body, writes[i]);
    }
    strbuf_putc(body, ']');
}

static bool read_result(enum write_result *result, const json_t *item)
{
    static const struct {
        const char *name;
        enum write_result result;
    } names[] = {
        {"created", WRITE_CREATED},     {"duplicate", WRITE_DUPLICATE}, {"updated", WRITE_UPDATED},
        {"not_found", WRITE_NOT_FOUND}, {"invalid", WRITE_INVALID},
    };
    const char *name = json_string_value(json_object_get(item, "result"));

    for (size_t i = 0; name && i < sizeof names / sizeof *names; i++) {
        if (strcmp(name, names[i].name) == 0) {
            *result = names[i].result;
            return true;
        }
    }
    return false;
}

/* Is this the answer to that item? */
static bool is_of(const json_t *item, const struct write *write, size_t index)
{
    const char *event_id = json_string_value(json_object_get(item, "event_id"));

    return json_is_integer(json_object_get(item, "index")) &&
           json_integer_value(json_object_get(item, "index")) == (json_int_t)index && event_id &&
           strcmp(event_id, write->record->fields.event_id) == 0;
}

bool remote_batch_read(const struct strbuf *answer, struct write **writes, size_t count)
{
    CLEANUP(json_releasep) json_t *json = NULL;
    const json_t *results;

    if (answer->length > 0)
        json = json_parse(answer->text, answer->length, NULL);
    results = json_object_get(json, "results");
    if (json_array_size(results) != count)
        return false;
    for (size_t i = 0; i < count; i++) {
        const json_t *item = json_array_get(results, i);
        const char *reason = json_string_value(json_object_get(item, "reason"));

        if (!is_of(item, writes[i], i) || !read_result(&writes[i]->result, item))
            return false;
        (void)snprintf(writes[i]->reason, sizeof writes[i]->reason, "%s", reason ? reason : "");
    }
    return true;
}
