/* SPDX-License-Identifier: MIT */
#include "service/metrics_text.h"

#include <inttypes.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/utf8.h"

#define LABEL_BYTES_MAX ((size_t)1 << 20)
#define OTHER_AGENTS "(other)"

enum kind { GAUGE, COUNTER, HISTOGRAM };

struct exposition {
    struct strbuf *out;
    enum metrics_format format;
};

/* Begin a family: what it is. Counters are named without their "_total" here. */
static void begin(const struct exposition *e, const char *name, enum kind kind, const char *help)
{
    static const char *const kinds[] = {"gauge", "counter", "histogram"};
    const char *ending = kind == COUNTER && e->format == METRICS_PROMETHEUS ? "_total" : "";

    strbuf_printf(e->out, "# HELP %s%s %s\n# TYPE %s%s %s\n", name, ending, help, name, ending,
                  kinds[kind]);
}

/* Six digits are exact for what we count in fractions; whole numbers are written whole. */
static void put_number(const struct exposition *e, double value)
{
    if (value == (double)(int64_t)value)
        strbuf_printf(e->out, "%" PRId64 "\n", (int64_t)value);
    else
        strbuf_printf(e->out, "%.6f\n", value);
}

static void put_single(const struct exposition *e, const char *name, enum kind kind, double value,
                       const char *help)
{
    begin(e, name, kind, help);
    strbuf_printf(e->out, "%s%s ", name, kind == COUNTER ? "_total" : "");
    put_number(e, value);
}

static void put_histogram(const struct exposition *e, const char *name,
                          const struct histogram *histogram, const char *help)
{
    uint64_t below = 0;

    begin(e, name, HISTOGRAM, help);
    for (size_t i = 0; i < histogram->bound_count; i++) {
        const char *whole =
            histogram->bounds[i] == (double)(int64_t)histogram->bounds[i] ? ".0" : "";

        below += histogram->counts[i];
        strbuf_printf(e->out, "%s_bucket{le=\"%.10g%s\"} %" PRIu64 "\n", name, histogram->bounds[i],
                      whole, below);
    }
    strbuf_printf(e->out, "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n%s_sum ", name, histogram->count,
                  name);
    put_number(e, histogram->sum);
    strbuf_printf(e->out, "%s_count %" PRIu64 "\n", name, histogram->count);
}

/* Append a label's value: UTF-8, with three characters escaped. */
static void put_label(const struct exposition *e, const char *value)
{
    CLEANUP(strbuf_clear) struct strbuf text = STRBUF(LABEL_BYTES_MAX);

    utf8_append(&text, value);
    for (const char *c = strbuf_failed(&text) ? "" : text.text; c && *c; c++) {
        if (*c == '\n')
            strbuf_puts(e->out, "\\n");
        else if (*c == '\\' || *c == '"')
            strbuf_printf(e->out, "\\%c", *c);
        else
            strbuf_putc(e->out, *c);
    }
}

static void put_agent_status(const struct exposition *e, const char *agent, const char *status,
                             int64_t count)
{
    if (!count)
        return;
    strbuf_puts(e->out, "telemetry_runs{agent_name=\"");
    put_label(e, agent);
    strbuf_printf(e->out, "\",status=\"%s\"} %" PRId64 "\n", status, count);
}

static void put_agent(const struct exposition *e, const struct agent_counts *agent)
{
    int64_t rest = agent->total;

    for (size_t i = 0; i < STATUS_COUNT; i++) {
        put_agent_status(e, agent->name, statuses[i], agent->counts[i]);
        rest -= agent->counts[i];
    }
    put_agent_status(e, agent->name, "unknown", rest);
}

/* An agent's figures of its own are for the busiest: every value of a label costs whoever stores it. */
static void put_agents(const struct exposition *e, const struct metrics *metrics)
{
    static char other_agents[] = OTHER_AGENTS;
    struct agent_counts others = {.name = other_agents};
    size_t shown = 0;

    begin(e, "telemetry_runs", GAUGE,
          "Runs in the store by agent and status; agents beyond the 100 with the most runs are "
          "summed up as " OTHER_AGENTS ".");
    for (size_t i = 0; i < metrics->agent_count; i++) {
        const struct agent_counts *agent = &metrics->agents[i];

        if (shown < METRICS_AGENTS_MAX && strcmp(agent->name, OTHER_AGENTS) != 0) {
            put_agent(e, agent);
            shown++;
            continue;
        }
        others.total += agent->total;
        for (size_t k = 0; k < STATUS_COUNT; k++)
            others.counts[k] += agent->counts[k];
    }
    put_agent(e, &others);
}

static void put_results(const struct exposition *e, const struct writer_figures *writer)
{
    begin(e, "telemetry_writes", COUNTER, "Runs and updates taken, by what became of them.");
    for (int i = 0; i < WRITE_RESULT_COUNT; i++) {
        const char *name = metrics_result_name((enum write_result)i);

        if (name)
            strbuf_printf(e->out, "telemetry_writes_total{result=\"%s\"} %" PRIu64 "\n", name,
                          writer->results[i]);
    }
}

static void put_store(const struct exposition *e, const struct metrics *metrics)
{
    const struct writer_figures *writer = &metrics->writer;

    put_agents(e, metrics);
    put_single(e, "telemetry_recent_runs", GAUGE, (double)metrics->runs.recent,
               "Runs made in the last 24 hours.");
    put_single(e, "telemetry_pending_exports", GAUGE, (double)metrics->runs.stats.pending_api_posts,
               "Runs that ended and were not exported.");
    put_histogram(e, "telemetry_run_duration_seconds", &writer->runs,
                  "How long the runs took that ended since the service started.");
    put_results(e, writer);
    put_single(e, "telemetry_queued_writes", GAUGE, (double)writer->queued,
               "Writes that wait for the next transaction.");
    put_histogram(e, "telemetry_commit_duration_seconds", &writer->commits,
                  "How long transactions took until they were on the disk.");
    put_single(e, "telemetry_failed_commits", COUNTER, (double)writer->failures,
               "Transactions that failed.");
    put_single(e, "telemetry_store_bytes", GAUGE, (double)metrics->store_bytes,
               "Size of the database file.");
    put_single(e, "telemetry_buffer_files", GAUGE, (double)metrics->backlog.files,
               "Buffer files that wait to be taken in.");
    put_single(e, "telemetry_buffer_bytes", GAUGE, (double)metrics->backlog.bytes,
               "Size of the buffer files that wait to be taken in.");
}

static void put_process(const struct exposition *e, const struct process_figures *process,
                        int64_t started_us)
{
    put_single(e, "process_cpu_seconds", COUNTER, process->cpu_seconds,
               "User and system CPU time spent.");
    put_single(e, "process_resident_memory_bytes", GAUGE, (double)process->resident_bytes,
               "Resident memory.");
    put_single(e, "process_virtual_memory_bytes", GAUGE, (double)process->virtual_bytes,
               "Virtual memory.");
    put_single(e, "process_open_fds", GAUGE, (double)process->open_files, "Open file descriptors.");
    put_single(e, "process_max_fds", GAUGE, (double)process->open_files_max,
               "The most file descriptors that may be open.");
    put_single(e, "process_start_time_seconds", GAUGE, (double)started_us / US_PER_SECOND,
               "When the service started, in seconds since 1970.");
}

void metrics_write_text(struct strbuf *out, const struct metrics *metrics,
                        const struct service *service, enum metrics_format format)
{
    const struct exposition e = {out, format};

    begin(&e, "telemetry_build_info", GAUGE, "The version that runs.");
    strbuf_printf(out, "telemetry_build_info{version=\"%s\"} 1\n", tel_version());
    put_store(&e, metrics);
    put_process(&e, &metrics->process, service->started_us);
    if (format == METRICS_OPENMETRICS)
        strbuf_puts(out, "# EOF\n");
}
