/* SPDX-License-Identifier: MIT */
#include "support/life.h"

#include "support/cmocka_all.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "support/scratch.h"

struct life life_live(tel_client *client, const char *name)
{
    struct life life;
    tel_run *run = NULL;

    life.start = tel_run_start(&run, client,
                               TEL_FIELDS(.agent_name = "a", .job_type = "j", .event_id = name));
    life.event = tel_run_log_event(run, name, NULL);
    life.end = tel_run_end(&run, NULL, TEL_FIELDS(.items_succeeded = 7));
    return life;
}

/* What the audit trail has of a run. */
struct traces {
    size_t runs;
    size_t events;
    bool has_ended;
};

static struct traces find_traces(struct world *world, const char *name)
{
    CLEANUP(freep) char *trail = world_trail(world);
    struct traces traces = {0};
    char *state = NULL;

    for (char *line = strtok_r(trail, "\n", &state); line; line = strtok_r(NULL, "\n", &state)) {
        CLEANUP(json_releasep) json_t *json = json_parse(line, strlen(line), NULL);
        const char *event_id = json_string_value(json_object_get(json, "event_id"));
        const char *event_type = json_string_value(json_object_get(json, "event_type"));
        const char *status = json_string_value(json_object_get(json, "status"));

        traces.runs += event_id && strcmp(event_id, name) == 0;
        traces.events += event_type && strcmp(event_type, name) == 0;
        traces.has_ended |=
            event_id && status && strcmp(event_id, name) == 0 && strcmp(status, "success") == 0;
    }
    return traces;
}

void life_assert_kept(struct world *world, const char *name, const struct life *life)
{
    CLEANUP(record_clear) struct tel_record stored = RECORD();
    bool is_stored = world_stored(world, name, &stored) == TEL_OK;
    struct traces traces = find_traces(world, name);

    if (!life->start)
        assert_true(is_stored || traces.runs > 0);
    if (!life->event)
        assert_int_equal(traces.events, 1);
    if (!life->start && !life->end)
        assert_true(traces.has_ended ||
                    (is_stored && strcmp(stored.fields.status, "success") == 0));
}
