/* SPDX-License-Identifier: MIT */
#include "deliver/trail_reader.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "deliver/ndjson.h"
#include "deliver/record_line.h"
#include "model/commit.h"

struct reader {
    const struct trail_reading *reading;
    struct trail_counts *counts;
    struct trail_line line;
    tel_error error;
    tel_fault *fault;
};

/* ---- A line ---------------------------------------------------------------------------------- */

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

/* Read the commit from the payload of its event, which is JSON in a string. */
static tel_error read_commit(struct trail_line *line, const json_t *event, tel_fault *reason)
{
    CLEANUP(json_releasep) json_t *payload = NULL;
    const char *text = text_of(event, "payload_json");

    payload = text ? json_parse(text, strlen(text), reason) : NULL;
    if (text && !payload)
        return reason->code;
    for (size_t i = 0; i < COMMIT_MEMBER_COUNT; i++) {
        const char *value = text_of(payload, commit_members[i].name);
        tel_error error = record_set_text(&line->record, commit_members[i].field, value, reason);

        if (error)
            return error;
    }
    if ((line->record.given & COMMIT_FIELDS_REQUIRED) != COMMIT_FIELDS_REQUIRED)
        return fault_set(reason, TEL_E_INVALID, "the commit lacks its hash or its source");
    line->kind = WRITE_UPDATE;
    line->commit_of = text_of(event, "run_id");
    line->noted_at = text_of(event, "timestamp");
    return line->commit_of ? TEL_OK
                           : fault_set(reason, TEL_E_INVALID, "the commit lacks its run_id");
}

/* Read what is in a line. *is_event: it says nothing of the run itself. */
static tel_error read_object(struct trail_line *line, const json_t *object, bool *is_event,
                             tel_fault *reason)
{
    const char *type = text_of(object, "record_type");
    const char *event_type = text_of(object, "event_type");

    *is_event = type && strcmp(type, "event") == 0;
    if (!*is_event)
        return record_line_read(&line->kind, &line->record, object, reason);
    if (!event_type || strcmp(event_type, "associate_commit") != 0)
        return TEL_OK;
    *is_event = false;
    return read_commit(line, object, reason);
}

static void reject(struct reader *reader, const char *reason)
{
    reader->counts->bad++;
    reader->reading->bad(reader->reading->arg, &reader->line, reason);
}

static tel_error take_object(struct reader *reader, const json_t *object)
{
    const struct trail_reading *reading = reader->reading;
    bool is_event;
    tel_fault reason = {0};
    tel_error error = read_object(&reader->line, object, &is_event, &reason);

    if (error == TEL_E_NOMEM)
        return fault_nomem(reader->fault);
    if (error) {
        reject(reader, reason.text);
        return TEL_OK;
    }
    if (is_event) {
        reader->counts->events++;
        return TEL_OK;
    }
    reader->counts->lines++;
    return reading->each(reading->arg, &reader->line, reader->fault);
}

static tel_error take_line(struct reader *reader, bool whole)
{
    struct trail_line *line = &reader->line;
    CLEANUP(json_releasep) json_t *json = NULL;
    tel_fault reason;
    tel_error error = record_line_parse(&json, line->text, line->length, whole, &reason);

    if (!error)
        return take_object(reader, json);
    if (error != TEL_E_INVALID)
        return fault_nomem(reader->fault);
    reject(reader, reason.text);
    return TEL_OK;
}

static int each_line(void *arg, const char *text, size_t length, bool whole)
{
    struct reader *reader = arg;
    struct trail_line *line = &reader->line;

    *line = (struct trail_line){.file = line->file,
                                .number = line->number + 1,
                                .text = text,
                                .length = length,
                                .record = RECORD()};
    if (length && strspn(text, " \t\r") < length)
        reader->error = take_line(reader, whole);
    record_clear(&line->record);
    return reader->error != TEL_OK;
}

/* ---- The files ------------------------------------------------------------------------------- */

bool trail_file_is_since(const char *path, const char *since)
{
    const char *day = strrchr(path, '/') + 1 + strlen("events_");
    char date[9];
    char time[7];
    struct stat status;

    if (strncmp(day, since, sizeof date - 1) >= 0)
        return true;
    if (stat(path, &status))
        return false;
    timestamp_compact(date, time, status.st_mtim.tv_sec * US_PER_SECOND);
    return strcmp(date, since) >= 0;
}

static int each_file(void *arg, const char *name)
{
    struct reader *reader = arg;
    const struct trail_reading *reading = reader->reading;
    CLEANUP(freep) char *path = path_join(reading->directory, name);
    CLEANUP(closep) int fd = -1;

    if (!path) {
        reader->error = fault_nomem(reader->fault);
        return 1;
    }
    if (!trail_file_is_since(path, reading->since))
        return 0;
    reader->line = (struct trail_line){.file = name};
    reader->error = file_open(&fd, path, O_RDONLY, reading->access, NULL, reader->fault);
    if (!reader->error) {
        tel_error error = file_each_line(fd, path, each_line, reader, reader->fault);

        reader->error = reader->error ? reader->error : error;
    }
    reader->counts->files++;
    if (!reader->error)
        reader->error = reading->end_file(reading->arg);
    return reader->error != TEL_OK;
}

tel_error trail_read(const struct trail_reading *reading, struct trail_counts *counts,
                     tel_fault *fault)
{
    struct reader reader = {.reading = reading, .counts = counts, .fault = fault};
    tel_error error;

    *counts = (struct trail_counts){0};
    error = directory_each(reading->directory, ndjson_is_daily_name, each_file, &reader, fault);
    return error ? error : reader.error;
}
