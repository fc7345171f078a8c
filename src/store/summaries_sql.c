/* SPDX-License-Identifier: MIT
 *
 * Time is cut into spans by created_at: a new one begins with a run when the one before it has 512.
 * Of each it is known how many runs it has, between which times they started and ended, and which
 * values their categories have. What a list looks for is not in most spans, and those are passed
 * over. (PostgreSQL has the like as BRIN, by pages instead of by time.)
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

/* clang-format off */

/* ---- Indexes --------------------------------------------------------------------------------- */

static const char *const indexes[] = {
    "CREATE INDEX telemetry_created_at ON agent_runs (created_at)",

    "CREATE INDEX telemetry_roots ON agent_runs (created_at)\n"
    "    WHERE parent_run_id IS NULL OR parent_run_id IN ('', 'unknown')",

    "CREATE INDEX telemetry_agent_name ON agent_runs (agent_name, created_at)",

    "CREATE INDEX telemetry_agent_name_status ON agent_runs (agent_name, status, created_at)",

    "CREATE INDEX telemetry_status ON agent_runs (status, created_at)",

    "CREATE INDEX telemetry_job_type ON agent_runs (job_type, created_at)",

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

/* ---- Triggers -------------------------------------------------------------------------------- */

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

/* Have the new row's span say what it holds. */
#define TAKE_INTO_SPAN \
    "    UPDATE telemetry_spans SET runs = runs + 1,\n" \
    "            start_min = CASE WHEN start_min <= NEW.start_time THEN start_min\n" \
    "                ELSE NEW.start_time END,\n" \
    "            start_max = CASE WHEN start_max >= NEW.start_time THEN start_max\n" \
    "                ELSE NEW.start_time END,\n" \
    "            end_min = CASE WHEN NEW.end_time IS NULL OR end_min <= NEW.end_time THEN end_min\n" \
    "                ELSE NEW.end_time END,\n" \
    "            end_max = CASE WHEN NEW.end_time IS NULL OR end_max >= NEW.end_time THEN end_max\n" \
    "                ELSE NEW.end_time END\n" \
    "        WHERE since = (SELECT max(since) FROM telemetry_spans WHERE since <= NEW.created_at);\n" \
    "    INSERT INTO telemetry_span_values (field, value, since)\n" \
    "        WITH category (field, value) AS (VALUES\n" \
    "                ('agent_owner', NEW.agent_owner), ('product', NEW.product),\n" \
    "                ('product_family', NEW.product_family), ('platform', NEW.platform),\n" \
    "                ('subdomain', NEW.subdomain), ('website', NEW.website),\n" \
    "                ('website_section', NEW.website_section),\n" \
    "                ('git_repo', NEW.git_repo), ('git_branch', NEW.git_branch),\n" \
    "                ('git_commit_source', NEW.git_commit_source), ('host', NEW.host),\n" \
    "                ('environment', NEW.environment),\n" \
    "                ('trigger_type', NEW.trigger_type))\n" \
    "        SELECT field, value, (SELECT max(since) FROM telemetry_spans WHERE since <= NEW.created_at)\n" \
    "        FROM category WHERE value IS NOT NULL\n" \
    "        ON CONFLICT DO NOTHING;\n"

/* What was noted and is gone was replaced. */
#define GIVE_UP_REPLACED \
    "WHEN EXISTS (SELECT 1 FROM telemetry_replaced)\n" \
    "BEGIN\n" \
    "    DELETE FROM telemetry_replaced WHERE id != NEW.id AND id IN (SELECT id FROM agent_runs);\n" \
    "    UPDATE telemetry_counts SET (runs, unposted) =\n" \
    "            (SELECT telemetry_counts.runs - count(*),\n" \
    "                telemetry_counts.unposted - coalesce(sum(gone.unposted), 0)\n" \
    "            FROM telemetry_replaced AS gone WHERE gone.agent_name = telemetry_counts.agent_name\n" \
    "                AND gone.status = telemetry_counts.status)\n" \
    "        WHERE (agent_name, status) IN (SELECT agent_name, status FROM telemetry_replaced);\n" \
    "    UPDATE telemetry_spans SET is_exact = 0, runs = runs -\n" \
    "            (SELECT count(*) FROM telemetry_replaced AS gone\n" \
    "            WHERE telemetry_spans.since = (SELECT max(since) FROM telemetry_spans WHERE since <= gone.created_at))\n" \
    "        WHERE since IN (SELECT (SELECT max(since) FROM telemetry_spans WHERE since <= created_at)\n" \
    "            FROM telemetry_replaced);\n" \
    "    DELETE FROM telemetry_replaced;\n" \
    "END"

/* Note the rows that the new one meets: all of this, and a condition. */
#define NOTE_MET \
    "    DELETE FROM telemetry_replaced;\n" \
    "    INSERT INTO telemetry_replaced (id, agent_name, status, unposted, created_at)\n" \
    "        SELECT id, coalesce(agent_name, ''), coalesce(status, ''), api_posted IS 0, created_at\n" \
    "        FROM agent_runs WHERE (event_id = NEW.event_id OR id = NEW.id)"

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

    "CREATE TRIGGER telemetry_cut BEFORE INSERT ON agent_runs\n"
    "WHEN (SELECT runs >= 512 AND since < NEW.created_at AND (SELECT count(*) FROM\n"
    "        (SELECT 1 FROM agent_runs WHERE created_at >= NEW.created_at AND created_at <\n"
    "            coalesce((SELECT min(since) FROM telemetry_spans WHERE since > NEW.created_at), x'')\n"
    "        LIMIT 64)) < 64\n"
    "    FROM telemetry_spans WHERE since <= NEW.created_at ORDER BY since DESC LIMIT 1)\n"
    "BEGIN\n"
    "    INSERT INTO telemetry_span_values (field, value, since)\n"
    "        WITH category (field) AS (VALUES\n"
    "                ('agent_owner'), ('product'), ('product_family'), ('platform'),\n"
    "                ('subdomain'), ('website'), ('website_section'), ('git_repo'),\n"
    "                ('git_branch'), ('git_commit_source'), ('host'), ('environment'),\n"
    "                ('trigger_type'))\n"
    "        SELECT field, CASE field\n"
    "                WHEN 'agent_owner' THEN agent_owner WHEN 'product' THEN product\n"
    "                WHEN 'product_family' THEN product_family\n"
    "                WHEN 'platform' THEN platform WHEN 'subdomain' THEN subdomain\n"
    "                WHEN 'website' THEN website\n"
    "                WHEN 'website_section' THEN website_section\n"
    "                WHEN 'git_repo' THEN git_repo WHEN 'git_branch' THEN git_branch\n"
    "                WHEN 'git_commit_source' THEN git_commit_source\n"
    "                WHEN 'host' THEN host WHEN 'environment' THEN environment\n"
    "                ELSE trigger_type END AS value, NEW.created_at\n"
    "        FROM agent_runs CROSS JOIN category\n"
    "        WHERE created_at >= NEW.created_at AND created_at <\n"
    "                coalesce((SELECT min(since) FROM telemetry_spans WHERE since > NEW.created_at), x'')\n"
    "            AND value IS NOT NULL\n"
    "        ON CONFLICT DO NOTHING;\n"
    "    INSERT INTO telemetry_spans (since, runs, start_min, start_max, end_min, end_max)\n"
    "        SELECT NEW.created_at, count(*), min(start_time), max(start_time),\n"
    "            min(end_time), max(end_time)\n"
    "        FROM agent_runs WHERE created_at >= NEW.created_at AND created_at <\n"
    "            coalesce((SELECT min(since) FROM telemetry_spans WHERE since > NEW.created_at), x'');\n"
    "    UPDATE telemetry_spans SET is_exact = 0, runs = runs -\n"
    "            (SELECT runs FROM telemetry_spans WHERE since = NEW.created_at)\n"
    "        WHERE since = (SELECT max(since) FROM telemetry_spans WHERE since < NEW.created_at)\n"
    "            AND (SELECT runs FROM telemetry_spans WHERE since = NEW.created_at) > 0;\n"
    "END",

    "CREATE TRIGGER telemetry_insert AFTER INSERT ON agent_runs\n"
    "BEGIN\n"
    COUNT_IN_NEW
    TAKE_INTO_SPAN
    "END",

    "CREATE TRIGGER telemetry_after_insert AFTER INSERT ON agent_runs\n"
    GIVE_UP_REPLACED,

    "CREATE TRIGGER telemetry_after_rename AFTER UPDATE OF id, event_id ON agent_runs\n"
    GIVE_UP_REPLACED,

    "CREATE TRIGGER telemetry_delete AFTER DELETE ON agent_runs\n"
    "BEGIN\n"
    "    DELETE FROM telemetry_replaced WHERE id = OLD.id;\n"
    COUNT_OUT_OLD
    "    UPDATE telemetry_spans SET runs = runs - 1, is_exact = 0\n"
    "        WHERE since = (SELECT max(since) FROM telemetry_spans WHERE since <= OLD.created_at);\n"
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
    "BEGIN\n"
    "    UPDATE telemetry_spans SET\n"
    "            end_min = CASE WHEN end_min <= NEW.end_time THEN end_min ELSE NEW.end_time END,\n"
    "            end_max = CASE WHEN end_max >= NEW.end_time THEN end_max ELSE NEW.end_time END\n"
    "        WHERE since = (SELECT max(since) FROM telemetry_spans WHERE since <= NEW.created_at)\n"
    "            AND (end_min IS NULL OR NEW.end_time < end_min OR NEW.end_time > end_max);\n"
    "END",

    "CREATE TRIGGER telemetry_move AFTER UPDATE OF\n"
    "    created_at, start_time, agent_owner, product, product_family, platform,\n"
    "    subdomain, website, website_section, git_repo, git_branch, git_commit_source,\n"
    "    host, environment, trigger_type\n"
    "    ON agent_runs\n"
    "WHEN (NEW.created_at, NEW.start_time, NEW.agent_owner, NEW.product,\n"
    "        NEW.product_family, NEW.platform, NEW.subdomain, NEW.website,\n"
    "        NEW.website_section, NEW.git_repo, NEW.git_branch, NEW.git_commit_source,\n"
    "        NEW.host, NEW.environment, NEW.trigger_type)\n"
    "    IS NOT (OLD.created_at, OLD.start_time, OLD.agent_owner, OLD.product,\n"
    "        OLD.product_family, OLD.platform, OLD.subdomain, OLD.website,\n"
    "        OLD.website_section, OLD.git_repo, OLD.git_branch, OLD.git_commit_source,\n"
    "        OLD.host, OLD.environment, OLD.trigger_type)\n"
    "BEGIN\n"
    "    UPDATE telemetry_spans SET runs = runs - 1, is_exact = 0\n"
    "        WHERE since = (SELECT max(since) FROM telemetry_spans WHERE since <= OLD.created_at);\n"
    TAKE_INTO_SPAN
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

    "UPDATE telemetry_spans AS span SET (runs, start_min, start_max, end_min, end_max) =\n"
    "    (SELECT count(*), min(start_time), max(start_time), min(end_time), max(end_time)\n"
    "    FROM agent_runs INDEXED BY telemetry_created_at\n"
    "    WHERE created_at >= span.since AND created_at <\n"
    "        coalesce((SELECT min(since) FROM telemetry_spans WHERE since > span.since), x''))",

    "INSERT INTO telemetry_span_values (field, value, since)\n"
    "    WITH category (field) AS (VALUES\n"
    "            ('agent_owner'), ('product'), ('product_family'), ('platform'),\n"
    "            ('subdomain'), ('website'), ('website_section'), ('git_repo'),\n"
    "            ('git_branch'), ('git_commit_source'), ('host'), ('environment'),\n"
    "            ('trigger_type'))\n"
    "    SELECT field, CASE field\n"
    "            WHEN 'agent_owner' THEN agent_owner WHEN 'product' THEN product\n"
    "            WHEN 'product_family' THEN product_family WHEN 'platform' THEN platform\n"
    "            WHEN 'subdomain' THEN subdomain WHEN 'website' THEN website\n"
    "            WHEN 'website_section' THEN website_section\n"
    "            WHEN 'git_repo' THEN git_repo WHEN 'git_branch' THEN git_branch\n"
    "            WHEN 'git_commit_source' THEN git_commit_source WHEN 'host' THEN host\n"
    "            WHEN 'environment' THEN environment ELSE trigger_type END AS value, span.since\n"
    "    FROM telemetry_spans AS span\n"
    "        CROSS JOIN agent_runs INDEXED BY telemetry_created_at\n"
    "        ON created_at >= span.since AND created_at <\n"
    "            coalesce((SELECT min(since) FROM telemetry_spans WHERE since > span.since), x'')\n"
    "        CROSS JOIN category\n"
    "    WHERE value IS NOT NULL\n"
    "    ON CONFLICT DO NOTHING",
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
    put(sql, triggers, sizeof triggers / sizeof *triggers);
}

void summaries_sql_fill(struct strbuf *sql)
{
    put(sql, fill, sizeof fill / sizeof *fill);
}
