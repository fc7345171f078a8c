/* SPDX-License-Identifier: MIT */
#include "service/query.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "model/status.h"

#define MENDED_TIME_SIZE 128 /* who has more decimals writes %2B for a '+' */

/* What reading one parameter works on. */
struct reading {
    struct list_query *query;
    struct faults *faults;
    tel_fault first; /* of those that are 400 */
};

#define SETS(member) .offset = offsetof(struct run_query, member)

const struct parameter_spec list_parameters[] = {
    {"status", PARAMETER_STATUSES,
     "status or alias; several by commas, or by giving the parameter several times", .offset = 0},
    {"created_before", PARAMETER_TIME, "made before this time", SETS(created_before)},
    {"created_after", PARAMETER_TIME, "made after this time", SETS(created_after)},
    {"start_time_from", PARAMETER_TIME, "started at this time or later", SETS(start_from)},
    {"start_time_to", PARAMETER_TIME, "started at this time or before", SETS(start_to)},
    {"end_time_from", PARAMETER_TIME, "ended at this time or later", SETS(end_from)},
    {"end_time_to", PARAMETER_TIME, "ended at this time or before", SETS(end_to)},
    {"agent_prefix", PARAMETER_TEXT, "beginning of the agent's name", SETS(agent_prefix)},
    {"git_commit_hash", PARAMETER_TEXT, "commit: the first 7 characters or more, or all of it",
     SETS(commit)},
    {"roots", PARAMETER_BOOL, "only runs without a parent", SETS(roots)},
    {"limit", PARAMETER_NUMBER, "so many runs at most", QUERY_LIMIT_DEFAULT, 1, QUERY_LIMIT_MAX,
     SETS(limit)},
    {"offset", PARAMETER_NUMBER, "leave out so many", 0, 0, INT64_MAX, SETS(offset)},
    {"cursor", PARAMETER_CURSOR, "go on where the answer ended whose Link header gave this",
     SETS(after_time)},
    {0},
};

_Static_assert(sizeof list_parameters / sizeof *list_parameters <= QUERY_PARAMETERS_MAX,
               "struct list_query has no room for more parameters");

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
    char mended[MENDED_TIME_SIZE];
    char *blank;

    if (timestamp_parse_date(us, text))
        return true;
    if (snprintf(mended, sizeof mended, "%s", text) >= (int)sizeof mended)
        return false;
    blank = strrchr(mended, ' ');
    if (!blank)
        return false;
    *blank = '+';
    return timestamp_parse_date(us, mended);
}

/* Return the member of the query that a parameter sets. */
static void *member(struct reading *reading, const struct parameter_spec *spec)
{
    return (char *)&reading->query->run_query + spec->offset;
}

static void set_text(struct reading *reading, const struct parameter_spec *spec, const char *text)
{
    memcpy(member(reading, spec), &text, sizeof text);
}

/* Each parameter that is a time has a place for its text, the one of its row. */
static void read_time(struct reading *reading, const struct parameter_spec *spec, const char *value)
{
    char *text = reading->query->times[spec - list_parameters];
    int64_t us;

    if (parse_time(&us, value)) {
        timestamp_format(text, us);
        set_text(reading, spec, text);
    } else {
        bad_request(reading, spec->name, "an RFC 3339 time", value);
    }
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
        char copy[100]; /* what does not fit is no status */

        (void)snprintf(copy, sizeof copy, "%.*s", (int)length, word);
        add_status(reading, copy);
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

static void read_value(struct reading *reading, const struct parameter_spec *spec,
                       const char *value)
{
    switch (spec->kind) {
    case PARAMETER_STATUSES:
        read_statuses(reading, value);
        break;
    case PARAMETER_TIME:
        read_time(reading, spec, value);
        break;
    case PARAMETER_NUMBER:
        parameter_number(member(reading, spec), spec, value, reading->faults);
        break;
    case PARAMETER_BOOL:
        parameter_bool(member(reading, spec), spec, value, reading->faults);
        break;
    case PARAMETER_CURSOR:
        read_cursor(reading, value);
        break;
    case PARAMETER_TEXT:
        set_text(reading, spec, value);
        break;
    }
}

static void read_parameter(struct reading *reading, const char *name, const char *value)
{
    for (const struct parameter_spec *spec = list_parameters; spec->name; spec++) {
        if (strcmp(name, spec->name) == 0) {
            read_value(reading, spec, value);
            return;
        }
    }
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
