/* SPDX-License-Identifier: MIT */
#include "cli/pick.h"

#include <inttypes.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/command.h"
#include "cli/run_list.h"

#define PREFIX_LENGTH_MIN 4
#define CANDIDATES_MAX 10
#define BACK_MAX (LIMIT_MAX - 1)

static tel_error take(struct tel_record *run, struct run_list *list, size_t index, tel_fault *fault)
{
    return record_merge(run, &list->runs[index], ~(field_set)0, fault);
}

/* ---- By position ----------------------------------------------------------------------------- */

/* "@last~2", taken apart. */
struct position {
    struct run_query query;
    int64_t back;
    char agent[TEL_RUN_ID_SIZE];
};

static bool read_word(struct position *position, const char *word, size_t length)
{
    static const char *const failed[] = {TEL_FAILURE, TEL_TIMEOUT, TEL_PARTIAL};

    if (length == 4 && memcmp(word, "last", 4) == 0)
        return true;
    if (length == 4 && memcmp(word, "good", 4) == 0) {
        position->query.statuses[0] = TEL_SUCCESS;
        position->query.status_count = 1;
        return true;
    }
    if (length == 4 && memcmp(word, "fail", 4) == 0) {
        memcpy(position->query.statuses, failed, sizeof failed);
        position->query.status_count = 3;
        return true;
    }
    return false;
}

/* Read "WORD[:AGENT][~N]". Without an agent, children do not count, as in a list. */
static bool read_position(struct position *position, const char *text)
{
    size_t word = strcspn(text, ":~");
    const char *rest = text + word;

    if (!read_word(position, text, word))
        return false;
    position->query.roots = *rest != ':';
    if (*rest == ':') {
        size_t length = strcspn(++rest, "~");

        if (!length || length >= sizeof position->agent)
            return false;
        memcpy(position->agent, rest, length);
        position->query.equals[FIELD_agent_name] = position->agent;
        rest += length;
    }
    return !*rest || options_read_int(&position->back, rest + 1, 0, BACK_MAX);
}

static tel_error pick_by_position(struct tel_record *run, struct source *source, const char *id,
                                  tel_fault *fault)
{
    CLEANUP(run_list_clear) struct run_list list = {0};
    struct position position = {.query.limit = 1};
    tel_error error;

    if (!read_position(&position, id + 1))
        return fault_set(fault, TEL_E_NOT_FOUND,
                         "%s is no position; one is @last, @last~2, @last:AGENT, @fail:AGENT or "
                         "@good:AGENT",
                         id);
    position.query.offset = position.back;
    error = run_list_query(&list, source, &position.query, fault);
    if (error)
        return error;
    if (!list.count)
        return fault_set(fault, TEL_E_NOT_FOUND, "there is no run %s; see telemetry list", id);
    return take(run, &list, 0, fault);
}

/* ---- By id ----------------------------------------------------------------------------------- */

static bool is_field(const struct tel_record *run, int field, const char *text)
{
    const char *value = record_text(run, field);

    return value && strcmp(value, text) == 0;
}

/* Do all runs found have the run_id of the first? */
static bool is_one_name(const struct run_list *list)
{
    const char *name = list->count ? record_text(&list->runs[0], FIELD_run_id) : NULL;

    for (size_t i = 1; i < list->count; i++) {
        if (!name || !is_field(&list->runs[i], FIELD_run_id, name))
            return false;
    }
    return name != NULL;
}

static const char *text_or_dash(const struct tel_record *run, int field)
{
    const char *text = record_text(run, field);

    return text ? text : "-";
}

static void name_candidates(const struct run_list *list, size_t first)
{
    for (size_t i = first; i < list->count; i++)
        complain("  %s  %s  %s", text_or_dash(&list->runs[i], FIELD_event_id),
                 text_or_dash(&list->runs[i], FIELD_status),
                 text_or_dash(&list->runs[i], FIELD_run_id));
}

static tel_error take_newest(struct tel_record *run, struct run_list *list, tel_fault *fault)
{
    if (list->count > 1) {
        complain("%s is the name of several runs; this is the newest, the others are",
                 record_text(&list->runs[0], FIELD_run_id));
        name_candidates(list, 1);
    }
    return take(run, list, 0, fault);
}

static tel_error pick_by_name(struct tel_record *run, struct source *source, const char *id,
                              tel_fault *fault)
{
    CLEANUP(run_list_clear) struct run_list list = {0};
    struct run_query query = {.limit = CANDIDATES_MAX};
    tel_error error;

    query.equals[FIELD_run_id] = id;
    error = run_list_query(&list, source, &query, fault);
    if (error)
        return error;
    return list.count ? take_newest(run, &list, fault) : TEL_E_NOT_FOUND;
}

static tel_error pick_by_prefix(struct tel_record *run, struct source *source, const char *id,
                                tel_fault *fault)
{
    CLEANUP(run_list_clear) struct run_list list = {0};
    struct run_query query = {.limit = CANDIDATES_MAX, .id_prefix = id};
    tel_error error;

    if (strlen(id) < PREFIX_LENGTH_MIN)
        return fault_set(fault, TEL_E_NOT_FOUND,
                         "no run has the id %s; the beginning of one needs %d characters or more",
                         id, PREFIX_LENGTH_MIN);
    error = run_list_query(&list, source, &query, fault);
    if (error)
        return error;
    if (!list.count)
        return fault_set(fault, TEL_E_NOT_FOUND,
                         "no run has an id that begins with %s; see telemetry list --all", id);
    if (is_one_name(&list))
        return take_newest(run, &list, fault);
    complain("%s may be any of", id);
    name_candidates(&list, 0);
    return fault_set(fault, TEL_E_NOT_FOUND, "%s is ambiguous; give more of it", id);
}

tel_error pick_run(struct tel_record *run, struct source *source, const char *id, tel_fault *fault)
{
    tel_error error;

    if (*id == '@')
        return pick_by_position(run, source, id, fault);
    error = source_get(source, id, run, fault);
    if (error == TEL_E_NOT_FOUND)
        error = pick_by_name(run, source, id, fault);
    return error == TEL_E_NOT_FOUND ? pick_by_prefix(run, source, id, fault) : error;
}
