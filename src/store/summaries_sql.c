/* SPDX-License-Identifier: MIT
 *
 * Time is cut into spans by created_at. Of each that is closed it is known between which times its
 * runs started and ended, and which values their categories have: what a list looks for is not in
 * most spans, and those are passed over. (PostgreSQL has the like as BRIN, by pages instead of by time.)
 * A value is kept by periods: from one span to another that each have it.
 * The last span is open: nothing is kept of its runs, which are few, so that a new run costs little.
 * What is kept, the counts as well, is that of the closed spans. Where the last has 768 runs, it is cut
 * after 512, and where another has got 1,024.
 *
 * So a run is taken in where its span is closed, or where it comes into one that is, and given up where
 * it leaves. What a span says may be too much, never too little: a run that goes or changes leaves its
 * values and times behind, and of a span that is cut each half has those of both. is_exact says that no
 * value is too much.
 *
 * REPLACE deletes without firing triggers, unless recursive_triggers is on. So the rows that a
 * statement is about to meet are noted before it, and those that are gone after it were replaced. What
 * an INSERT OR IGNORE or an upsert noted stays for a while, and is harmless: no row that is noted goes, or
 * gets another id or time, without its note being thrown away. The conflict clause of a statement overrides
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
    "    (created_at, id, agent_name, status, job_type, api_posted)",

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
    "    until TEXT NOT NULL,\n"
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

/* What is needed of a run that is taken in. */
#define RUN "id, agent_name, status, api_posted, created_at, start_time, end_time"
#define NEW_RUN \
    "NEW.id, NEW.agent_name, NEW.status, NEW.api_posted, NEW.created_at, NEW.start_time,\n" \
    "        NEW.end_time"

/* What a trigger may do costs each time that it is asked for, also where it has nothing to do. So what is
 * seldom done, or in several places, is done by triggers of views that nobody reads. */
static const char *const views[] = {
    "CREATE VIEW telemetry_new (" RUN ") AS SELECT 0, '', '', 0, '', '', ''",
    "CREATE VIEW telemetry_in (" RUN ") AS SELECT 0, '', '', 0, '', '', ''",
    "CREATE VIEW telemetry_out (agent_name, status, unposted, created_at) AS SELECT '', '', 0, ''",
    "CREATE VIEW telemetry_counted (agent_name, status, runs, unposted) AS SELECT '', '', 0, 0",
    "CREATE VIEW telemetry_full (since, until) AS SELECT '', ''",
    "CREATE VIEW telemetry_seen (field, value, since) AS SELECT '', '', ''",
    "CREATE VIEW telemetry_met (id) AS SELECT 0",

    /* The one that is read: the counts of all runs. */
    "CREATE VIEW telemetry_totals (agent_name, status, runs, unposted) AS\n"
    "    SELECT agent_name, status, sum(runs), sum(unposted) FROM\n"
    "        (SELECT agent_name, status, runs, unposted FROM telemetry_counts UNION ALL\n"
    "        SELECT coalesce(agent_name, ''), coalesce(status, ''), 1, api_posted IS 0\n"
    "        FROM agent_runs INDEXED BY telemetry_created_at WHERE created_at >= " LAST_SPAN ")\n"
    "    GROUP BY 1, 2",
};

/* ---- Spans ----------------------------------------------------------------------------------- */

/* The span of a time. */
#define SPAN_OF(time) "(SELECT max(since) FROM telemetry_spans WHERE since <= " time ")"

/* The categories: columns whose values are known of spans, by what tends to go together. */
#define OF_AGENTS(between, value) \
    value("agent_name") between value("agent_owner") between value("product") between \
    value("product_family") between value("platform") between value("host") between \
    value("environment") between value("trigger_type")
#define OF_JOBS(between, value) value("job_type")
#define OF_SITES(between, value) \
    value("subdomain") between value("website") between value("website_section")
#define OF_COMMITS(between, value) \
    value("git_repo") between value("git_branch") between value("git_commit_source")
#define CATEGORIES(between, value) \
    OF_AGENTS(between, value) between OF_JOBS(between, value) between \
    OF_SITES(between, value) between OF_COMMITS(between, value)

#define NAME_OF(name) name
#define ROW_WITH(name) "('" name "')"
#define WHEN_FIELD_IS(name) "\n            WHEN '" name "' THEN " name

/* Tell the values that some of them have in some runs of a span. */
#define TELL_VALUES(select, of, since, runs) \
    "    INSERT INTO telemetry_seen\n" \
    "        WITH name (field) AS (VALUES " of(", ", ROW_WITH) ")\n" \
    "        " select " field, CASE field" of("", WHEN_FIELD_IS) " END AS value,\n" \
    "            " since "\n" \
    "        FROM " runs " CROSS JOIN name WHERE value IS NOT NULL;\n"

/* The same of a whole span, looking at each combination of them once. */
#define TELL_VALUES_OF_SPAN(of) \
    TELL_VALUES("SELECT DISTINCT", of, "NEW.since", \
                "(SELECT DISTINCT " of(", ", NAME_OF) " FROM agent_runs\n" \
                "            WHERE created_at >= NEW.since AND created_at < " \
                END_OF_SPAN("NEW.since") ")")

/* What is known of a value where it was seen last, in this span or before. */
#define LAST_SEEN(column) \
    "(SELECT " column " FROM telemetry_span_values\n" \
    "            WHERE field = NEW.field AND value = NEW.value AND since <= NEW.since\n" \
    "            ORDER BY since DESC LIMIT 1)"

/* Count the runs of closed spans, and see how far their times reach. */
#define MEASURE_SPANS \
    "UPDATE telemetry_spans SET (runs, start_min, start_max, end_min, end_max) =\n" \
    "            (SELECT count(*), min(start_time), max(start_time), min(end_time), max(end_time)\n" \
    "            FROM agent_runs WHERE created_at >= telemetry_spans.since\n" \
    "                AND created_at < " END_OF_SPAN("telemetry_spans.since") ")"

/* Count the runs that a condition tells by agent and status. */
#define COUNT_RUNS(condition) \
    "    INSERT INTO telemetry_counted\n" \
    "        SELECT agent_name, status, count(*), sum(api_posted IS 0)\n" \
    "        FROM agent_runs WHERE " condition " GROUP BY 1, 2;\n"

/* Where a span that is full is cut: after 512 runs, or after those of its first time, if they are more.
 * NULL: it has no other. */
#define MIDDLE_OF_NEW_SPAN \
    "(SELECT min(created_at) FROM agent_runs\n" \
    "        WHERE created_at > NEW.since AND created_at < NEW.until AND created_at >=\n" \
    "            (SELECT created_at FROM agent_runs WHERE created_at >= NEW.since\n" \
    "            ORDER BY created_at LIMIT 1 OFFSET 512))"

/* Has the last span, which is open, become full? */
#define LAST_IS_FULL \
    "EXISTS (SELECT 1 FROM agent_runs WHERE created_at >= " LAST_SPAN "\n" \
    "        ORDER BY created_at LIMIT 1 OFFSET 767)"

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

/* ---- Triggers -------------------------------------------------------------------------------- */

/* Is the row of a closed span? */
#define IS_CLOSED(row) row ".created_at < " LAST_SPAN

/* What is needed of a run that is given up. */
#define OLD_RUN "OLD.agent_name, OLD.status, OLD.api_posted IS 0, OLD.created_at"

/* Note the rows of closed spans that the new one meets: all of this, and a condition. */
#define NOTE_MET \
    "    DELETE FROM telemetry_replaced;\n" \
    "    INSERT INTO telemetry_replaced (id, agent_name, status, unposted, created_at)\n" \
    "        SELECT id, agent_name, status, api_posted IS 0, created_at\n" \
    "        FROM agent_runs WHERE (event_id = NEW.event_id OR id = NEW.id)\n" \
    "            AND created_at < " LAST_SPAN

/* What a change of a closed span's run may change in what the span says. */
#define SPAN_FIELDS(value) value("start_time") ", " CATEGORIES(", ", value)
#define ROW_OF(value) "(" SPAN_FIELDS(value) ")"
#define NEW_VALUE(name) "NEW." name
#define OLD_VALUE(name) "OLD." name
#define OLD_OR_NEW_VALUE(name) "coalesce(OLD." name ", NEW." name ")"
#define CHANGED_VALUE(name) "\n            ('" name "', NEW." name ", OLD." name ")"

/* What decides which run a row is, and in which span. A column goes by the name that a statement uses. */
#define PLACE "id, rowid, oid, _rowid_, event_id, created_at"

/* Now and then have it looked whether the last span, which is open, has become full. Ids are counted up,
 * by one or by some other number: the prime hits some of them. */
#define IS_LOOKING "NEW.id % 251 = 0"
#define LOOK_AT_LAST \
    "    INSERT INTO telemetry_full SELECT " LAST_SPAN ", x''\n" \
    "        WHERE " IS_LOOKING " AND " LAST_IS_FULL ";\n"

static const char *const triggers[] = {
    "CREATE TRIGGER telemetry_before_insert BEFORE INSERT ON agent_runs\n"
    "WHEN EXISTS (SELECT 1 FROM agent_runs WHERE event_id = NEW.event_id)\n"
    "    OR EXISTS (SELECT 1 FROM agent_runs WHERE id = NEW.id)\n"
    "BEGIN\n"
    NOTE_MET ";\n"
    "END",

    "CREATE TRIGGER telemetry_before_move BEFORE UPDATE OF " PLACE " ON agent_runs\n"
    "BEGIN\n"
    NOTE_MET " AND id != OLD.id;\n"
    "END",

    /* All that most new runs cost. */
    "CREATE TRIGGER telemetry_insert AFTER INSERT ON agent_runs\n"
    "WHEN " IS_CLOSED("NEW") " OR " IS_LOOKING "\n"
    "    OR EXISTS (SELECT 1 FROM telemetry_replaced)\n"
    "BEGIN\n"
    "    INSERT INTO telemetry_new VALUES (" NEW_RUN ");\n"
    "END",

    /* What was replaced goes first, here and below: what comes may cut a span, which counts it anew. */
    "CREATE TRIGGER telemetry_look_at_new INSTEAD OF INSERT ON telemetry_new\n"
    "BEGIN\n"
    "    INSERT INTO telemetry_met VALUES (NEW.id);\n"
    "    INSERT INTO telemetry_in SELECT " NEW_RUN "\n"
    "        WHERE " IS_CLOSED("NEW") ";\n"
    LOOK_AT_LAST
    "END",

    "CREATE TRIGGER telemetry_delete AFTER DELETE ON agent_runs\n"
    "WHEN " IS_CLOSED("OLD") "\n"
    "BEGIN\n"
    "    DELETE FROM telemetry_replaced WHERE id = OLD.id;\n"
    "    INSERT INTO telemetry_out VALUES (" OLD_RUN ");\n"
    "END",

    "CREATE TRIGGER telemetry_move AFTER UPDATE OF " PLACE " ON agent_runs\n"
    "WHEN NEW.created_at IS NOT OLD.created_at OR EXISTS (SELECT 1 FROM telemetry_replaced)\n"
    "BEGIN\n"
    "    INSERT INTO telemetry_met VALUES (NEW.id);\n"
    "    INSERT INTO telemetry_out SELECT " OLD_RUN "\n"
    "        WHERE NEW.created_at IS NOT OLD.created_at AND " IS_CLOSED("OLD") ";\n"
    "    INSERT INTO telemetry_in SELECT " NEW_RUN "\n"
    "        WHERE NEW.created_at IS NOT OLD.created_at AND " IS_CLOSED("NEW") ";\n"
    LOOK_AT_LAST
    "END",

    "CREATE TRIGGER telemetry_recount AFTER UPDATE OF agent_name, status, api_posted ON agent_runs\n"
    "WHEN (NEW.agent_name IS NOT OLD.agent_name OR NEW.status IS NOT OLD.status\n"
    "        OR NEW.api_posted IS NOT OLD.api_posted)\n"
    "    AND NEW.created_at IS OLD.created_at AND " IS_CLOSED("NEW") "\n"
    "BEGIN\n"
    "    INSERT INTO telemetry_counted\n"
    "        VALUES (OLD.agent_name, OLD.status, -1, -(OLD.api_posted IS 0));\n"
    "    INSERT INTO telemetry_counted\n"
    "        VALUES (NEW.agent_name, NEW.status, 1, NEW.api_posted IS 0);\n"
    "END",

    "CREATE TRIGGER telemetry_end AFTER UPDATE OF end_time ON agent_runs\n"
    "WHEN NEW.end_time IS NOT OLD.end_time AND NEW.end_time IS NOT NULL\n"
    "    AND " IS_CLOSED("NEW") "\n"
    "BEGIN\n"
    STRETCH_SPAN
    "END",

    /* Only where a value gives way to another, the span says too much from now on. */
    "CREATE TRIGGER telemetry_change AFTER UPDATE OF " SPAN_FIELDS(NAME_OF) "\n"
    "    ON agent_runs\n"
    "WHEN " ROW_OF(NEW_VALUE) " IS NOT " ROW_OF(OLD_VALUE) "\n"
    "    AND " IS_CLOSED("NEW") "\n"
    "BEGIN\n"
    "    UPDATE telemetry_spans SET is_exact = 0\n"
    "        WHERE since = " SPAN_OF("NEW.created_at") " AND is_exact\n"
    "            AND " ROW_OF(NEW_VALUE) "\n"
    "                IS NOT " ROW_OF(OLD_OR_NEW_VALUE) ";\n"
    STRETCH_SPAN
    "    INSERT INTO telemetry_seen\n"
    "        WITH change (field, value, former) AS (VALUES" CATEGORIES(", ", CHANGED_VALUE) ")\n"
    "        SELECT field, value, " SPAN_OF("NEW.created_at") "\n"
    "        FROM change WHERE value IS NOT NULL AND value IS NOT former;\n"
    "END",

    /* ---- In and out of closed spans ---- */

    /* What was met and is gone was replaced. */
    "CREATE TRIGGER telemetry_look_at_met INSTEAD OF INSERT ON telemetry_met\n"
    "WHEN EXISTS (SELECT 1 FROM telemetry_replaced)\n"
    "BEGIN\n"
    "    DELETE FROM telemetry_replaced WHERE id != NEW.id\n"
    "        AND EXISTS (SELECT 1 FROM agent_runs WHERE id = telemetry_replaced.id);\n"
    "    INSERT INTO telemetry_out\n"
    "        SELECT agent_name, status, unposted, created_at FROM telemetry_replaced;\n"
    "    DELETE FROM telemetry_replaced;\n"
    "END",

    /* Counting it last, as that may cut the span. */
    "CREATE TRIGGER telemetry_take_in INSTEAD OF INSERT ON telemetry_in\n"
    "BEGIN\n"
    "    INSERT INTO telemetry_counted\n"
    "        VALUES (NEW.agent_name, NEW.status, 1, NEW.api_posted IS 0);\n"
    STRETCH_SPAN
    TELL_VALUES("SELECT", CATEGORIES, SPAN_OF("NEW.created_at"),
                "(SELECT * FROM agent_runs WHERE id = NEW.id)")
    "    UPDATE telemetry_spans SET runs = runs + 1 WHERE since = " SPAN_OF("NEW.created_at") ";\n"
    "END",

    "CREATE TRIGGER telemetry_give_up INSTEAD OF INSERT ON telemetry_out\n"
    "BEGIN\n"
    "    INSERT INTO telemetry_counted VALUES (NEW.agent_name, NEW.status, -1, -NEW.unposted);\n"
    "    UPDATE telemetry_spans SET runs = runs - 1, is_exact = 0\n"
    "        WHERE since = " SPAN_OF("NEW.created_at") ";\n"
    "END",

    "CREATE TRIGGER telemetry_count INSTEAD OF INSERT ON telemetry_counted\n"
    "BEGIN\n"
    "    INSERT INTO telemetry_counts (agent_name, status, runs, unposted)\n"
    "        VALUES (coalesce(NEW.agent_name, ''), coalesce(NEW.status, ''), 0, 0)\n"
    "        ON CONFLICT DO NOTHING;\n"
    "    UPDATE telemetry_counts SET runs = runs + NEW.runs, unposted = unposted + NEW.unposted\n"
    "        WHERE agent_name = coalesce(NEW.agent_name, '') AND status = coalesce(NEW.status, '');\n"
    "END",

    /* A value goes on where the span before has it, too. */
    "CREATE TRIGGER telemetry_see INSTEAD OF INSERT ON telemetry_seen\n"
    "BEGIN\n"
    "    UPDATE telemetry_span_values SET until = " END_OF_SPAN("NEW.since") "\n"
    "        WHERE field = NEW.field AND value = NEW.value AND since = " LAST_SEEN("since") "\n"
    "            AND until = NEW.since;\n"
    "    INSERT INTO telemetry_span_values (field, value, since, until)\n"
    "        SELECT NEW.field, NEW.value, NEW.since, " END_OF_SPAN("NEW.since") "\n"
    "        WHERE coalesce(" LAST_SEEN("until") " <= NEW.since, 1);\n"
    "END",

    /* ---- New spans ---- */

    /* A span that is closed takes the values of its runs by being called exact. */
    "CREATE TRIGGER telemetry_close AFTER UPDATE OF is_exact ON telemetry_spans\n"
    "WHEN NEW.is_exact AND NEW.since < " LAST_SPAN "\n"
    "BEGIN\n"
    TELL_VALUES_OF_SPAN(OF_AGENTS)
    TELL_VALUES_OF_SPAN(OF_JOBS)
    TELL_VALUES_OF_SPAN(OF_SITES)
    TELL_VALUES_OF_SPAN(OF_COMMITS)
    "END",

    "CREATE TRIGGER telemetry_fill AFTER UPDATE OF runs ON telemetry_spans\n"
    "WHEN NEW.runs >= 1024 AND NEW.runs % 512 = 0 AND NEW.runs > OLD.runs\n"
    "BEGIN\n"
    "    INSERT INTO telemetry_full VALUES (NEW.since, " END_OF_SPAN("NEW.since") ");\n"
    "END",

    /* Where the span was the last, its lower half is closed. Of another, either half may have values that
     * only the other has. */
    "CREATE TRIGGER telemetry_cut INSTEAD OF INSERT ON telemetry_full\n"
    "WHEN " MIDDLE_OF_NEW_SPAN " IS NOT NULL\n"
    "BEGIN\n"
    "    INSERT INTO telemetry_spans (since) VALUES (" MIDDLE_OF_NEW_SPAN ");\n"
    "    " MEASURE_SPANS "\n"
    "        WHERE since >= NEW.since AND since < NEW.until AND since < " LAST_SPAN ";\n"
    COUNT_RUNS("NEW.until = x'' AND created_at >= NEW.since\n"
    "            AND created_at < " LAST_SPAN)
    "    UPDATE telemetry_spans SET is_exact = NEW.until = x''\n"
    "        WHERE since >= NEW.since AND since < NEW.until AND since < " LAST_SPAN ";\n"
    "END",
};

/* ---- For the rows that are there ------------------------------------------------------------- */

static const char *const fill[] = {
    "INSERT INTO telemetry_spans (since)\n"
    "    SELECT DISTINCT created_at FROM\n"
    "        (SELECT created_at, row_number() OVER (ORDER BY created_at) AS place FROM agent_runs)\n"
    "    WHERE place % 512 = 0 AND created_at > ''",

    COUNT_RUNS("created_at < " LAST_SPAN),

    MEASURE_SPANS " WHERE since < " LAST_SPAN,

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

void summaries_sql_counted(struct strbuf *sql, const char *name)
{
    strbuf_printf(sql,
                  "SELECT %s FROM telemetry_counts WHERE runs > 0 UNION SELECT coalesce(%s, '')"
                  " FROM agent_runs INDEXED BY telemetry_created_at WHERE created_at >= " LAST_SPAN,
                  name, name);
}
