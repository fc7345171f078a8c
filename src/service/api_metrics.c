/* SPDX-License-Identifier: MIT
 *
 * Figures about the runs and about the service: JSON for programs of ours, text for Prometheus.
 */
#include <inttypes.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "http/accept.h"
#include "service/api.h"
#include "service/lookup.h"
#include "service/metrics.h"
#include "service/metrics_text.h"

static void write_agents(struct strbuf *body, const struct metrics *metrics)
{
    const char *separator = "";

    strbuf_puts(body, ",\"agents\":{");
    for (size_t i = 0; i < metrics->agent_count; i++) {
        strbuf_puts(body, separator);
        json_write_string(body, metrics->agents[i].name);
        strbuf_printf(body, ":%" PRId64, metrics->agents[i].total);
        separator = ",";
    }
    strbuf_putc(body, '}');
}

static void write_statuses(struct strbuf *body, const tel_run_stats *stats)
{
    strbuf_printf(body,
                  ",\"statuses\":{\"running\":%" PRId64 ",\"success\":%" PRId64
                  ",\"failure\":%" PRId64 ",\"partial\":%" PRId64 ",\"timeout\":%" PRId64
                  ",\"cancelled\":%" PRId64 "},\"pending_exports\":%" PRId64,
                  stats->running, stats->success, stats->failure, stats->partial, stats->timeout,
                  stats->cancelled, stats->pending_api_posts);
}

static void write_writes(struct strbuf *body, const struct writer_figures *writer)
{
    const char *separator = "";

    strbuf_puts(body, ",\"writes\":{");
    for (int i = 0; i < WRITE_RESULT_COUNT; i++) {
        const char *name = metrics_result_name((enum write_result)i);

        if (!name)
            continue;
        strbuf_printf(body, "%s\"%s\":%" PRIu64, separator, name, writer->results[i]);
        separator = ",";
    }
    strbuf_printf(body,
                  "},\"commits\":{\"count\":%" PRIu64 ",\"failed\":%" PRIu64
                  ",\"seconds\":%.6f},\"queued_writes\":%zu",
                  writer->commits.count, writer->failures, writer->commits.sum, writer->queued);
}

static void write_json(struct strbuf *body, const struct metrics *metrics,
                       const struct service *service)
{
    strbuf_printf(body, "{\"total_runs\":%" PRId64, metrics->runs.stats.total);
    write_agents(body, metrics);
    strbuf_printf(body, ",\"recent_24h\":%" PRId64, metrics->runs.recent);
    write_statuses(body, &metrics->runs.stats);
    write_writes(body, &metrics->writer);
    strbuf_printf(body,
                  ",\"store_bytes\":%" PRId64 ",\"buffer\":{\"files\":%" PRId64
                  ",\"bytes\":%" PRId64 "},\"performance\":{\"db_path\":",
                  metrics->store_bytes, metrics->backlog.files, metrics->backlog.bytes);
    json_write_string(body, service->database);
    strbuf_puts(body, ",\"journal_mode\":");
    json_write_string(body, service->journal_mode);
    strbuf_puts(body, "}}");
}

/* Write them in the form that is wanted most; JSON when the client does not care. */
static void write_metrics(struct exchange *exchange, const struct metrics *metrics,
                          const struct service *service)
{
    const char *accept = exchange->request.headers.accept;
    int json = accept_quality(accept, "application/json");
    int openmetrics = accept_quality(accept, "application/openmetrics-text");
    int prometheus = accept_quality(accept, "text/plain");

    if (openmetrics > json && openmetrics >= prometheus)
        metrics_write_text(
            answer_text(exchange, 200,
                        "application/openmetrics-text; version=1.0.0; charset=utf-8"),
            metrics, service, METRICS_OPENMETRICS);
    else if (prometheus > json)
        metrics_write_text(answer_text(exchange, 200, "text/plain; version=0.0.4; charset=utf-8"),
                           metrics, service, METRICS_PROMETHEUS);
    else
        write_json(answer_json(exchange, 200), metrics, service);
    answer_header(exchange, "Vary", "Accept");
}

void api_metrics(struct service *service, struct exchange *exchange)
{
    CLEANUP(metrics_clear) struct metrics metrics = {0};
    tel_fault fault = {0};

    if (metrics_gather(&metrics, service, &fault))
        answer_read_fault(exchange, &fault);
    else
        write_metrics(exchange, &metrics, service);
}
