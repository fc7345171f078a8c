/* SPDX-License-Identifier: MIT */
#include "service/metrics.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define RECENT_US (24 * 3600 * US_PER_SECOND)

void metrics_clear(struct metrics *metrics)
{
    for (size_t i = 0; i < metrics->agent_count; i++)
        free(metrics->agents[i].name);
    free(metrics->agents);
    *metrics = (struct metrics){0};
}

/* Return the place for an agent's counts: the last one's, since they come in order, or a new one. */
static struct agent_counts *find_agent(struct metrics *metrics, const char *name)
{
    struct agent_counts *agent = &metrics->agents[metrics->agent_count];

    if (metrics->agent_count && strcmp(agent[-1].name, name) == 0)
        return agent - 1;
    if (metrics->agent_count == metrics->agent_capacity) {
        size_t capacity = metrics->agent_capacity ? 2 * metrics->agent_capacity : 64;
        struct agent_counts *agents = realloc(metrics->agents, capacity * sizeof *agents);

        if (!agents)
            return NULL;
        metrics->agents = agents;
        metrics->agent_capacity = capacity;
        agent = &agents[metrics->agent_count];
    }
    *agent = (struct agent_counts){.name = strdup(name)};
    if (!agent->name)
        return NULL;
    metrics->agent_count++;
    return agent;
}

static void add_count(void *arg, const struct run_count *count)
{
    struct metrics *metrics = arg;
    struct agent_counts *agent = metrics->failed ? NULL : find_agent(metrics, count->agent_name);

    if (!agent) {
        metrics->failed = true;
        return;
    }
    agent->total += count->count;
    for (size_t i = 0; i < STATUS_COUNT; i++) {
        if (strcmp(statuses[i], count->status) == 0)
            agent->counts[i] += count->count;
    }
}

static int by_total(const void *a, const void *b)
{
    const struct agent_counts *one = a;
    const struct agent_counts *other = b;

    if (one->total != other->total)
        return one->total < other->total ? 1 : -1;
    return strcmp(one->name, other->name);
}

static tel_error count_runs(struct metrics *metrics, struct service *service, tel_fault *fault)
{
    char since[TEL_TIMESTAMP_SIZE];
    struct store *store;
    tel_error error = reader_take(service->reader, &store, fault);

    if (error)
        return error;
    timestamp_format(since, clock_now_us() - RECENT_US);
    metrics->runs = (struct run_figures){.since = since, .each = add_count, .arg = metrics};
    error = store_figures(store, &metrics->runs, fault);
    metrics->runs.since = NULL;
    reader_give(service->reader, store, error);
    if (!error && metrics->failed)
        return fault_nomem(fault);
    if (metrics->agent_count > 1)
        qsort(metrics->agents, metrics->agent_count, sizeof *metrics->agents, by_total);
    return error;
}

tel_error metrics_gather(struct metrics *metrics, struct service *service, tel_fault *fault)
{
    tel_error error = count_runs(metrics, service, fault);
    struct stat status;

    if (error)
        return error;
    metrics->writer = writer_figures(service->writer);
    metrics->process = process_figures();
    if (stat(service->database, &status) == 0)
        metrics->store_bytes = status.st_size;
    return service->buffer_directory
               ? backlog_count(&metrics->backlog, service->buffer_directory, fault)
               : TEL_OK;
}

const char *metrics_result_name(enum write_result result)
{
    switch (result) {
    case WRITE_CREATED:
        return "created";
    case WRITE_DUPLICATE:
        return "duplicate";
    case WRITE_UPDATED:
        return "updated";
    case WRITE_NOT_FOUND:
        return "not_found";
    case WRITE_INVALID:
        return "invalid";
    default:
        return NULL;
    }
}
