/* SPDX-License-Identifier: MIT
 *
 * Any bytes as a day's file of the audit trail: each line is handed on, counted or set aside with a
 * reason, and the sound one behind them is always found.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "deliver/trail_reader.h"
#include "scratch_file.h"

#define SOUND_ID "0193b1a0-0000-7000-8000-000000000001"
#define SOUND                                                                                \
    "\n{\"record_type\":\"run\",\"event_id\":\"" SOUND_ID "\",\"run_id\":\"r\","             \
    "\"created_at\":\"2025-12-10T10:00:00.000000+00:00\",\"start_time\":\"2025-12-10T10:00:" \
    "00.000000+00:00\",\"agent_name\":\"a\",\"job_type\":\"j\",\"status\":\"running\"}\n"

struct seen {
    size_t lines;
    size_t bad;
    size_t ends;
    bool was_sound; /* the line seen last */
};

static tel_error each(void *arg, struct trail_line *line, tel_fault *fault)
{
    struct seen *seen = arg;
    const char *id = record_text(&line->record, FIELD_event_id);

    (void)fault;
    if ((!id && !line->commit_of) || !line->number || !line->length)
        abort();
    seen->lines++;
    seen->was_sound = id && strcmp(id, SOUND_ID) == 0 && line->kind == WRITE_CREATE;
    return TEL_OK;
}

static void bad(void *arg, const struct trail_line *line, const char *reason)
{
    struct seen *seen = arg;

    if (!*reason || !line->number)
        abort();
    seen->bad++;
    seen->was_sound = false;
}

static tel_error end_file(void *arg)
{
    ((struct seen *)arg)->ends++;
    return TEL_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct seen seen = {0};
    struct trail_counts counts;
    tel_fault fault = {TEL_OK, ""};
    const struct trail_reading reading = {.directory = scratch_directory(),
                                          .each = each,
                                          .bad = bad,
                                          .end_file = end_file,
                                          .arg = &seen};
    size_t lines = 2; /* the sound one, and one that it ends */

    scratch_write("events_20251210.ndjson", data, size, SOUND);
    for (size_t i = 0; i < size; i++)
        lines += data[i] == '\n';
    if (trail_read(&reading, &counts, &fault) || !seen.was_sound || seen.ends != 1)
        abort();
    if (counts.lines != seen.lines || counts.bad != seen.bad ||
        counts.lines + counts.events + counts.bad > lines)
        abort();
    return 0;
}
