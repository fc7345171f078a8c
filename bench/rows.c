/* SPDX-License-Identifier: MIT */
#include "rows.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define AGENTS 30
#define JOB_TYPES 12
#define FIRST_RUN 1700000000 /* when number 0 began, seconds since 1970 */
#define SECONDS_BETWEEN_RUNS 6
#define RARE 1000000

enum column {
    EVENT_ID,
    RUN_ID,
    SCHEMA_VERSION,
    CREATED_AT,
    START_TIME,
    END_TIME,
    AGENT_NAME,
    AGENT_OWNER,
    JOB_TYPE,
    STATUS,
    PRODUCT,
    PLATFORM,
    WEBSITE,
    WEBSITE_SECTION,
    ITEMS_DISCOVERED,
    ITEMS_SUCCEEDED,
    DURATION_MS,
    ERROR_SUMMARY,
    GIT_REPO,
    GIT_BRANCH,
    GIT_COMMIT_HASH,
    HOST,
    TRIGGER_TYPE,
    METRICS_JSON,
    INSIGHT_ID,
    PARENT_RUN_ID,
};

static const char insert_sql[] =
    "INSERT OR FAIL INTO agent_runs (event_id, run_id, schema_version, created_at, start_time, end_time,"
    " agent_name, agent_owner, job_type, status, product, platform, website, website_section,"
    " items_discovered, items_succeeded, duration_ms, error_summary, git_repo, git_branch,"
    " git_commit_hash, host, trigger_type, metrics_json, insight_id, parent_run_id)"
    " VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)";

/* ---- Making one ------------------------------------------------------------------------------ */

/* Mix the bits of a number well (the finalizer of splitmix64). */
static uint64_t mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

#define PUT(row, column, ...) ((void)snprintf((row)->values[column], ROW_VALUE_BYTES, __VA_ARGS__))

static void put_time(struct row *row, enum column column, time_t seconds, unsigned microseconds)
{
    struct tm parts;
    char text[32];

    (void)gmtime_r(&seconds, &parts);
    (void)strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
    PUT(row, column, "%s.%06u+00:00", text, microseconds);
}

static void put_run_id(struct row *row, enum column column, uint64_t series, uint64_t number)
{
    uint64_t bits = mix(mix(series) ^ number);

    PUT(row, column, "run-%" PRIu64 "-agent-%02u-%08x", number, (unsigned)(bits % AGENTS),
        (unsigned)(bits >> 32));
}

static void put_ids(struct row *row, uint64_t series, uint64_t number)
{
    uint64_t high = mix(mix(series) ^ number);
    uint64_t low = mix(high ^ series);

    PUT(row, EVENT_ID, "%08x-%04x-4%03x-8%03x-%04x%08x", (unsigned)(high >> 32),
        (unsigned)(high >> 16 & 0xffff), (unsigned)(high & 0xfff), (unsigned)(low >> 52),
        (unsigned)(low >> 32 & 0xffff), (unsigned)low);
    put_run_id(row, RUN_ID, series, number);
    if (number > 100 && high % 5 == 0) /* every fifth was started by another run */
        put_run_id(row, PARENT_RUN_ID, series, number - 1 - high % 100);
}

static void put_times(struct row *row, uint64_t number, uint64_t bits)
{
    time_t start = (time_t)(FIRST_RUN + number * SECONDS_BETWEEN_RUNS);
    unsigned duration_ms = (unsigned)(bits >> 8) % 120000;

    put_time(row, START_TIME, start, (unsigned)bits % 1000000);
    put_time(row, CREATED_AT, start, (unsigned)bits % 1000000);
    put_time(row, END_TIME, start + (time_t)(duration_ms / 1000), (unsigned)bits % 1000000);
    PUT(row, DURATION_MS, "%u", duration_ms);
}

static void put_outcome(struct row *row, uint64_t bits)
{
    unsigned percent = (unsigned)(bits >> 40) % 100;

    PUT(row, STATUS, "%s",
        percent < 85   ? "success"
        : percent < 94 ? "failure"
        : percent < 97 ? "partial"
        : percent < 99 ? "timeout"
                       : "cancelled");
    if (percent >= 85)
        PUT(row, ERROR_SUMMARY, "page %u did not answer", (unsigned)bits % 1000);
    PUT(row, ITEMS_DISCOVERED, "%u", (unsigned)bits % 500);
    PUT(row, ITEMS_SUCCEEDED, "%u", (unsigned)bits % 400);
}

static void put_origin(struct row *row, uint64_t number, uint64_t bits)
{
    unsigned agent = (unsigned)(bits % AGENTS);

    PUT(row, AGENT_NAME, "%s.agent-%02u", agent < 10 ? "launch.llm" : "crawl", agent);
    PUT(row, AGENT_OWNER, "team-%u", agent % 4);
    PUT(row, JOB_TYPE, "job-%02u", (unsigned)(bits >> 16) % JOB_TYPES);
    PUT(row, PRODUCT, number % RARE == RARE / 2 ? "rare-product" : "product-%u", agent % 7);
    PUT(row, PLATFORM, "platform-%u", agent % 3);
    PUT(row, HOST, "host-%u", agent % 5);
    PUT(row, TRIGGER_TYPE, "%s", agent % 3 ? "cli" : "scheduler");
    if (bits >> 24 & 1) {
        PUT(row, WEBSITE, "site-%u.example", agent);
        PUT(row, WEBSITE_SECTION, "section-%u", (unsigned)(bits >> 25) % 6);
    }
    if (bits >> 26 & 1) {
        PUT(row, GIT_REPO, "https://git.example/team/repo-%u", agent % 6);
        PUT(row, GIT_BRANCH, "main");
        PUT(row, GIT_COMMIT_HASH, "%016" PRIx64 "%08x", mix(bits), (unsigned)bits);
    }
    if (bits % 100 == 0)
        PUT(row, INSIGHT_ID, "insight-%" PRIu64, number / 1000);
}

void row_make(struct row *row, uint64_t series, uint64_t number)
{
    uint64_t bits = mix(mix(series) ^ number);

    for (int i = 0; i < ROW_COLUMNS; i++)
        row->values[i][0] = '\0';
    put_ids(row, series, number);
    put_times(row, number, bits);
    put_outcome(row, bits);
    put_origin(row, number, bits);
    PUT(row, SCHEMA_VERSION, "8");
    PUT(row, METRICS_JSON,
        "{\"pages\":%u,\"bytes\":%u,\"retries\":%u,\"cache_hits\":%u,\"queue\":\"default\","
        "\"notes\":\"%.*s\"}",
        (unsigned)bits % 900, (unsigned)bits % 9000000, (unsigned)bits % 3, (unsigned)bits % 700,
        130,
        "fetched, parsed and stored without a warning; the slowest page was among the first ten, "
        "the largest among the last; nothing was skipped, nothing was redirected");
}

void row_happens_now(struct row *row)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    put_time(row, START_TIME, now.tv_sec, (unsigned)now.tv_nsec / 1000);
    put_time(row, CREATED_AT, now.tv_sec, (unsigned)now.tv_nsec / 1000);
    put_time(row, END_TIME, now.tv_sec, (unsigned)now.tv_nsec / 1000);
}

/* ---- Storing it ------------------------------------------------------------------------------ */

static void check(sqlite3 *db, int result, const char *what)
{
    if (result == SQLITE_OK || result == SQLITE_DONE || result == SQLITE_ROW)
        return;
    (void)fprintf(stderr, "%s: %s\n", what, sqlite3_errmsg(db));
    exit(EXIT_FAILURE);
}

sqlite3_stmt *rows_prepare(sqlite3 *db)
{
    sqlite3_stmt *statement = NULL;

    check(db, sqlite3_prepare_v2(db, insert_sql, -1, &statement, NULL), "prepare");
    return statement;
}

void row_insert(sqlite3_stmt *statement, const struct row *row)
{
    for (int i = 0; i < ROW_COLUMNS; i++) {
        const char *value = row->values[i];

        if (*value)
            (void)sqlite3_bind_text(statement, i + 1, value, -1, SQLITE_STATIC);
        else
            (void)sqlite3_bind_null(statement, i + 1);
    }
    check(sqlite3_db_handle(statement), sqlite3_step(statement), "insert");
    (void)sqlite3_reset(statement);
}

void rows_exec(sqlite3 *db, const char *sql)
{
    check(db, sqlite3_exec(db, sql, NULL, NULL, NULL), sql);
}

sqlite3 *rows_open(const char *path, const char *journal_mode)
{
    sqlite3 *db = NULL;
    char sql[64];

    check(db, sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL), path);
    (void)sqlite3_busy_timeout(db, 30000);
    (void)snprintf(sql, sizeof sql, "PRAGMA journal_mode = %s", journal_mode);
    rows_exec(db, sql);
    rows_exec(db, "PRAGMA synchronous = FULL");
    return db;
}
