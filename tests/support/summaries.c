/* SPDX-License-Identifier: MIT */
#include "support/summaries.h"

#include "support/cmocka_all.h"

#include "support/database.h"

#define NEXT "coalesce((SELECT min(since) FROM telemetry_spans WHERE since > s.since), x'')"
#define OF_ROW "s.since = (SELECT max(since) FROM telemetry_spans WHERE since <= r.created_at)"

#define OF_PERIOD "s.since >= v.since AND s.since < v.until"

#define IS_CLOSED "s.since < (SELECT max(since) FROM telemetry_spans)"

/* A closed span that does not know a value that it has, and one that has lost a value and says that it
 * is exact. */
#define UNKNOWN_VALUE(field)                                                               \
    "SELECT count(*) FROM agent_runs AS r JOIN telemetry_spans AS s ON " OF_ROW            \
    " WHERE " IS_CLOSED " AND " field " IS NOT NULL AND NOT EXISTS"                        \
    " (SELECT 1 FROM telemetry_span_values AS v WHERE " OF_PERIOD " AND v.field = '" field \
    "' AND v.value = r." field ")"
#define LOST_VALUE(name)                                                                      \
    "SELECT count(*) FROM telemetry_spans AS s JOIN telemetry_span_values AS v ON " OF_PERIOD \
    " WHERE is_exact AND v.field = '" name "' AND NOT EXISTS (SELECT 1 FROM agent_runs WHERE" \
    " created_at >= s.since AND created_at < " NEXT " AND " name " = v.value)"

/* What must find nothing: a count that is wrong, or a run that its span does not know of. */
static const char *const faults[] = {
    "SELECT count(*) FROM (SELECT agent_name, status, count(*), sum(api_posted IS 0) FROM agent_runs"
    " GROUP BY 1, 2 EXCEPT SELECT agent_name, status, runs, unposted FROM telemetry_totals)",
    "SELECT count(*) FROM (SELECT agent_name, status, runs, unposted FROM telemetry_totals"
    " WHERE runs != 0 OR unposted != 0 EXCEPT SELECT agent_name, status, count(*),"
    " sum(api_posted IS 0) FROM agent_runs GROUP BY 1, 2)",
    "SELECT count(*) FROM telemetry_spans AS s WHERE " IS_CLOSED
    " AND runs != (SELECT count(*) FROM agent_runs"
    " WHERE created_at >= s.since AND created_at < " NEXT ")",
    "SELECT count(*) FROM agent_runs AS r JOIN telemetry_spans AS s ON " OF_ROW " WHERE " IS_CLOSED
    " AND (NOT (start_time BETWEEN start_min AND start_max)"
    " OR NOT (end_time IS NULL OR (end_min IS NOT NULL AND end_time BETWEEN end_min AND end_max)))",
    UNKNOWN_VALUE("agent_name"),
    UNKNOWN_VALUE("job_type"),
    UNKNOWN_VALUE("product"),
    UNKNOWN_VALUE("website_section"),
    UNKNOWN_VALUE("git_commit_source"),
    LOST_VALUE("agent_name"),
    LOST_VALUE("job_type"),
    LOST_VALUE("product"),
    LOST_VALUE("website_section"),
    LOST_VALUE("git_commit_source"),
    /* The periods of a value follow each other, and end where a span does. */
    "SELECT count(*) FROM telemetry_span_values AS v JOIN telemetry_span_values AS later"
    " USING (field, value) WHERE later.since > v.since AND later.since < v.until",
    "SELECT count(*) FROM telemetry_span_values WHERE since >= until"
    " OR until NOT IN (SELECT since FROM telemetry_spans)"
    " OR since NOT IN (SELECT since FROM telemetry_spans)",
    /* Only what was made at one and the same time may stay in one span. */
    "SELECT count(*) FROM telemetry_spans AS s WHERE since <"
    " (SELECT created_at FROM agent_runs WHERE created_at >= s.since ORDER BY created_at"
    " LIMIT 1 OFFSET 512) AND (SELECT count(*) FROM agent_runs WHERE created_at >= s.since"
    " AND created_at < " NEXT ") >= 1536",
};

void assert_sound(const char *path, const char *after)
{
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        if (other_int(path, faults[i]) != 0)
            fail_msg("after %s: %s", after, faults[i]);
    }
}
