/* SPDX-License-Identifier: MIT */
#include "daemon/query.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "daemon/parameter.h"
#include "model/status.h"

/* What reading one parameter works on. */
struct reading {
    struct list_query *query;
    struct faults *faults;
    tel_fault first; /* of those that are 400 */
};

/* A parameter that is a time, and the condition that it sets. */
static const struct {
    const char *name;
    size_t offset; /* in struct run_query */
} times[QUERY_TIMES] = {
    {"created_before", offsetof(struct run_query, created_before)},
    {"created_after", offsetof(struct run_query, created_after)},
    {"start_time_from", offsetof(struct run_query, start_from)},
    {"start_time_to", offsetof(struct run_query, start_to)},
    {"end_time_from", offsetof(struct run_query, end_from)},
    {"end_time_to", offsetof(struct run_query, end_to)},
};

static void bad_request(struct reading *reading, const char *name, const char *wanted,
                        const char *value)
{
    if (!reading->first.code)
        fault_set(&reading->first, TEL_E_INVALID, "%s must be %s, not \"%.100s\"", name, wanted,
                  value);
}

/* Parse a time whose '+' may have become a blank on its way here. */
static bool parse_time(int64_t *us, const char *text)
{
    CLEANUP(freep) char *mended = NULL;
    char *blank;

    if (timestamp_parse_date(us, text))
        return true;
    mended = strdup(text);
    blank = mended ? strrchr(mended, ' ') : NULL;
    if (!blank)
        return false;
    *blank = '+';
    return timestamp_parse_date(us, mended);
}

static bool read_time(struct reading *reading, const char *name, const char *value)
{
    for (size_t i = 0; i < QUERY_TIMES; i++) {
        char *text = reading->query->times[i];
        const char *condition = text;
        int64_t us;

        if (strcmp(name, times[i].name) != 0)
            continue;
        if (parse_time(&us, value)) {
            timestamp_format(text, us);
            memcpy((char *)&reading->query->run_query + times[i].offset, &condition,
                   sizeof condition);
        } else {
            bad_request(reading, name, "an RFC 3339 time", value);
        }
        return true;
    }
    return false;
}

static void add_status(struct reading *reading, const char *word)
{
    struct run_query *query = &reading->query->run_query;
    const char *status = status_normalize(word);

    if (!status) {
        bad_request(reading, "status",
                    "one of running, success, failure, partial, timeout, cancelled", word);
        return;
    }
    for (size_t i = 0; i < query->status_count; i++) {
        if (strcmp(query->statuses[i], status) == 0)
            return;
    }
    query->statuses[query->status_count++] = status; /* there are only as many as fit */
}

static void read_statuses(struct reading *reading, const char *value)
{
    const char *word = value;

    for (;;) {
        size_t length = strcspn(word, ",");
        CLEANUP(freep) char *copy = strndup(word, length);

        add_status(reading, copy ? copy : "");
        if (!word[length])
            return;
        word += length + 1;
    }
}

static void read_cursor(struct reading *reading, const char *value)
{
    struct cursor *cursor = &reading->query->cursor;

    if (!cursor_parse(cursor, value)) {
        bad_request(reading, "cursor", "one that an answer's Link header gave", value);
        return;
    }
    reading->query->run_query.after_time = cursor->created_at;
    reading->query->run_query.after_id = cursor->id;
}

static void read_filter(struct reading *reading, const char *name, const char *value)
{
    int index = run_field_find(name);

    if (index >= 0 && run_fields[index].access & FILTER)
        reading->query->run_query.equals[index] = value;
}

static void read_parameter(struct reading *reading, const char *name, const char *value)
{
    struct run_query *query = &reading->query->run_query;

    if (strcmp(name, "status") == 0)
        read_statuses(reading, value);
    else if (strcmp(name, "limit") == 0)
        parameter_number(&query->limit, name, value, 1, QUERY_LIMIT_MAX, reading->faults);
    else if (strcmp(name, "offset") == 0)
        parameter_number(&query->offset, name, value, 0, INT64_MAX, reading->faults);
    else if (strcmp(name, "roots") == 0)
        parameter_bool(&query->roots, name, value, reading->faults);
    else if (strcmp(name, "cursor") == 0)
        read_cursor(reading, value);
    else if (strcmp(name, "agent_prefix") == 0)
        query->agent_prefix = value;
    else if (strcmp(name, "git_commit_hash") == 0)
        query->commit = value;
    else if (!read_time(reading, name, value))
        read_filter(reading, name, value);
}

tel_error query_read(struct list_query *query, const struct target *target, struct faults *faults,
                     tel_fault *fault)
{
    struct reading reading = {.query = query, .faults = faults};

    *query = (struct list_query){.run_query.limit = QUERY_LIMIT_DEFAULT};
    for (size_t i = 0; i < target->parameter_count; i++)
        read_parameter(&reading, target->parameters[i].name, target->parameters[i].value);
    if (reading.first.code)
        return fault_set(fault, reading.first.code, "%s", reading.first.text);
    return TEL_OK;
}
