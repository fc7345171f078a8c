/* SPDX-License-Identifier: MIT
 *
 * Lists, statistics, and rows that older writers left.
 */
#include "support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "support/database.h"
#include "support/scratch.h"

/* The event_ids of an answer, in order, each followed by a blank. */
struct names {
    char text[2000];
    size_t stop_after; /* 0: never */
    size_t count;
};

static int add_name(void *arg, const tel_record *record)
{
    struct names *names = arg;
    size_t used = strlen(names->text);

    (void)snprintf(names->text + used, sizeof names->text - used, "%s ",
                   record_text(record, FIELD_event_id));
    return ++names->count == names->stop_after;
}

/* The answer must consist of just these. */
static void assert_answer(struct store *store, const struct run_query *query, const char *expected)
{
    struct names names = {0};
    struct run_query limited = *query;
    tel_fault fault = {0};

    if (!limited.limit)
        limited.limit = 100;
    if (store_query(store, &limited, add_name, &names, &fault))
        fail_msg("%s", fault.text);
    assert_string_equal(names.text, expected);
}

/* Store a run with one field set. */
static void put(struct store *store, const char *event_id, int index, const char *value)
{
    CLEANUP(record_clear) struct tel_record record = RECORD();

    make_run(&record, event_id, TEL_SUCCESS);
    assert_int_equal(record_parse(&record, index, value, NULL), TEL_OK);
    assert_int_equal(apply_write(store, WRITE_CREATE, &record), WRITE_CREATED);
}

static void query__filters_by_every_field_that_says_so(void **state)
{
    struct store *store = fixture_open(*state);
    field_set filters = run_fields_with(FILTER);
    size_t tried = 0;

    for (int i = 0; i < RUN_FIELD_COUNT; i++) {
        struct run_query query = {0};
        char ids[2][40];
        char expected[42];

        if (!(filters & FIELD_BIT(i)) || i == FIELD_event_id)
            continue;
        for (int k = 0; k < 2; k++) {
            const char *values[] = {i == FIELD_status ? TEL_TIMEOUT : "100% of_'it'",
                                    i == FIELD_status ? TEL_PARTIAL : "100x of it"};

            (void)snprintf(ids[k], sizeof ids[k], "%s-%d", run_fields[i].name, k);
            put(store, ids[k], i, values[k]);
            query.equals[i] = values[0];
        }
        (void)snprintf(expected, sizeof expected, "%s ", ids[0]);
        assert_answer(store, &query, expected);
        query.equals[i] = "no such value";
        assert_answer(store, &query, "");
        tried++;
    }
    assert_true(tried > 10);
}

static void query__refuses_to_filter_by_other_fields(void **state)
{
    struct store *store = fixture_open(*state);
    field_set filters = run_fields_with(FILTER);
    struct names names = {0};

    for (int i = 0; i < RUN_FIELD_COUNT; i++) {
        struct run_query query = {.limit = 1};
        tel_fault fault = {0};

        if (filters & FIELD_BIT(i))
            continue;
        query.equals[i] = "x";
        assert_int_equal(store_query(store, &query, add_name, &names, &fault), TEL_E_INVALID);
        assert_non_null(strstr(fault.text, run_fields[i].name));
    }
}

static void query__combines_conditions_with_and(void **state)
{
    struct store *store = fixture_open(*state);
    struct run_query query = {.equals[FIELD_product] = "words",
                              .statuses = {TEL_SUCCESS, TEL_FAILURE},
                              .status_count = 2};

    put(store, "a", FIELD_product, "words");
    put(store, "b", FIELD_status, TEL_FAILURE);
    assert_answer(store, &query, "a ");
    query.equals[FIELD_platform] = "web";
    assert_answer(store, &query, "");
}

static void query__takes_several_statuses(void **state)
{
    struct store *store = fixture_open(*state);
    struct run_query query = {.statuses = {TEL_TIMEOUT, TEL_PARTIAL},
                              .status_count = 2,
                              .oldest_first = true};

    put(store, "a", FIELD_status, TEL_TIMEOUT);
    put(store, "b", FIELD_status, TEL_SUCCESS);
    put(store, "c", FIELD_status, TEL_PARTIAL);
    assert_answer(store, &query, "a c ");
    query.status_count = 1;
    assert_answer(store, &query, "a ");
    query.status_count = QUERY_STATUSES_MAX + 1;
    query.limit = 1;
    assert_int_equal(store_query(store, &query, add_name, &(struct names){0}, NULL), TEL_E_INVALID);
}

#define DAY(n) "2025-01-0" #n "T00:00:00.000000+00:00"

static void query__selects_by_time(void **state)
{
    struct store *store = fixture_open(*state);

    for (int i = 1; i <= 3; i++) {
        CLEANUP(record_clear) struct tel_record record = RECORD();
        char name[8];
        char time[] = DAY(1);

        (void)snprintf(name, sizeof name, "d%d", i);
        time[9] = (char)('0' + i);
        make_run(&record, name, TEL_SUCCESS);
        assert_int_equal(record_set_text(&record, FIELD_created_at, time, NULL), TEL_OK);
        assert_int_equal(record_set_text(&record, FIELD_start_time, time, NULL), TEL_OK);
        assert_int_equal(record_set_text(&record, FIELD_end_time, time, NULL), TEL_OK);
        assert_int_equal(apply_write(store, WRITE_CREATE, &record), WRITE_CREATED);
    }
    assert_answer(store, &(struct run_query){0}, "d3 d2 d1 ");
    assert_answer(store, &(struct run_query){.oldest_first = true}, "d1 d2 d3 ");
    assert_answer(store, &(struct run_query){.created_before = DAY(2)}, "d1 ");
    assert_answer(store, &(struct run_query){.created_after = DAY(2)}, "d3 ");
    assert_answer(store, &(struct run_query){.start_from = DAY(2)}, "d3 d2 ");
    assert_answer(store, &(struct run_query){.start_to = DAY(2)}, "d2 d1 ");
    assert_answer(store, &(struct run_query){.end_from = DAY(3)}, "d3 ");
    assert_answer(store, &(struct run_query){.end_to = DAY(1)}, "d1 ");
    assert_answer(store, &(struct run_query){.start_from = DAY(2), .end_to = DAY(2)}, "d2 ");
}

static void query__orders_equal_times_by_id_and_pages(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture_open(fixture);
    struct names names = {.stop_after = 2};
    struct run_query query = {.limit = 5};

    for (int i = 0; i < 5; i++)
        put(store, (const char *[]){"a", "b", "c", "d", "e"}[i], FIELD_product, "p");
    other_exec(fixture->path, "UPDATE agent_runs SET created_at = '2025-01-01'");
    assert_answer(store, &(struct run_query){0}, "e d c b a ");
    assert_answer(store, &(struct run_query){.limit = 2}, "e d ");
    assert_answer(store, &(struct run_query){.limit = 2, .offset = 4}, "a ");
    assert_answer(store, &(struct run_query){.offset = 5}, "");
    assert_int_equal(store_query(store, &query, add_name, &names, NULL), TEL_OK);
    assert_string_equal(names.text, "e d ");
}

static void query__refuses_limits_out_of_range(void **state)
{
    static const struct run_query queries[] = {{.limit = 0},
                                               {.limit = -1},
                                               {.limit = QUERY_LIMIT_MAX + 1},
                                               {.limit = 1, .offset = -1}};
    struct store *store = fixture_open(*state);
    struct names names = {0};

    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++)
        assert_int_equal(store_query(store, &queries[i], add_name, &names, NULL), TEL_E_INVALID);
}

static void query__takes_prefixes_of_agents_literally(void **state)
{
    struct store *store = fixture_open(*state);

    put(store, "a", FIELD_agent_name, "launch.llm.one");
    put(store, "b", FIELD_agent_name, "launch.llm.%");
    put(store, "c", FIELD_agent_name, "launch_llm.one");
    put(store, "d", FIELD_agent_name, "launch.llmé");
    put(store, "e", FIELD_agent_name, "Launch.llm.one");
    assert_answer(store, &(struct run_query){.agent_prefix = "launch.llm."}, "b a ");
    assert_answer(store, &(struct run_query){.agent_prefix = "launch.llm"}, "d b a ");
    assert_answer(store, &(struct run_query){.agent_prefix = "launch_"}, "c ");
    assert_answer(store, &(struct run_query){.agent_prefix = "launch.llm.%"}, "b ");
    assert_answer(store, &(struct run_query){.agent_prefix = "launch.llm.*"}, "");
    assert_answer(store, &(struct run_query){.agent_prefix = ""}, "e d c b a ");
}

static void query__takes_a_commit_by_seven_digits_or_exactly(void **state)
{
    struct store *store = fixture_open(*state);

    put(store, "a", FIELD_git_commit_hash, "0123456789abcdef");
    put(store, "b", FIELD_git_commit_hash, "012345");
    assert_answer(store, &(struct run_query){.commit = "0123456"}, "a ");
    assert_answer(store, &(struct run_query){.commit = "0123456789abcdef"}, "a ");
    assert_answer(store, &(struct run_query){.commit = "012345"}, "b ");
    assert_answer(store, &(struct run_query){.commit = "01234"}, "");
    assert_answer(store, &(struct run_query){.commit = "_______"}, "");
}

static void query__finds_runs_by_the_beginning_of_an_id(void **state)
{
    struct store *store = fixture_open(*state);

    put(store, "11111111-aaaa", FIELD_run_id, "20251210T120530Z-seo-a1b2c3d4");
    put(store, "a1b2zzzz", FIELD_run_id, "mine");
    put(store, "22222222", FIELD_run_id, "20251210T120530Z-seo-a1b2xyzw");
    put(store, "33333333", FIELD_run_id, "nothing-a1b2c3d45");
    assert_answer(store, &(struct run_query){.id_prefix = "a1b2"}, "a1b2zzzz 11111111-aaaa ");
    assert_answer(store, &(struct run_query){.id_prefix = "a1b2c3d4"}, "11111111-aaaa ");
    assert_answer(store, &(struct run_query){.id_prefix = "1111"}, "11111111-aaaa ");
    assert_answer(store, &(struct run_query){.id_prefix = "mine"}, "a1b2zzzz ");
    assert_answer(store, &(struct run_query){.id_prefix = "20251210T"}, "22222222 11111111-aaaa ");
    assert_answer(store, &(struct run_query){.id_prefix = "a1b"}, "a1b2zzzz ");
    assert_answer(store, &(struct run_query){.id_prefix = "a1__"}, "");
    assert_answer(store, &(struct run_query){.id_prefix = "a1b2c3d4a1b2c3d4"}, "");
}

static void query__finds_runs_without_a_parent(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture_open(fixture);

    put(store, "null", FIELD_product, "p");
    put(store, "empty", FIELD_parent_run_id, "");
    put(store, "unknown", FIELD_parent_run_id, "unknown");
    put(store, "child", FIELD_parent_run_id, "a run");
    assert_answer(store, &(struct run_query){.roots = true}, "unknown empty null ");
    assert_answer(store, &(struct run_query){.roots = false}, "child unknown empty null ");
}

static void query__finds_what_is_to_be_exported(void **state)
{
    struct store *store = fixture_open(*state);

    put(store, "ended", FIELD_status, TEL_FAILURE);
    put(store, "running", FIELD_status, TEL_RUNNING);
    put(store, "exported", FIELD_api_posted, "1");
    assert_answer(store, &(struct run_query){.pending_export = true}, "ended ");
}

static void query__finds_what_is_to_be_exported_by_row_and_by_failures(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture_open(fixture);
    struct run_query query = {.pending_export = true, .by_row = true, .retries_below = 3};

    put(store, "new", FIELD_api_retry_count, "0");
    put(store, "old", FIELD_created_at, "2001-01-01T00:00:00Z");
    put(store, "tried", FIELD_api_retry_count, "2");
    put(store, "given up", FIELD_api_retry_count, "3");
    assert_answer(store, &query, "new old tried ");
    query.after_id = 1;
    assert_answer(store, &query, "old tried ");
    query.retries_below = 0;
    assert_answer(store, &query, "old tried given up ");
}

static void query__is_not_taken_for_sql(void **state)
{
    static const char *const hostile[] = {"'",           "\"", ";",
                                          "' OR '1'='1", "%",  "_",
                                          "*",           "?1", "x'; DROP TABLE agent_runs; --",
                                          "\xff\xfe"};
    struct fixture *fixture = *state;
    struct store *store = fixture_open(fixture);

    put(store, "a", FIELD_product, "p");
    for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
        const char *text = hostile[i];

        assert_answer(store, &(struct run_query){.equals[FIELD_agent_name] = text}, "");
        assert_answer(store, &(struct run_query){.statuses = {text}, .status_count = 1}, "");
        assert_answer(store, &(struct run_query){.agent_prefix = text}, "");
        assert_answer(store, &(struct run_query){.id_prefix = text}, "");
        assert_answer(store, &(struct run_query){.commit = text}, "");
        assert_int_equal(store_get(store, text, &RECORD(), NULL), TEL_E_NOT_FOUND);
        assert_int_equal(store_get_by_run_id(store, text, &RECORD(), NULL), TEL_E_NOT_FOUND);
    }
    assert_int_equal(other_int(fixture->path, "SELECT count(*) FROM agent_runs"), 1);
}

static void view__shows_the_run_or_says_that_there_is_none(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture_open(fixture);
    struct names names = {0};

    put(store, "a", FIELD_product, "p");
    put(store, "b", FIELD_product, "p");
    assert_int_equal(store_view(store, "b", add_name, &names, NULL), TEL_OK);
    assert_int_equal(store_view(store, "c", add_name, &names, NULL), TEL_E_NOT_FOUND);
    assert_int_equal(store_view(store, "a", add_name, &names, NULL), TEL_OK);
    assert_string_equal(names.text, "b a ");
}

static void get_by_run_id__takes_the_newest_of_that_name(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture_open(fixture);
    CLEANUP(record_clear) struct tel_record record = RECORD();

    put(store, "a", FIELD_product, "p");
    put(store, "b", FIELD_product, "p");
    other_exec(fixture->path,
               "UPDATE agent_runs SET created_at = '2999-01-01' WHERE event_id = 'a'");
    assert_int_equal(store_get_by_run_id(store, "a run", &record, NULL), TEL_OK);
    assert_string_equal(record_text(&record, FIELD_event_id), "a");
}

static void stats__count_by_status_and_what_is_to_be_exported(void **state)
{
    static const char *const sent[] = {TEL_RUNNING, TEL_RUNNING,   TEL_SUCCESS, TEL_FAILURE,
                                       TEL_FAILURE, TEL_CANCELLED, TEL_TIMEOUT, TEL_PARTIAL};
    struct fixture *fixture = *state;
    struct store *store = fixture_open(fixture);
    tel_run_stats stats;
    char id[8];

    assert_int_equal(store_stats(store, &stats, NULL), TEL_OK);
    assert_memory_equal(&stats, &(tel_run_stats){0}, sizeof stats);
    for (size_t i = 0; i < sizeof sent / sizeof *sent; i++) {
        (void)snprintf(id, sizeof id, "e%zu", i);
        assert_int_equal(create_run(store, id, sent[i]), WRITE_CREATED);
    }
    other_exec(fixture->path, "UPDATE agent_runs SET api_posted = 1 WHERE event_id = 'e2'");
    assert_int_equal(store_stats(store, &stats, NULL), TEL_OK);
    assert_memory_equal(&stats, &((tel_run_stats){8, 2, 1, 2, 1, 1, 1, 5}), sizeof stats);
}

struct counted {
    char text[400]; /* agent/status=count, ... */
};

static void add_count(void *arg, const struct run_count *count)
{
    struct counted *counted = arg;
    size_t used = strlen(counted->text);

    (void)snprintf(counted->text + used, sizeof counted->text - used, "%s/%s=%d ",
                   count->agent_name, count->status, (int)count->count);
}

static void figures__count_by_agent_and_status_and_since_a_time(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture_open(fixture);
    struct counted counted = {""};
    struct run_figures figures = {.since = "2025-01-02T00:00:00.000000+00:00",
                                  .each = add_count,
                                  .arg = &counted};

    other_exec(fixture->path,
               "INSERT INTO agent_runs (event_id, run_id, agent_name, job_type, start_time, status,"
               " created_at) VALUES ('1', 'r', 'b', 'j', 't', 'running', '2025-01-01'),"
               " ('2', 'r', 'a', 'j', 't', 'success', '2025-01-02T00:00:00.000000+00:00'),"
               " ('3', 'r', 'b', 'j', 't', 'failure', '2025-01-03'),"
               " ('4', 'r', 'b', 'j', 't', 'failure', '2024-01-03')");
    assert_int_equal(store_figures(store, &figures, NULL), TEL_OK);
    assert_string_equal(counted.text, "a/success=1 b/failure=2 b/running=1 ");
    assert_int_equal(figures.recent, 2);
    assert_memory_equal(&figures.stats, &((tel_run_stats){4, 1, 1, 2, 0, 0, 0, 3}),
                        sizeof figures.stats);
    /* The store is free again: nothing holds up a writer. */
    assert_int_equal(create_run(store, "5", TEL_SUCCESS), WRITE_CREATED);
}

static int add_value(void *arg, const char *value)
{
    struct counted *counted = arg;
    size_t used = strlen(counted->text);

    (void)snprintf(counted->text + used, sizeof counted->text - used, "[%s]", value);
    return strcmp(value, "stop") == 0;
}

static void values__of_each_category_are_listed_once_and_sorted(void **state)
{
    struct store *store = fixture_open(*state);
    char id[40];

    for (int i = 0; i < RUN_FIELD_COUNT; i++) {
        static const char *const sent[] = {"b", "a", "b", "\xc3\xa4", "A", "it's"};
        struct counted counted = {""};

        if (!(run_fields[i].access & CATEGORY) || run_fields[i].kind != KIND_TEXT)
            continue;
        assert_int_equal(store_values(store, i, add_value, &counted, NULL), TEL_OK);
        for (size_t k = 0; k < sizeof sent / sizeof *sent; k++) {
            (void)snprintf(id, sizeof id, "%s-%zu", run_fields[i].name, k);
            put(store, id, i, sent[k]);
        }
        counted.text[0] = '\0';
        assert_int_equal(store_values(store, i, add_value, &counted, NULL), TEL_OK);
        assert_non_null(strstr(counted.text, "[A]"));
        assert_non_null(strstr(counted.text, "[a]"));
        assert_non_null(strstr(counted.text, "[b][it's]"));
        assert_non_null(strstr(counted.text, "[\xc3\xa4]"));
        assert_int_equal(count_of(counted.text, "[b]"), 1);
    }
}

static void values__stop_when_asked_to_and_are_of_categories_alone(void **state)
{
    struct store *store = fixture_open(*state);
    struct counted counted = {""};
    tel_fault fault = {0};

    put(store, "1", FIELD_host, "stop");
    put(store, "2", FIELD_host, "z");
    assert_int_equal(store_values(store, FIELD_host, add_value, &counted, NULL), TEL_OK);
    assert_string_equal(counted.text, "[stop]");
    assert_int_equal(store_values(store, FIELD_run_id, add_value, &counted, &fault), TEL_E_INVALID);
}

/* No CHECK, no NOT NULL and no types: what the oldest writers, and broken ones, could leave. */
static void loosen(struct fixture *fixture)
{
    CLEANUP(strbuf_clear) struct strbuf sql = STRBUF(10000);
    const char *separator = "";

    fixture_open(fixture);
    store_close(fixture->store);
    fixture->store = NULL;
    strbuf_puts(&sql, "DROP TABLE agent_runs; CREATE TABLE agent_runs (");
    for (int i = 0; i < RUN_FIELD_COUNT; i++) {
        strbuf_printf(&sql, "%s%s%s", separator, run_fields[i].name,
                      i == FIELD_id ? " INTEGER PRIMARY KEY" : "");
        separator = ", ";
    }
    strbuf_puts(&sql, ")");
    other_exec(fixture->path, sql.text);
}

static void old_rows__are_read_whatever_they_hold(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(record_clear) struct tel_record record = RECORD();
    tel_run_stats stats;
    struct store *store;

    loosen(fixture);
    other_exec(fixture->path,
               "INSERT INTO agent_runs (event_id, items_failed, items_succeeded, duration_ms,"
               " status, metrics_json, start_time, product, platform, website, api_posted)"
               " VALUES ('odd', -5, 'many', 12.7, 'dancing', 'no {json', 1700000000,"
               " x'ff00', x'', 'caf' || x'e9', 'yes');"
               "INSERT INTO agent_runs (event_id) VALUES ('null');"
               "INSERT INTO agent_runs (status) VALUES (NULL);");
    store = fixture_open(fixture);
    assert_int_equal(store_get(store, "odd", &record, NULL), TEL_OK);
    assert_int_equal(record_int(&record, FIELD_items_failed), -5);
    assert_false(record_has(&record, FIELD_items_succeeded));
    assert_int_equal(record_int(&record, FIELD_duration_ms), 12);
    assert_string_equal(record_text(&record, FIELD_status), "dancing");
    assert_string_equal(record_text(&record, FIELD_metrics_json), "no {json");
    assert_string_equal(record_text(&record, FIELD_start_time), "1700000000");
    assert_string_equal(record_text(&record, FIELD_product), "\xff");
    assert_string_equal(record_text(&record, FIELD_website), "caf\xe9");
    assert_false(record_has(&record, FIELD_api_posted));
    record_clear(&record);
    assert_int_equal(store_get(store, "null", &record, NULL), TEL_OK);
    assert_int_equal(record.given, FIELD_BIT(FIELD_id) | FIELD_BIT(FIELD_event_id));
    assert_int_equal(store_stats(store, &stats, NULL), TEL_OK);
    assert_int_equal(stats.total, 3);
    assert_int_equal(stats.running, 0);
}

static void old_rows__without_a_status_are_still_running(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(record_clear) struct tel_record change = RECORD();
    CLEANUP(record_clear) struct tel_record record = RECORD();
    struct store *store;

    loosen(fixture);
    other_exec(fixture->path, "INSERT INTO agent_runs (event_id) VALUES ('null')");
    store = fixture_open(fixture);
    record_set_text(&change, FIELD_event_id, "null", NULL);
    record_set_text(&change, FIELD_status, TEL_SUCCESS, NULL);
    assert_int_equal(apply_write(store, WRITE_LATE_UPDATE, &change), WRITE_UPDATED);
    assert_int_equal(store_get(store, "null", &record, NULL), TEL_OK);
    assert_string_equal(record_text(&record, FIELD_status), TEL_SUCCESS);
}

static int keep_position(void *arg, const tel_record *record)
{
    struct run_query *query = arg;

    query->after_id = record_int(record, FIELD_id);
    return 0;
}

static void query__goes_on_behind_a_run_whose_time_others_share(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture_open(fixture);
    struct run_query query = {.after_time = DAY(2), .limit = 2};

    for (int i = 0; i < 6; i++)
        put(store, (const char *[]){"a", "b", "c", "d", "e", "f"}[i], FIELD_product, "p");
    other_exec(fixture->path, "UPDATE agent_runs SET created_at = '" DAY(2) "' WHERE id <= 5");
    other_exec(fixture->path, "UPDATE agent_runs SET created_at = '" DAY(1) "' WHERE id = 6");
    query.after_id = 5;
    assert_answer(store, &query, "d c ");
    assert_int_equal(store_query(store, &query, keep_position, &query, NULL), TEL_OK);
    assert_answer(store, &query, "b a ");
    query.offset = 1;
    assert_answer(store, &query, "a f ");
    query.offset = 0;
    query.equals[FIELD_product] = "other";
    assert_answer(store, &query, "");
    query.equals[FIELD_product] = "p";
    query.after_id = 1;
    assert_answer(store, &query, "f ");
    query.oldest_first = true;
    assert_answer(store, &query, "b c ");
}

static void query__hands_on_one_more_when_asked_to(void **state)
{
    struct store *store = fixture_open(*state);

    put(store, "a", FIELD_product, "p");
    put(store, "b", FIELD_product, "p");
    assert_answer(store, &(struct run_query){.limit = 1, .one_more = true}, "b a ");
    assert_answer(store, &(struct run_query){.limit = 2, .one_more = true}, "b a ");
    assert_answer(store, &(struct run_query){.limit = QUERY_LIMIT_MAX, .one_more = true}, "b a ");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(query__filters_by_every_field_that_says_so),
        TEST(query__refuses_to_filter_by_other_fields),
        TEST(query__combines_conditions_with_and),
        TEST(query__takes_several_statuses),
        TEST(query__selects_by_time),
        TEST(query__orders_equal_times_by_id_and_pages),
        TEST(query__goes_on_behind_a_run_whose_time_others_share),
        TEST(query__hands_on_one_more_when_asked_to),
        TEST(query__refuses_limits_out_of_range),
        TEST(query__takes_prefixes_of_agents_literally),
        TEST(query__takes_a_commit_by_seven_digits_or_exactly),
        TEST(query__finds_runs_by_the_beginning_of_an_id),
        TEST(query__finds_runs_without_a_parent),
        TEST(query__finds_what_is_to_be_exported),
        TEST(query__finds_what_is_to_be_exported_by_row_and_by_failures),
        TEST(query__is_not_taken_for_sql),
        TEST(view__shows_the_run_or_says_that_there_is_none),
        TEST(get_by_run_id__takes_the_newest_of_that_name),
        TEST(stats__count_by_status_and_what_is_to_be_exported),
        TEST(figures__count_by_agent_and_status_and_since_a_time),
        TEST(values__of_each_category_are_listed_once_and_sorted),
        TEST(values__stop_when_asked_to_and_are_of_categories_alone),
        TEST(old_rows__are_read_whatever_they_hold),
        TEST(old_rows__without_a_status_are_still_running),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
