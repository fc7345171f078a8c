/* SPDX-License-Identifier: MIT
 *
 * What the filters ask for may take several queries, whose answers are merged: "since" is about the
 * end of a run, and a running one counts as ending now; and a child names its parent by run_id or,
 * written by older programs, by event_id.
 */
#include "cli/run_list.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "cli/pick.h"

void run_list_clear(struct run_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        record_clear(&list->runs[i]);
    free(list->runs);
    *list = (struct run_list){0};
}

static bool reserve(struct run_list *list)
{
    size_t capacity = list->capacity ? 2 * list->capacity : 32;
    struct tel_record *runs;

    if (list->count < list->capacity)
        return true;
    runs = reallocarray(list->runs, capacity, sizeof *runs);
    if (!runs)
        return false;
    list->runs = runs;
    list->capacity = capacity;
    return true;
}

int run_list_add(void *arg, const tel_record *record)
{
    struct run_list *list = arg;
    struct tel_record *copy;

    if (!reserve(list))
        return 1;
    copy = &list->runs[list->count];
    *copy = RECORD();
    if (record_merge(copy, record, ~(field_set)0, NULL)) {
        record_clear(copy);
        return 1;
    }
    list->count++;
    return 0;
}

struct adding {
    struct run_list *list;
    bool failed;
};

static int add(void *arg, const tel_record *record)
{
    struct adding *adding = arg;

    adding->failed = run_list_add(adding->list, record) != 0;
    return adding->failed;
}

tel_error run_list_query(struct run_list *list, struct source *source,
                         const struct run_query *query, tel_fault *fault)
{
    struct adding adding = {.list = list};
    tel_error error = source_query(source, query, add, &adding, fault);

    if (!error && adding.failed)
        return fault_nomem(fault);
    return error;
}

/* ---- Merging --------------------------------------------------------------------------------- */

static int compare_newest_first(const void *left, const void *right)
{
    const struct tel_record *a = left;
    const struct tel_record *b = right;
    const char *created_a = record_text(a, FIELD_created_at);
    const char *created_b = record_text(b, FIELD_created_at);
    int order = strcmp(created_b ? created_b : "", created_a ? created_a : "");
    int64_t id_a = record_int(a, FIELD_id);
    int64_t id_b = record_int(b, FIELD_id);

    return order ? order : (id_a < id_b) - (id_a > id_b);
}

static bool is_same(const struct tel_record *a, const struct tel_record *b)
{
    const char *id_a = record_text(a, FIELD_event_id);
    const char *id_b = record_text(b, FIELD_event_id);

    return id_a && id_b && strcmp(id_a, id_b) == 0;
}

/* Sort, keep each run once, and cut to the limit. A run may have been answered twice, when it ended
 * between two queries. */
static void merge(struct run_list *list, int64_t limit)
{
    size_t kept = 0;

    if (list->count)
        qsort(list->runs, list->count, sizeof *list->runs, compare_newest_first);
    for (size_t i = 0; i < list->count; i++) {
        if (kept == (size_t)limit || (kept && is_same(&list->runs[i], &list->runs[kept - 1])))
            record_clear(&list->runs[i]);
        else
            list->runs[kept++] = list->runs[i];
    }
    list->count = kept;
}

/* ---- Choosing -------------------------------------------------------------------------------- */

/* Room for the texts that a query borrows. */
struct selection {
    struct run_query query;
    char since[TEL_TIMESTAMP_SIZE];
    char until[TEL_TIMESTAMP_SIZE];
    char *agent_prefix;
};

static tel_error set_agent(struct selection *selection, const char *agent, tel_fault *fault)
{
    size_t length = agent ? strlen(agent) : 0;

    if (!length || agent[length - 1] != '*') {
        selection->query.equals[FIELD_agent_name] = agent;
        return TEL_OK;
    }
    selection->agent_prefix = strndup(agent, length - 1);
    selection->query.agent_prefix = selection->agent_prefix;
    return selection->agent_prefix ? TEL_OK : fault_nomem(fault);
}

static tel_error set_filters(struct selection *selection, const struct filter_options *filters,
                             tel_fault *fault)
{
    struct run_query *query = &selection->query;

    query->limit = filters->limit;
    query->roots = !filters->all && !filters->parent;
    query->equals[FIELD_job_type] = filters->job_type;
    query->equals[FIELD_host] = filters->host;
    query->equals[FIELD_product] = filters->product;
    memcpy(query->statuses, filters->statuses, sizeof query->statuses);
    query->status_count = filters->status_count;
    return set_agent(selection, filters->agent, fault);
}

static bool wants_running(const struct filter_options *filters)
{
    if (filters->until && filters->until_us < filters->when->now_us)
        return false;
    if (filters->since && filters->since_us > filters->when->now_us)
        return false;
    for (size_t i = 0; i < filters->status_count; i++) {
        if (strcmp(filters->statuses[i], TEL_RUNNING) == 0)
            return true;
    }
    return filters->status_count == 0;
}

/* Ask once, or, when the end matters, for those that ended and for those that run. */
static tel_error select_by_end(struct run_list *list, struct source *source,
                               struct selection *selection, const struct filter_options *filters,
                               tel_fault *fault)
{
    struct run_query query = selection->query;
    tel_error error;

    if (!filters->since && !filters->until)
        return run_list_query(list, source, &query, fault);
    if (wants_running(filters)) {
        query.statuses[0] = TEL_RUNNING;
        query.status_count = 1;
        error = run_list_query(list, source, &query, fault);
        if (error)
            return error;
        query = selection->query;
    }
    if (filters->since) {
        timestamp_format(selection->since, filters->since_us);
        query.end_from = selection->since;
    }
    if (filters->until) {
        timestamp_format(selection->until, filters->until_us);
        query.end_to = selection->until;
    }
    return run_list_query(list, source, &query, fault);
}

static tel_error select_children(struct run_list *list, struct source *source,
                                 struct selection *selection, const struct filter_options *filters,
                                 tel_fault *fault)
{
    CLEANUP(record_clear) struct tel_record parent = RECORD();
    tel_error error = pick_run(&parent, source, filters->parent, fault);

    if (!error) {
        selection->query.equals[FIELD_parent_run_id] = record_text(&parent, FIELD_run_id);
        error = select_by_end(list, source, selection, filters, fault);
    }
    if (!error) {
        selection->query.equals[FIELD_parent_run_id] = record_text(&parent, FIELD_event_id);
        error = select_by_end(list, source, selection, filters, fault);
    }
    return error;
}

tel_error run_list_select(struct run_list *list, struct source *source,
                          const struct filter_options *filters, tel_fault *fault)
{
    struct selection selection = {0};
    tel_error error = set_filters(&selection, filters, fault);

    if (!error && filters->parent)
        error = select_children(list, source, &selection, filters, fault);
    else if (!error)
        error = select_by_end(list, source, &selection, filters, fault);
    if (!error)
        merge(list, filters->limit);
    free(selection.agent_prefix);
    return error;
}

static int count_one(void *arg, const tel_record *record)
{
    (void)record;
    (*(int64_t *)arg)++;
    return 0;
}

tel_error run_count_children(int64_t *count, struct source *source, const struct tel_record *run,
                             tel_fault *fault)
{
    static const int names[] = {FIELD_run_id, FIELD_event_id};

    *count = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct run_query query = {.limit = LIMIT_MAX};
        tel_error error;

        query.equals[FIELD_parent_run_id] = record_text(run, names[i]);
        if (!query.equals[FIELD_parent_run_id])
            continue;
        error = source_query(source, &query, count_one, count, fault);
        if (error)
            return error;
    }
    return TEL_OK;
}
