/* SPDX-License-Identifier: MIT
 *
 * Time is cut into spans by created_at. Of each that is closed it is known between which times its
 * runs started and ended, and which values their categories have: what a list looks for is not in
 * most spans, and those are passed over. (PostgreSQL has the like as BRIN, by pages instead of by time.)
 * The last span is open: only its runs are counted, so that a new run costs little. A span of 1,024
 * runs is cut after 512, and closed.
 *
 * What a span says may be too much, never too little: a run that goes or changes leaves its values
 * behind. is_exact says that this never happened.
 *
 * REPLACE deletes without firing triggers, unless recursive_triggers is on. So the rows that an
 * INSERT is about to meet are noted before it, and those that are gone after it were replaced; what
 * an INSERT OR IGNORE noted is thrown away by the next. The conflict clause of a statement overrides
 * those of its triggers' statements, but neither an upsert's nor a DELETE with an INSERT.
 *
 * No text is as large as x'', a blob: it stands for the end of time. Once released, none of this is
 * touched again but by a migration.
 */
#include "store/summaries_sql.h"

#pragma GCC diagnostic ignored "-Woverlength-strings" /* every compiler takes them */

/* clang-format off */

/* ---- Indexes --------------------------------------------------------------------------------- */

/* Each index costs a page of the disk for every new run that is not beside the one before. So there is
 * none by agent or job type: those of time and status hold what has to be looked at of a run. */
static const char *const indexes[] = {
    "CREATE INDEX telemetry_created_at ON agent_runs\n"
    "    (created_at, id, agent_name, status, job_type)",

    "CREATE INDEX telemetry_status ON agent_runs\n"
    "    (status, created_at, id, agent_name, job_type)",

    "CREATE INDEX telemetry_roots ON agent_runs (created_at)\n"
    "    WHERE parent_run_id IS NULL OR parent_run_id IN ('', 'unknown')",

    "CREATE INDEX telemetry_run_id ON agent_runs (run_id, created_at)",

    "CREATE INDEX telemetry_parent_run_id ON agent_runs (parent_run_id, created_at)\n"
    "    WHERE parent_run_id IS NOT NULL",

    "CREATE INDEX telemetry_git_commit_hash ON agent_runs (git_commit_hash, created_at)\n"
    "    WHERE git_commit_hash IS NOT NULL",

    "CREATE INDEX telemetry_insight_id ON agent_runs (insight_id, created_at)\n"
    "    WHERE insight_id IS NOT NULL",

    "CREATE INDEX telemetry_pending ON agent_runs (api_posted)\n"
    "    WHERE api_posted = 0 AND status != 'running'",
};

/* ---- Tables ---------------------------------------------------------------------------------- */

static const char *const tables[] = {
    "CREATE TABLE telemetry_counts (\n"
    "    agent_name TEXT NOT NULL,\n"
    "    status TEXT NOT NULL,\n"
    "    runs INTEGER NOT NULL,\n"
    "    unposted INTEGER NOT NULL,\n"
    "    PRIMARY KEY (agent_name, status)\n"
    ") WITHOUT ROWID",

    "CREATE TABLE telemetry_spans (\n"
    "    since TEXT NOT NULL PRIMARY KEY,\n"
    "    runs INTEGER NOT NULL DEFAULT 0,\n"
    "    start_min TEXT,\n"
    "    start_max TEXT,\n"
    "    end_min TEXT,\n"
    "    end_max TEXT,\n"
    "    is_exact INTEGER NOT NULL DEFAULT 1\n"
    ") WITHOUT ROWID",

    "CREATE INDEX telemetry_span_start_min ON telemetry_spans (start_min, start_max)",
    "CREATE INDEX telemetry_span_start_max ON telemetry_spans (start_max, start_min)",
    "CREATE INDEX telemetry_span_end_min ON telemetry_spans (end_min, end_max)",
    "CREATE INDEX telemetry_span_end_max ON telemetry_spans (end_max, end_min)",

    "CREATE TABLE telemetry_span_values (\n"
    "    field TEXT NOT NULL,\n"
    "    value TEXT NOT NULL,\n"
    "    since TEXT NOT NULL,\n"
    "    PRIMARY KEY (field, value, since)\n"
    ") WITHOUT ROWID",

    "CREATE TABLE telemetry_replaced (\n"
    "    id INTEGER PRIMARY KEY,\n"
    "    agent_name TEXT,\n"
    "    status TEXT,\n"
    "    unposted INTEGER,\n"
    "    created_at TEXT\n"
    ")",

    "INSERT INTO telemetry_spans (since) VALUES ('')",
};

/* What a trigger may do costs each time that it is asked for, also where it has nothing to do. So what is
 * seldom done is done by triggers of their own, of views that nobody reads. */
static const char *const views[] = {
    "CREATE VIEW telemetry_late (id, created_at, start_time, end_time) AS SELECT 0, '', '', ''",
    "CREATE VIEW telemetry_full (since) AS SELECT ''",
    "CREATE VIEW telemetry_met (id) AS SELECT 0",
};

/* ---- Counts ---------------------------------------------------------------------------------- */

/* Count the new row. */
#define COUNT_IN_NEW \
    "    INSERT INTO telemetry_counts (agent_name, status, runs, unposted)\n" \
    "        VALUES (coalesce(NEW.agent_name, ''), coalesce(NEW.status, ''), 0, 0)\n" \
    "        ON CONFLICT DO NOTHING;\n" \
    "    UPDATE telemetry_counts SET runs = runs + 1, unposted = unposted + (NEW.api_posted IS 0)\n" \
    "        WHERE agent_name = coalesce(NEW.agent_name, '') AND status = coalesce(NEW.status, '');\n"

/* Count the old row no more. */
#define COUNT_OUT_OLD \
    "    UPDATE telemetry_counts SET runs = runs - 1, unposted = unposted - (OLD.api_posted IS 0)\n" \
    "        WHERE agent_name = coalesce(OLD.agent_name, '') AND status = coalesce(OLD.status, '');\n"

/* ---- Spans ----------------------------------------------------------------------------------- */

/* The span of a time. */
#define SPAN_OF(time) "(SELECT max(since) FROM telemetry_spans WHERE since <= " time ")"

/* Put the values of some columns, for the rows that a condition tells, into their span. One statement
 * has columns that go together: it looks at each combination once. */
#define PUT_VALUES(names, columns, values, since, condition) \
    "    INSERT INTO telemetry_span_values (field, value, since)\n" \
    "        WITH name (field) AS (VALUES " names ")\n" \
    "        SELECT field, CASE field " values " END AS value, " since "\n" \
    "        FROM (SELECT DISTINCT " columns "\n" \
    "            FROM agent_runs WHERE " condition ")\n" \
    "            CROSS JOIN name\n" \
    "        WHERE value IS NOT NULL ON CONFLICT DO NOTHING;\n"

#define PUT_ALL_VALUES(since, condition) \
    PUT_VALUES("('agent_name'), ('agent_owner'), ('product'), ('product_family'), ('platform'),\n" \
               "        ('host'), ('environment'), ('trigger_type')", \
               "agent_name, agent_owner, product, product_family,\n" \
               "        platform, host, environment, trigger_type", \
               "WHEN 'agent_name' THEN agent_name WHEN 'agent_owner' THEN agent_owner\n" \
               "        WHEN 'product' THEN product\n" \
               "        WHEN 'product_family' THEN product_family\n" \
               "        WHEN 'platform' THEN platform WHEN 'host' THEN host\n" \
               "        WHEN 'environment' THEN environment ELSE trigger_type", \
               since, condition) \
    PUT_VALUES("('job_type')", "job_type", "WHEN 'job_type' THEN job_type", since, condition) \
    PUT_VALUES("('subdomain'), ('website'), ('website_section')", \
               "subdomain, website, website_section", \
               "WHEN 'subdomain' THEN subdomain\n" \
               "        WHEN 'website' THEN website ELSE website_section", \
               since, condition) \
    PUT_VALUES("('git_repo'), ('git_branch'), ('git_commit_source')", \
               "git_repo, git_branch, git_commit_source", \
               "WHEN 'git_repo' THEN git_repo\n" \
               "        WHEN 'git_branch' THEN git_branch ELSE git_commit_source", \
               since, condition)

/* Count the runs of spans, and see how far their times reach. */
#define MEASURE_SPANS \
    "UPDATE telemetry_spans SET (runs, start_min, start_max, end_min, end_max) =\n" \
    "            (SELECT count(*), min(start_time), max(start_time), min(end_time), max(end_time)\n" \
    "            FROM agent_runs WHERE created_at >= telemetry_spans.since\n" \
    "                AND created_at < " END_OF_SPAN("telemetry_spans.since") ")"

/* Where a span that is full is cut. */
#define MIDDLE_OF_NEW_SPAN \
    "(SELECT created_at FROM agent_runs WHERE created_at >= NEW.since\n" \
    "        ORDER BY created_at LIMIT 1 OFFSET 512)"

#define COUNT_INTO_SPAN \
    "    UPDATE telemetry_spans SET runs = runs + 1 WHERE since = " SPAN_OF("NEW.created_at") ";\n"

#define COUNT_OUT_OF_SPAN \
    "    UPDATE telemetry_spans SET runs = runs - 1, is_exact = 0\n" \
    "        WHERE since = " SPAN_OF("OLD.created_at") ";\n"

/* Have the new row's span reach as far as it does. */
#define STRETCH_SPAN \
    "    UPDATE telemetry_spans SET\n" \
    "            start_min = CASE WHEN start_min <= NEW.start_time THEN start_min\n" \
    "                ELSE NEW.start_time END,\n" \
    "            start_max = CASE WHEN start_max >= NEW.start_time THEN start_max\n" \
    "                ELSE NEW.start_time END,\n" \
    "            end_min = CASE WHEN NEW.end_time IS NULL OR end_min <= NEW.end_time THEN end_min\n" \
    "                ELSE NEW.end_time END,\n" \
    "            end_max = CASE WHEN NEW.end_time IS NULL OR end_max >= NEW.end_time THEN end_max\n" \
    "                ELSE NEW.end_time END\n" \
    "        WHERE since = " SPAN_OF("NEW.created_at") " AND (start_min IS NULL\n" \
    "            OR NEW.start_time < start_min OR NEW.start_time > start_max\n" \
    "            OR (NEW.end_time IS NOT NULL AND (end_min IS NULL\n" \
    "                OR NEW.end_time < end_min OR NEW.end_time > end_max)));\n"

/* Have it say what the row holds, if it is closed. */
#define TAKE_INTO_SPAN \
    "    INSERT INTO telemetry_late VALUES (NEW.id, NEW.created_at, NEW.start_time, NEW.end_time);\n"

/* ---- Triggers -------------------------------------------------------------------------------- */

/* See what became of the rows that the new one met. */
#define LOOK_AT_MET \
    "WHEN EXISTS (SELECT 1 FROM telemetry_replaced)\n" \
    "BEGIN\n" \
    "    INSERT INTO telemetry_met VALUES (NEW.id);\n" \
    "END"

/* Note the rows that the new one meets: all of this, and a condition. */
#define NOTE_MET \
    "    DELETE FROM telemetry_replaced;\n" \
    "    INSERT INTO telemetry_replaced (id, agent_name, status, unposted, created_at)\n" \
    "        SELECT id, coalesce(agent_name, ''), coalesce(status, ''), api_posted IS 0, created_at\n" \
    "        FROM agent_runs WHERE (event_id = NEW.event_id OR id = NEW.id)"

/* What a change of a closed span's run may change in what the span says. */
#define SPAN_FIELDS(value) \
    value("start_time") ", " value("agent_name") ", " value("agent_owner") ", " \
    value("job_type") ", " value("product") ", " value("product_family") ", " \
    value("platform") ", " value("subdomain") ", " value("website") ", " \
    value("website_section") ", " value("git_repo") ", " value("git_branch") ", " \
    value("git_commit_source") ", " value("host") ", " value("environment") ", " \
    value("trigger_type")
#define ROW_OF(value) "(" SPAN_FIELDS(value) ")"
#define NAME_OF(name) name
#define NEW_VALUE(name) "NEW." name
#define OLD_VALUE(name) "OLD." name
#define OLD_OR_NEW_VALUE(name) "coalesce(OLD." name ", NEW." name ")"

static const char *const triggers[] = {
    "CREATE TRIGGER telemetry_before_insert BEFORE INSERT ON agent_runs\n"
    "WHEN EXISTS (SELECT 1 FROM agent_runs WHERE event_id = NEW.event_id)\n"
    "    OR EXISTS (SELECT 1 FROM agent_runs WHERE id = NEW.id)\n"
    "BEGIN\n"
    NOTE_MET ";\n"
    "END",

    "CREATE TRIGGER telemetry_before_rename BEFORE UPDATE OF id, event_id ON agent_runs\n"
    "WHEN NEW.id IS NOT OLD.id OR NEW.event_id IS NOT OLD.event_id\n"
    "BEGIN\n"
    NOTE_MET " AND id != OLD.id;\n"
    "END",

    "CREATE TRIGGER telemetry_insert AFTER INSERT ON agent_runs\n"
    "BEGIN\n"
    COUNT_IN_NEW
    COUNT_INTO_SPAN
    "END",

    "CREATE TRIGGER telemetry_late_insert AFTER INSERT ON agent_runs\n"
    "WHEN NEW.created_at < " LAST_SPAN "\n"
    "BEGIN\n"
    TAKE_INTO_SPAN
    "END",

    "CREATE TRIGGER telemetry_after_insert AFTER INSERT ON agent_runs\n"
    LOOK_AT_MET,

    "CREATE TRIGGER telemetry_after_rename AFTER UPDATE OF id, event_id ON agent_runs\n"
    LOOK_AT_MET,

    /* What was met and is gone was replaced. */
    "CREATE TRIGGER telemetry_give_up INSTEAD OF INSERT ON telemetry_met\n"
    "BEGIN\n"
    "    DELETE FROM telemetry_replaced WHERE id != NEW.id AND id IN (SELECT id FROM agent_runs);\n"
    "    UPDATE telemetry_counts SET (runs, unposted) =\n"
    "            (SELECT telemetry_counts.runs - count(*),\n"
    "                telemetry_counts.unposted - coalesce(sum(gone.unposted), 0)\n"
    "            FROM telemetry_replaced AS gone WHERE gone.agent_name = telemetry_counts.agent_name\n"
    "                AND gone.status = telemetry_counts.status)\n"
    "        WHERE (agent_name, status) IN (SELECT agent_name, status FROM telemetry_replaced);\n"
    "    UPDATE telemetry_spans SET is_exact = 0, runs = runs -\n"
    "            (SELECT count(*) FROM telemetry_replaced AS gone\n"
    "            WHERE telemetry_spans.since = " SPAN_OF("gone.created_at") ")\n"
    "        WHERE since IN (SELECT " SPAN_OF("created_at") "\n"
    "            FROM telemetry_replaced);\n"
    "    DELETE FROM telemetry_replaced;\n"
    "END",

    "CREATE TRIGGER telemetry_delete AFTER DELETE ON agent_runs\n"
    "BEGIN\n"
    "    DELETE FROM telemetry_replaced WHERE id = OLD.id;\n"
    COUNT_OUT_OLD
    COUNT_OUT_OF_SPAN
    "END",

    "CREATE TRIGGER telemetry_count AFTER UPDATE OF agent_name, status, api_posted ON agent_runs\n"
    "WHEN NEW.agent_name IS NOT OLD.agent_name OR NEW.status IS NOT OLD.status\n"
    "    OR NEW.api_posted IS NOT OLD.api_posted\n"
    "BEGIN\n"
    COUNT_OUT_OLD
    COUNT_IN_NEW
    "END",

    "CREATE TRIGGER telemetry_end AFTER UPDATE OF end_time ON agent_runs\n"
    "WHEN NEW.end_time IS NOT OLD.end_time AND NEW.end_time IS NOT NULL\n"
    "    AND NEW.created_at < " LAST_SPAN "\n"
    "BEGIN\n"
    STRETCH_SPAN
    "END",

    "CREATE TRIGGER telemetry_move AFTER UPDATE OF created_at ON agent_runs\n"
    "WHEN NEW.created_at IS NOT OLD.created_at\n"
    "BEGIN\n"
    COUNT_OUT_OF_SPAN
    COUNT_INTO_SPAN
    TAKE_INTO_SPAN
    "END",

    /* Only where a value gives way to another, the span says too much from now on. */
    "CREATE TRIGGER telemetry_change AFTER UPDATE OF " SPAN_FIELDS(NAME_OF) "\n"
    "    ON agent_runs\n"
    "WHEN " ROW_OF(NEW_VALUE) " IS NOT " ROW_OF(OLD_VALUE) "\n"
    "    AND NEW.created_at < " LAST_SPAN "\n"
    "BEGIN\n"
    "    UPDATE telemetry_spans SET is_exact = 0\n"
    "        WHERE since = " SPAN_OF("NEW.created_at") " AND is_exact\n"
    "            AND " ROW_OF(NEW_VALUE) "\n"
    "                IS NOT " ROW_OF(OLD_OR_NEW_VALUE) ";\n"
    TAKE_INTO_SPAN
    "END",

    "CREATE TRIGGER telemetry_take INSTEAD OF INSERT ON telemetry_late\n"
    "BEGIN\n"
    STRETCH_SPAN
    PUT_ALL_VALUES(SPAN_OF("NEW.created_at"), "id = NEW.id AND created_at < " LAST_SPAN)
    "END",

    /* A span is closed by being called exact. */
    "CREATE TRIGGER telemetry_close AFTER UPDATE OF is_exact ON telemetry_spans\n"
    "WHEN NEW.is_exact AND NEW.since < " LAST_SPAN "\n"
    "BEGIN\n"
    PUT_ALL_VALUES("NEW.since", "created_at >= NEW.since AND created_at < " END_OF_SPAN("NEW.since"))
    "END",

    "CREATE TRIGGER telemetry_fill AFTER UPDATE OF runs ON telemetry_spans\n"
    "WHEN NEW.runs >= 1024 AND NEW.runs % 512 = 0 AND NEW.runs > OLD.runs\n"
    "BEGIN\n"
    "    INSERT INTO telemetry_full VALUES (NEW.since);\n"
    "END",

    /* The one of both halves that is new among those closed: the lower, where the span was the last. */
    "CREATE TRIGGER telemetry_cut INSTEAD OF INSERT ON telemetry_full\n"
    "WHEN NEW.since < " MIDDLE_OF_NEW_SPAN "\n"
    "BEGIN\n"
    "    INSERT INTO telemetry_spans (since) VALUES (" MIDDLE_OF_NEW_SPAN ");\n"
    "    " MEASURE_SPANS " WHERE since IN (NEW.since, " END_OF_SPAN("NEW.since") ");\n"
    "    UPDATE telemetry_spans SET is_exact = 0\n"
    "        WHERE since = NEW.since AND " END_OF_SPAN("NEW.since") " < " LAST_SPAN ";\n"
    "    UPDATE telemetry_spans SET is_exact = 1\n"
    "        WHERE since = (SELECT max(since) FROM telemetry_spans\n"
    "            WHERE since <= " END_OF_SPAN("NEW.since") " AND since < " LAST_SPAN ");\n"
    "END",
};

/* ---- For the rows that are there ------------------------------------------------------------- */

static const char *const fill[] = {
    "INSERT INTO telemetry_counts (agent_name, status, runs, unposted)\n"
    "    SELECT coalesce(agent_name, ''), coalesce(status, ''), count(*),\n"
    "        coalesce(sum(api_posted IS 0), 0)\n"
    "    FROM agent_runs GROUP BY 1, 2",

    "INSERT INTO telemetry_spans (since)\n"
    "    SELECT DISTINCT created_at FROM\n"
    "        (SELECT created_at, row_number() OVER (ORDER BY created_at) AS place FROM agent_runs)\n"
    "    WHERE place % 512 = 0 AND created_at > ''",

    MEASURE_SPANS,

    "UPDATE telemetry_spans SET is_exact = 1",
};

/* clang-format on */

static void put(struct strbuf *sql, const char *const *statements, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        strbuf_puts(sql, statements[i]);
        strbuf_puts(sql, ";\n");
    }
}

void summaries_sql_make(struct strbuf *sql)
{
    put(sql, indexes, sizeof indexes / sizeof *indexes);
    put(sql, tables, sizeof tables / sizeof *tables);
    put(sql, views, sizeof views / sizeof *views);
    put(sql, triggers, sizeof triggers / sizeof *triggers);
}

void summaries_sql_fill(struct strbuf *sql)
{
    put(sql, fill, sizeof fill / sizeof *fill);
}
