/* SPDX-License-Identifier: MIT
 *
 * Of random runs with few different values, lists have what a look at every run finds, in its order,
 * and so have the values of each field. There are enough runs for some spans of time and many slices.
 *
 * The first argument is a seed.
 */
#include "support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "support/database.h"
#include "support/random.h"

#define SEED 20251210
#define RUNS 4000
#define TIMES 1500 /* different ones, so that some runs share theirs */
#define QUERIES 400
#define TIME_SIZE sizeof "2025-01-01T00:00:00.000000+00:00"

/* NULL: not given; what is behind it is in no run. */
static const char *const agents[] = {"crawler", "crawler.html", "Crawler", "craw", "x", "none."};
static const char *const statuses[] = {TEL_RUNNING, TEL_SUCCESS, TEL_FAILURE,
                                       TEL_PARTIAL, TEL_TIMEOUT, TEL_CANCELLED};
static const char *const texts[] = {NULL, "a", "b", "A", "%", "none"};
static const char *const parents[] = {NULL, "", "unknown", "r1", "r2", "none"};
static const char *const names[] = {"r1", "r2", "20250101T000000Z-x-0a1b2c3d", "x-0a1b2c3d",
                                    "x-0a1b2xyz"};
static const char *const name_starts[] = {"r",  "0a1",  "0a1b", "0A1b", "0a1b2c3d",
                                          "e1", "e12-", "2025", "x-0",  "none"};
static const char *const commits[] = {NULL, "0123456", "0123456789", "0123457", "01234", "none"};
static const char *const commit_starts[] = {"0123456", "01234567", "01234", "0123", "none567"};
static const int fields[] = {FIELD_job_type, FIELD_product, FIELD_platform, FIELD_insight_id,
                             FIELD_host};

/* Of few times, later ones for higher numbers. */
static void make_time(char out[TIME_SIZE], size_t number)
{
    (void)snprintf(out, TIME_SIZE, "2025-01-01T%02zu:%02zu:00.000000+00:00", number / 60 % 24,
                   number % 60);
}

static void set(struct tel_record *record, int index, const char *text)
{
    if (text)
        assert_int_equal(record_parse(record, index, text, NULL), TEL_OK);
}

/* What has a place in time begins and ends near there, as most runs do. */
static void make_random_run(struct tel_record *record, size_t number)
{
    char text[40];
    size_t made = random_below(TIMES) / 2 + number * TIMES / RUNS / 2;

    (void)snprintf(text, sizeof text, "e%zu-", number);
    make_run(record, text, ONE_OF(statuses));
    make_time(text, made);
    set(record, FIELD_created_at, text);
    make_time(text, made + random_below(9));
    set(record, FIELD_start_time, text);
    make_time(text, made + random_below(90));
    set(record, FIELD_end_time, one_in(3) ? NULL : text);
    set(record, FIELD_run_id, ONE_OF(names));
    set(record, FIELD_agent_name, agents[random_below(5)]);
    set(record, FIELD_parent_run_id, parents[random_below(5)]);
    set(record, FIELD_git_commit_hash, commits[random_below(5)]);
    set(record, FIELD_api_posted, one_in(2) ? "1" : "0");
    (void)snprintf(text, sizeof text, "%zu", random_below(4));
    set(record, FIELD_api_retry_count, text);
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        set(record, fields[i], texts[random_below(5)]);
}

/* ---- What a list has ------------------------------------------------------------------------- */

static bool begins_with(const char *text, const char *prefix)
{
    return text && strncmp(text, prefix, strlen(prefix)) == 0;
}

static bool is_called(const struct tel_record *run, const char *prefix)
{
    const char *run_id = record_text(run, FIELD_run_id);
    const char *end = run_id + (strlen(run_id) < 9 ? 0 : strlen(run_id) - 9);

    return begins_with(record_text(run, FIELD_event_id), prefix) || begins_with(run_id, prefix) ||
           (strlen(prefix) >= 4 && *end == '-' && strspn(end + 1, "0123456789abcdef") == 8 &&
            begins_with(end + 1, prefix));
}

static bool has_state(const struct tel_record *run, const struct run_query *query)
{
    const char *status = record_text(run, FIELD_status);
    const char *parent = record_text(run, FIELD_parent_run_id);
    bool found = query->status_count == 0;

    for (size_t i = 0; i < query->status_count; i++)
        found |= strcmp(status, query->statuses[i]) == 0;
    if (query->roots && parent && *parent && strcmp(parent, "unknown") != 0)
        return false;
    if (query->pending_export &&
        (record_int(run, FIELD_api_posted) || strcmp(status, TEL_RUNNING) == 0))
        return false;
    if (query->retries_below && record_int(run, FIELD_api_retry_count) >= query->retries_below)
        return false;
    return found;
}

/* Is the text of a field, which must be there, at least and at most that? */
static bool is_within(const struct tel_record *run, int index, const char *from, const char *to)
{
    const char *text = record_text(run, index);

    return (!from || (text && strcmp(text, from) >= 0)) && (!to || (text && strcmp(text, to) <= 0));
}

static bool is_wanted(const struct tel_record *run, const struct run_query *query)
{
    const char *created = record_text(run, FIELD_created_at);
    const char *commit = record_text(run, FIELD_git_commit_hash);

    for (int i = 0; i < RUN_FIELD_COUNT; i++) {
        const char *text = query->equals[i] ? record_text(run, i) : NULL;

        if (query->equals[i] && (!text || strcmp(text, query->equals[i]) != 0))
            return false;
    }
    if (query->commit &&
        (strlen(query->commit) >= 7 ? !begins_with(commit, query->commit)
                                    : !commit || strcmp(commit, query->commit) != 0))
        return false;
    if (!query->by_row && ((query->created_before && strcmp(created, query->created_before) >= 0) ||
                           (query->created_after && strcmp(created, query->created_after) <= 0)))
        return false;
    return has_state(run, query) &&
           is_within(run, FIELD_start_time, query->start_from, query->start_to) &&
           is_within(run, FIELD_end_time, query->end_from, query->end_to) &&
           (!query->agent_prefix ||
            begins_with(record_text(run, FIELD_agent_name), query->agent_prefix)) &&
           (!query->id_prefix || is_called(run, query->id_prefix));
}

/* ---- Asking ---------------------------------------------------------------------------------- */

struct history {
    struct tel_record runs[RUNS]; /* in the order of rows */
    const struct tel_record *in_order[RUNS];
};

static int by_time(const void *a, const void *b)
{
    const struct tel_record *one = *(const struct tel_record *const *)a;
    const struct tel_record *other = *(const struct tel_record *const *)b;
    int order = strcmp(record_text(one, FIELD_created_at), record_text(other, FIELD_created_at));

    return order ? order : one < other ? -1 : 1;
}

static void make_history(struct history *history, struct store *store)
{
    struct write writes[RUNS];
    struct write *all[RUNS];

    for (size_t i = 0; i < RUNS; i++) {
        history->runs[i] = RECORD();
        make_random_run(&history->runs[i], i);
        history->in_order[i] = &history->runs[i];
        writes[i] = (struct write){.kind = WRITE_CREATE, .record = &history->runs[i]};
        all[i] = &writes[i];
    }
    assert_int_equal(store_apply(store, all, RUNS, NULL), TEL_OK);
    qsort(history->in_order, RUNS, sizeof *history->in_order, by_time);
}

static void clear_history(struct history *history)
{
    for (size_t i = 0; i < RUNS; i++)
        record_clear(&history->runs[i]);
}

/* Some conditions; often none but one, so that there is something to be found. */
static void make_random_query(struct run_query *query, char times[7][TIME_SIZE])
{
    const char **moments[] = {&query->created_before, &query->created_after, &query->start_from,
                              &query->start_to,       &query->end_from,      &query->end_to};
    size_t rarity = 3 + random_below(30);

    *query = (struct run_query){.limit = 1 + (int64_t)random_below(one_in(3) ? 1000 : 20)};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        if (one_in(rarity))
            query->equals[fields[i]] = texts[1 + random_below(5)];
    }
    if (one_in(rarity))
        query->equals[FIELD_parent_run_id] = parents[1 + random_below(5)];
    if (one_in(rarity))
        query->equals[FIELD_agent_name] = ONE_OF(agents);
    if (one_in(rarity))
        query->equals[FIELD_run_id] = ONE_OF(names);
    if (one_in(rarity))
        query->equals[FIELD_status] = ONE_OF(statuses);
    while (query->status_count < QUERY_STATUSES_MAX && one_in(rarity / 2))
        query->statuses[query->status_count++] = ONE_OF(statuses);
    for (size_t i = 0; i < sizeof moments / sizeof *moments; i++) {
        make_time(times[i], random_below(TIMES));
        if (one_in(rarity))
            *moments[i] = times[i];
    }
    query->agent_prefix = one_in(rarity) ? ONE_OF(agents) : NULL;
    query->commit = one_in(rarity) ? ONE_OF(commit_starts) : NULL;
    query->id_prefix = one_in(rarity) ? ONE_OF(name_starts) : NULL;
    query->roots = one_in(rarity);
    query->pending_export = one_in(rarity);
    query->retries_below = one_in(rarity) ? 1 + (int64_t)random_below(3) : 0;
    query->oldest_first = one_in(3);
    query->by_row = one_in(6);
    query->offset = one_in(4) ? (int64_t)random_below(50) : 0;
    query->one_more = one_in(2);
    if (one_in(3)) { /* behind a run, or behind none */
        make_time(times[6], random_below(TIMES));
        query->after_time = times[6];
        query->after_id = (int64_t)random_below(RUNS);
    }
}

/* The ids of an answer. */
struct answer {
    int64_t ids[RUNS];
    size_t count;
};

static int add_id(void *arg, const tel_record *record)
{
    struct answer *answer = arg;

    answer->ids[answer->count++] = record_int(record, FIELD_id);
    return 0;
}

/* Does a run come behind the place where the list begins? */
static bool is_behind(const struct history *history, const struct tel_record *run,
                      const struct run_query *query)
{
    int64_t id = run - history->runs + 1;
    int order;

    if (query->by_row)
        return id > query->after_id;
    if (!query->after_time)
        return true;
    order = strcmp(record_text(run, FIELD_created_at), query->after_time);
    if (order == 0)
        order = id < query->after_id ? -1 : id > query->after_id;
    return query->oldest_first ? order > 0 : order < 0;
}

static void look_at_all(const struct history *history, const struct run_query *query,
                        struct answer *answer)
{
    int64_t to_skip = query->offset;
    size_t wanted = (size_t)query->limit + query->one_more;

    for (size_t i = 0; i < RUNS && answer->count < wanted; i++) {
        const struct tel_record *run = query->by_row         ? &history->runs[i]
                                       : query->oldest_first ? history->in_order[i]
                                                             : history->in_order[RUNS - 1 - i];

        if (!is_behind(history, run, query) || !is_wanted(run, query) || to_skip-- > 0)
            continue;
        answer->ids[answer->count++] = run - history->runs + 1;
    }
}

static void random_list__has_what_a_look_at_every_run_finds(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture_open(fixture);
    CLEANUP(freep) struct history *history = calloc(1, sizeof *history);
    size_t found = 0;

    make_history(history, store);
    for (size_t i = 0; i < QUERIES; i++) {
        struct answer expected = {.count = 0};
        struct answer answer = {.count = 0};
        char times[7][TIME_SIZE];
        struct run_query query;

        make_random_query(&query, times);
        look_at_all(history, &query, &expected);
        assert_int_equal(store_query(store, &query, add_id, &answer, NULL), TEL_OK);
        assert_int_equal(answer.count, expected.count);
        assert_memory_equal(answer.ids, expected.ids, expected.count * sizeof *expected.ids);
        found += expected.count > 0;
    }
    assert_in_range(found, QUERIES / 5, QUERIES);
    clear_history(history);
}

/* ---- Values ---------------------------------------------------------------------------------- */

static int add_value(void *arg, const char *value)
{
    struct strbuf *values = arg;

    strbuf_printf(values, "%s%s", values->length > 0 ? "," : "", value);
    return 0;
}

static void assert_values(const struct fixture *fixture, int field)
{
    CLEANUP(strbuf_clear) struct strbuf values = STRBUF(10000);
    CLEANUP(freep) char *expected = NULL;
    const char *name = run_fields[field].name;
    char sql[200];

    (void)snprintf(sql, sizeof sql,
                   "SELECT group_concat(value) FROM"
                   " (SELECT DISTINCT %s AS value FROM agent_runs WHERE %s IS NOT NULL ORDER BY 1)",
                   name, name);
    expected = other_text(fixture->path, sql);
    assert_int_equal(store_values(fixture->store, field, add_value, &values, NULL), TEL_OK);
    assert_string_equal(values.text ? values.text : "", expected);
}

static void values__are_those_of_all_runs_that_are_left(void **state)
{
    static const char *const changes[] = {
        "DELETE FROM agent_runs WHERE product = 'a' OR status = 'timeout'",
        "UPDATE agent_runs SET host = 'b' WHERE host = 'A'",
        /* The span that is open has no such run any more, those that are closed have. */
        ("DELETE FROM agent_runs WHERE (status = 'failure' OR agent_name = 'x')"
         " AND created_at >= (SELECT max(since) FROM telemetry_spans)"),
        "DELETE FROM agent_runs WHERE created_at < '2025-01-01T06'",
        "DELETE FROM agent_runs",
    };
    struct fixture *fixture = *state;
    CLEANUP(freep) struct history *history = calloc(1, sizeof *history);

    make_history(history, fixture_open(fixture));
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        for (int field = 0; field < RUN_FIELD_COUNT; field++) {
            if (run_fields[field].access & CATEGORY)
                assert_values(fixture, field);
        }
        other_exec(fixture->path, changes[i]);
    }
    assert_values(fixture, FIELD_product);
    assert_values(fixture, FIELD_status);
    clear_history(history);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(random_list__has_what_a_look_at_every_run_finds,
                                        fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(values__are_those_of_all_runs_that_are_left, fixture_setup,
                                        fixture_teardown),
    };

    random_begin(argc, argv, SEED);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
