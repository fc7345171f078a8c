/* SPDX-License-Identifier: MIT */
#include "http/request_log.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/mask.h"

#define QUERY_BYTES_MAX 65536
#define SLOW_MS 1000 /* that others than the client have to answer for */

static const char *method_name(enum method method)
{
    switch (method) {
    case METHOD_GET:
        return "GET";
    case METHOD_HEAD:
        return "HEAD";
    case METHOD_POST:
        return "POST";
    case METHOD_PATCH:
        return "PATCH";
    case METHOD_OPTIONS:
        return "OPTIONS";
    default:
        return "OTHER";
    }
}

/* What is not there, or not so, is a mistake; all else that is refused says that somebody tries what
 * they may not, or that a limit was met. */
static bool is_refusal(int status)
{
    return status >= 400 && status != 404 && status != 405;
}

static bool is_slow(const struct request_story *story)
{
    return story->answered_ms && story->handled_ms &&
           story->answered_ms - story->handled_ms >= SLOW_MS;
}

static const char *describe(const struct request_story *story, int status)
{
    if (story->has_ended_early)
        return "slow peer ended";
    if (is_slow(story))
        return "slow request";
    if (!story->handled_ms && is_refusal(status))
        return "request refused";
    return status >= 500 ? "request failed" : NULL;
}

/* Append what was asked for, as far as it is no secret. */
static void append_query(struct strbuf *query, const struct target *target)
{
    CLEANUP(strbuf_clear) struct strbuf text = STRBUF(QUERY_BYTES_MAX);

    for (size_t i = 0; i < target->parameter_count; i++)
        strbuf_printf(&text, "%s%s=%s", i ? "&" : "", target->parameters[i].name,
                      target->parameters[i].value);
    if (text.length && !strbuf_failed(&text))
        mask_append(query, text.text);
}

static void write_line(const struct logger *logger, const struct exchange *exchange,
                       const struct request_story *story, int number, const char *noted)
{
    CLEANUP(freep) char *path = strndup(story->target, strcspn(story->target, "?"));
    CLEANUP(strbuf_clear) struct strbuf query = STRBUF(QUERY_BYTES_MAX);
    char client[ADDRESS_TEXT_SIZE];
    char status[16] = "none";
    char ms[24];

    if (is_slow(story))
        append_query(&query, &exchange->request.target);
    address_write(client, &exchange->request.client);
    if (number)
        (void)snprintf(status, sizeof status, "%d", number);
    (void)snprintf(ms, sizeof ms, "%" PRId64, clock_monotonic_ms() - story->began_ms);
    logger_event(logger, noted ? TEL_LOG_WARNING : TEL_LOG_DEBUG, noted ? noted : "request",
                 LOG_FIELDS({"id", exchange->request.id}, {"client", client},
                            {"method", method_name(exchange->request.method)}, {"path", path},
                            {"status", status}, {"ms", ms},
                            {query.length ? "query" : NULL, query.text}));
}

void request_log(const struct logger *logger, const struct exchange *exchange,
                 const struct request_story *story)
{
    int number = story->answered_ms ? exchange->answer.status : 0;
    const char *noted = describe(story, number);

    if (noted || atomic_load(&logger->level) <= TEL_LOG_DEBUG)
        write_line(logger, exchange, story, number, noted);
}
