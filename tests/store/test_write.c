/* SPDX-License-Identifier: MIT
 *
 * What each kind of write does to the run that is stored.
 */
#include "support/cmocka_all.h"

#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "model/status.h"
#include "store/sqlite.h"
#include "support/database.h"
#include "support/scratch.h"

#define UPDATED_AT_IS_NEWER "updated_at > created_at"

static void set_text(struct tel_record *record, int index, const char *text)
{
    assert_int_equal(record_set_text(record, index, text, NULL), TEL_OK);
}

static void set_int(struct tel_record *record, int index, int64_t value)
{
    assert_int_equal(record_set_int(record, index, value, NULL), TEL_OK);
}

static void get(struct store *store, const char *event_id, struct tel_record *record)
{
    record_clear(record);
    assert_int_equal(store_get(store, event_id, record, NULL), TEL_OK);
}

/* A value that every kind takes, different for each field. */
static void set_any(struct tel_record *record, int index)
{
    char text[80];

    switch (run_fields[index].kind) {
    case KIND_TIME:
        (void)snprintf(text, sizeof text, "2024-02-03T04:05:%02d.000000+00:00", index);
        break;
    case KIND_STATUS:
        (void)snprintf(text, sizeof text, "%s", TEL_PARTIAL);
        break;
    case KIND_SOURCE:
        (void)snprintf(text, sizeof text, "llm");
        break;
    case KIND_JSON:
        (void)snprintf(text, sizeof text, "{\"value\": %d}", index);
        break;
    case KIND_COUNT:
    case KIND_NUMBER:
        (void)snprintf(text, sizeof text, "%d", 1000 + index);
        break;
    case KIND_BOOL:
        (void)snprintf(text, sizeof text, "1");
        break;
    default:
        (void)snprintf(text, sizeof text, "%s é \"'; DROP TABLE agent_runs; --",
                       run_fields[index].name);
    }
    assert_int_equal(record_parse(record, index, text, NULL), TEL_OK);
}

static void assert_same(const struct tel_record *a, const struct tel_record *b, field_set set)
{
    for (int i = 0; i < RUN_FIELD_COUNT; i++) {
        if (!(set & FIELD_BIT(i)))
            continue;
        assert_true(record_has(a, i));
        assert_true(record_has(b, i));
        if (kind_is_text(run_fields[i].kind))
            assert_string_equal(record_text(a, i), record_text(b, i));
        else
            assert_int_equal(record_int(a, i), record_int(b, i));
    }
}

/* ---- Creating -------------------------------------------------------------------------------- */

static void create__stores_every_field_and_reads_it_back(void **state)
{
    struct store *store = fixture_open(*state);
    CLEANUP(record_clear) struct tel_record record = RECORD();
    CLEANUP(record_clear) struct tel_record stored = RECORD();
    field_set set = run_fields_with(CREATE);

    for (int i = 0; i < RUN_FIELD_COUNT; i++) {
        if (set & FIELD_BIT(i))
            set_any(&record, i);
    }
    assert_int_equal(apply_write(store, WRITE_CREATE, &record), WRITE_CREATED);
    get(store, record_text(&record, FIELD_event_id), &stored);
    assert_same(&record, &stored, set);
    assert_int_equal(record_int(&stored, FIELD_schema_version), SCHEMA_VERSION);
    assert_int_equal(record_int(&stored, FIELD_id), 1);
}

static void create__fills_in_what_the_store_knows_and_leaves_the_rest_null(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture_open(fixture);
    CLEANUP(record_clear) struct tel_record record = RECORD();
    CLEANUP(record_clear) struct tel_record stored = RECORD();

    make_run(&record, "e1", TEL_RUNNING);
    record_set_text(&record, FIELD_status, NULL, NULL);
    assert_int_equal(apply_write(store, WRITE_CREATE, &record), WRITE_CREATED);
    get(store, "e1", &stored);
    assert_string_equal(record_text(&stored, FIELD_status), TEL_RUNNING);
    assert_int_equal(strlen(record_text(&stored, FIELD_created_at)), TEL_TIMESTAMP_SIZE - 1);
    assert_string_equal(record_text(&stored, FIELD_updated_at),
                        record_text(&stored, FIELD_created_at));
    assert_true(record_has(&stored, FIELD_items_failed));
    assert_true(record_has(&stored, FIELD_api_posted));
    assert_false(record_has(&stored, FIELD_host));
    assert_false(record_has(&stored, FIELD_trigger_type));
    assert_false(record_has(&stored, FIELD_end_time));
    assert_int_equal(other_int(fixture->path, "SELECT count(*) FROM agent_runs"
                                              " WHERE typeof(duration_ms) = 'integer'"
                                              " AND typeof(api_posted) = 'integer'"),
                     1);
}

static void create__is_a_duplicate_when_the_event_id_is_known(void **state)
{
    struct store *store = fixture_open(*state);
    CLEANUP(record_clear) struct tel_record record = RECORD();
    CLEANUP(record_clear) struct tel_record before = RECORD();
    CLEANUP(record_clear) struct tel_record after = RECORD();
    static const char *const stored_statuses[] = {TEL_RUNNING, TEL_SUCCESS, TEL_CANCELLED};
    static const char *const sent_statuses[] = {TEL_RUNNING, TEL_FAILURE, TEL_RUNNING};

    make_run(&record, "other", TEL_RUNNING);
    set_text(&record, FIELD_product, "another product");
    set_text(&record, FIELD_run_id, "another name");
    for (size_t i = 0; i < 3; i++) {
        CLEANUP(freep) char *run_id = NULL;
        struct write write = {.kind = WRITE_CREATE, .record = &record, .run_id = &run_id};
        struct write *writes[] = {&write};

        set_text(&record, FIELD_event_id, stored_statuses[i]);
        set_text(&record, FIELD_status, sent_statuses[i]);
        assert_int_equal(create_run(store, stored_statuses[i], stored_statuses[i]), WRITE_CREATED);
        get(store, stored_statuses[i], &before);
        assert_int_equal(store_apply(store, writes, 1, NULL), TEL_OK);
        assert_int_equal(write.result, WRITE_DUPLICATE);
        assert_string_equal(run_id, "a run"); /* the stored one's */
        get(store, stored_statuses[i], &after);
        assert_same(&before, &after, before.given);
        assert_int_equal(before.given, after.given);
    }
}

static void create__ends_the_run_when_the_duplicate_is_terminal_and_it_still_runs(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture_open(fixture);
    CLEANUP(record_clear) struct tel_record record = RECORD();
    CLEANUP(record_clear) struct tel_record stored = RECORD();
    field_set all = run_fields_with(CREATE);
    field_set updatable = run_fields_with(PATCH);

    assert_int_equal(create_run(store, "e1", TEL_RUNNING), WRITE_CREATED);
    for (int i = 0; i < RUN_FIELD_COUNT; i++) {
        if (all & FIELD_BIT(i))
            set_any(&record, i);
    }
    set_text(&record, FIELD_event_id, "e1");
    record_set_text(&record, FIELD_error_details, NULL, NULL);
    assert_int_equal(apply_write(store, WRITE_CREATE, &record), WRITE_UPDATED);
    get(store, "e1", &stored);
    assert_same(&record, &stored, updatable & ~FIELD_BIT(FIELD_error_details));
    assert_string_equal(record_text(&stored, FIELD_run_id), "a run");
    assert_string_equal(record_text(&stored, FIELD_agent_name), "crawler");
    assert_false(record_has(&stored, FIELD_product));
    assert_int_equal(other_int(fixture->path, "SELECT " UPDATED_AT_IS_NEWER " FROM agent_runs"), 1);
    set_text(&record, FIELD_status, TEL_SUCCESS);
    assert_int_equal(apply_write(store, WRITE_CREATE, &record), WRITE_DUPLICATE);
    get(store, "e1", &stored);
    assert_string_equal(record_text(&stored, FIELD_status), TEL_PARTIAL);
}

static void create__is_invalid_without_what_is_required_and_the_others_are_stored(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture_open(fixture);
    field_set required = run_fields_with(REQUIRED);

    for (int i = 0; i < RUN_FIELD_COUNT; i++) {
        CLEANUP(record_clear) struct tel_record bad = RECORD();
        CLEANUP(record_clear) struct tel_record good = RECORD();
        struct write writes[] = {{.kind = WRITE_CREATE, .record = &bad},
                                 {.kind = WRITE_CREATE, .record = &good}};
        struct write *both[] = {&writes[0], &writes[1]};

        if (!(required & FIELD_BIT(i)))
            continue;
        make_run(&bad, "bad", TEL_RUNNING);
        make_run(&good, run_fields[i].name, TEL_RUNNING);
        record_set_text(&bad, i, NULL, NULL);
        assert_int_equal(store_apply(store, both, 2, NULL), TEL_OK);
        assert_int_equal(writes[0].result, WRITE_INVALID);
        assert_non_null(strstr(writes[0].reason, run_fields[i].name));
        assert_int_equal(writes[1].result, WRITE_CREATED);
    }
    assert_int_equal(other_int(fixture->path, "SELECT count(*) FROM agent_runs"), 5);
}

static void create__is_invalid_when_the_table_takes_no_such_value(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture_open(fixture);
    CLEANUP(record_clear) struct tel_record record = RECORD();
    CLEANUP(record_clear) struct tel_record change = RECORD();
    struct write writes[] = {{.kind = WRITE_CREATE, .record = &record},
                             {.kind = WRITE_UPDATE, .record = &change}};
    struct write *both[] = {&writes[0], &writes[1]};

    create_run(store, "e1", TEL_RUNNING);
    make_run(&record, "e2", TEL_RUNNING);
    record_load_int(&record, FIELD_items_failed, -1); /* past the checks of the model */
    set_text(&change, FIELD_event_id, "e1");
    set_text(&change, FIELD_input_summary, "half an update");
    assert_int_equal(record_load_text(&change, FIELD_status, "dancing"), TEL_OK);
    assert_int_equal(store_apply(store, both, 2, NULL), TEL_OK);
    assert_int_equal(writes[0].result, WRITE_INVALID);
    assert_int_equal(writes[1].result, WRITE_INVALID);
    assert_true(strlen(writes[0].reason) > 0);
    assert_null(strstr(writes[0].reason, "CHECK"));
    assert_int_equal(other_int(fixture->path, "SELECT count(*) FROM agent_runs"
                                              " WHERE input_summary IS NULL"),
                     1);
    assert_int_equal(store_health(store, NULL), TEL_OK);
}

static char *text_of(size_t length, const char *format)
{
    CLEANUP(freep) char *filler = calloc(1, length + 1);
    char *text;

    assert_non_null(filler);
    memset(filler, 'x', length);
    assert_true(asprintf(&text, format, filler) > 0);
    return text;
}

static void create__is_invalid_when_it_is_too_large_and_the_others_are_stored(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture_open(fixture);
    CLEANUP(record_clear) struct tel_record large = RECORD();
    CLEANUP(record_clear) struct tel_record other = RECORD();
    CLEANUP(freep) char *text = text_of(60000, "%s");
    struct write writes[] = {{.kind = WRITE_CREATE, .record = &large},
                             {.kind = WRITE_CREATE, .record = &other}};
    struct write *both[] = {&writes[0], &writes[1]};

    make_run(&large, "large", TEL_SUCCESS);
    set_text(&large, FIELD_input_summary, text);
    set_text(&large, FIELD_output_summary, text);
    make_run(&other, "other", TEL_SUCCESS);
    (void)sqlite3_limit(store->db, SQLITE_LIMIT_LENGTH, 100000); /* in place of a billion */
    assert_int_equal(store_apply(store, both, 2, NULL), TEL_OK);
    assert_int_equal(writes[0].result, WRITE_INVALID);
    assert_string_equal(writes[0].reason, "it is too large for the database");
    assert_int_equal(writes[1].result, WRITE_CREATED);
    assert_int_equal(other_int(fixture->path, "SELECT count(*) FROM agent_runs"), 1);
}

/* ---- Updating -------------------------------------------------------------------------------- */

static void update__changes_every_field_given_but_the_ids(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture_open(fixture);
    CLEANUP(record_clear) struct tel_record change = RECORD();
    CLEANUP(record_clear) struct tel_record before = RECORD();
    CLEANUP(record_clear) struct tel_record after = RECORD();
    field_set kept = FIELD_BIT(FIELD_id) | FIELD_BIT(FIELD_event_id) | FIELD_BIT(FIELD_run_id) |
                     FIELD_BIT(FIELD_schema_version) | FIELD_BIT(FIELD_created_at);

    create_run(store, "e1", TEL_SUCCESS);
    get(store, "e1", &before);
    for (int i = 0; i < RUN_FIELD_COUNT; i++)
        set_any(&change, i);
    set_text(&change, FIELD_event_id, "e1");
    assert_int_equal(apply_write(store, WRITE_UPDATE, &change), WRITE_UPDATED);
    get(store, "e1", &after);
    assert_same(&before, &after, kept);
    assert_same(&change, &after, change.given & ~kept & ~FIELD_BIT(FIELD_updated_at));
    assert_int_equal(other_int(fixture->path, "SELECT " UPDATED_AT_IS_NEWER " FROM agent_runs"), 1);
}

static void update__applies_whatever_state_the_run_is_in(void **state)
{
    struct store *store = fixture_open(*state);
    CLEANUP(record_clear) struct tel_record change = RECORD();
    CLEANUP(record_clear) struct tel_record stored = RECORD();

    create_run(store, "e1", TEL_SUCCESS);
    set_text(&change, FIELD_event_id, "e1");
    set_text(&change, FIELD_status, TEL_FAILURE);
    set_int(&change, FIELD_items_failed, 0);
    assert_int_equal(apply_write(store, WRITE_UPDATE, &change), WRITE_UPDATED);
    get(store, "e1", &stored);
    assert_string_equal(record_text(&stored, FIELD_status), TEL_FAILURE);
}

static void update__of_an_unknown_run_is_not_found(void **state)
{
    struct store *store = fixture_open(*state);
    CLEANUP(record_clear) struct tel_record change = RECORD();
    CLEANUP(record_clear) struct tel_record nameless = RECORD();

    set_text(&change, FIELD_event_id, "nobody");
    set_text(&change, FIELD_status, TEL_FAILURE);
    set_text(&nameless, FIELD_status, TEL_FAILURE);
    assert_int_equal(apply_write(store, WRITE_UPDATE, &change), WRITE_NOT_FOUND);
    assert_int_equal(apply_write(store, WRITE_LATE_UPDATE, &change), WRITE_NOT_FOUND);
    assert_int_equal(apply_write(store, WRITE_RETRY_COUNT, &change), WRITE_NOT_FOUND);
    assert_int_equal(apply_write(store, WRITE_UPDATE, &nameless), WRITE_INVALID);
}

static void late_update__applies_whole_while_the_run_is_running(void **state)
{
    struct store *store = fixture_open(*state);
    CLEANUP(record_clear) struct tel_record change = RECORD();
    CLEANUP(record_clear) struct tel_record stored = RECORD();

    create_run(store, "e1", TEL_RUNNING);
    set_text(&change, FIELD_event_id, "e1");
    set_text(&change, FIELD_status, TEL_TIMEOUT);
    set_text(&change, FIELD_job_type, "another job");
    set_int(&change, FIELD_items_failed, 3);
    assert_int_equal(apply_write(store, WRITE_LATE_UPDATE, &change), WRITE_UPDATED);
    get(store, "e1", &stored);
    assert_string_equal(record_text(&stored, FIELD_status), TEL_TIMEOUT);
    assert_string_equal(record_text(&stored, FIELD_job_type), "another job");
    assert_int_equal(record_int(&stored, FIELD_items_failed), 3);
}

static void late_update__fills_only_what_an_ended_run_lacks(void **state)
{
    struct store *store = fixture_open(*state);
    CLEANUP(record_clear) struct tel_record record = RECORD();
    CLEANUP(record_clear) struct tel_record change = RECORD();
    CLEANUP(record_clear) struct tel_record stored = RECORD();

    make_run(&record, "e1", TEL_SUCCESS);
    set_text(&record, FIELD_end_time, "2025-12-10T12:05:00Z");
    set_text(&record, FIELD_output_summary, "first");
    set_int(&record, FIELD_items_succeeded, 7);
    assert_int_equal(apply_write(store, WRITE_CREATE, &record), WRITE_CREATED);
    set_text(&change, FIELD_event_id, "e1");
    set_text(&change, FIELD_status, TEL_FAILURE);
    set_text(&change, FIELD_end_time, "2026-01-01T00:00:00Z");
    set_text(&change, FIELD_output_summary, "late");
    set_text(&change, FIELD_error_summary, "late");
    set_int(&change, FIELD_items_succeeded, 99);
    set_int(&change, FIELD_items_failed, 2);
    set_int(&change, FIELD_api_posted, 1);
    assert_int_equal(apply_write(store, WRITE_LATE_UPDATE, &change), WRITE_UPDATED);
    get(store, "e1", &stored);
    assert_string_equal(record_text(&stored, FIELD_status), TEL_SUCCESS);
    assert_string_equal(record_text(&stored, FIELD_end_time), "2025-12-10T12:05:00.000000+00:00");
    assert_string_equal(record_text(&stored, FIELD_output_summary), "first");
    assert_int_equal(record_int(&stored, FIELD_items_succeeded), 7);
    assert_string_equal(record_text(&stored, FIELD_error_summary), "late");
    assert_int_equal(record_int(&stored, FIELD_items_failed), 2);
    assert_int_equal(record_int(&stored, FIELD_api_posted), 1);
}

static void late_update__that_brings_nothing_new_leaves_the_run_as_it_is(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture_open(fixture);
    CLEANUP(record_clear) struct tel_record change = RECORD();

    create_run(store, "e1", TEL_SUCCESS);
    set_text(&change, FIELD_event_id, "e1");
    set_text(&change, FIELD_status, TEL_FAILURE);
    assert_int_equal(apply_write(store, WRITE_LATE_UPDATE, &change), WRITE_UPDATED);
    assert_int_equal(other_int(fixture->path, "SELECT " UPDATED_AT_IS_NEWER " FROM agent_runs"), 0);
}

static void retry_count__counts_up_also_from_null(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture_open(fixture);
    CLEANUP(record_clear) struct tel_record record = RECORD();
    static const char count[] = "SELECT api_retry_count FROM agent_runs";

    create_run(store, "e1", TEL_SUCCESS);
    set_text(&record, FIELD_event_id, "e1");
    assert_int_equal(apply_write(store, WRITE_RETRY_COUNT, &record), WRITE_UPDATED);
    assert_int_equal(apply_write(store, WRITE_RETRY_COUNT, &record), WRITE_UPDATED);
    assert_int_equal(other_int(fixture->path, count), 2);
    other_exec(fixture->path, "UPDATE agent_runs SET api_retry_count = NULL");
    assert_int_equal(apply_write(store, WRITE_RETRY_COUNT, &record), WRITE_UPDATED);
    assert_int_equal(other_int(fixture->path, count), 1);
    other_exec(fixture->path, "UPDATE agent_runs SET api_retry_count = 9223372036854775807");
    assert_int_equal(apply_write(store, WRITE_RETRY_COUNT, &record), WRITE_UPDATED);
    assert_int_equal(other_int(fixture->path, count), INT64_MAX);
}

/* ---- The end of a run ------------------------------------------------------------------------ */

static void assert_ends(struct store *store, enum write_kind kind, const char *event_id,
                        const char *status, bool ends)
{
    CLEANUP(record_clear) struct tel_record record = RECORD();
    struct write write = {.kind = kind, .record = &record};
    struct write *writes[] = {&write};

    make_run(&record, event_id, status);
    if (ends)
        set_int(&record, FIELD_duration_ms, 7);
    assert_int_equal(store_apply(store, writes, 1, NULL), TEL_OK);
    assert_int_equal(write.ended, ends);
    if (ends)
        assert_int_equal(write.duration_ms, 7);
}

static void write__tells_once_that_a_run_ended_by_it(void **state)
{
    struct store *store = fixture_open(*state);

    assert_ends(store, WRITE_CREATE, "whole", TEL_SUCCESS, true);
    assert_ends(store, WRITE_CREATE, "whole", TEL_SUCCESS, false); /* a duplicate */
    assert_ends(store, WRITE_CREATE, "e1", TEL_RUNNING, false);
    assert_ends(store, WRITE_UPDATE, "e1", TEL_RUNNING, false);
    assert_ends(store, WRITE_UPDATE, "e1", TEL_FAILURE, true);
    assert_ends(store, WRITE_UPDATE, "e1", TEL_SUCCESS, false); /* had ended */
    assert_ends(store, WRITE_CREATE, "e2", TEL_RUNNING, false);
    assert_ends(store, WRITE_LATE_UPDATE, "e2", TEL_TIMEOUT, true);
    assert_ends(store, WRITE_CREATE, "e3", TEL_RUNNING, false);
    assert_ends(store, WRITE_CREATE, "e3", TEL_PARTIAL, true); /* its end came with the duplicate */
    assert_ends(store, WRITE_UPDATE, "none", TEL_SUCCESS, false);
}

/* ---- Together -------------------------------------------------------------------------------- */

static void writes__apply_in_order_and_see_each_other(void **state)
{
    struct store *store = fixture_open(*state);
    CLEANUP(record_clear) struct tel_record record = RECORD();
    CLEANUP(record_clear) struct tel_record end = RECORD();
    struct write writes[] = {
        {.kind = WRITE_LATE_UPDATE, .record = &end}, {.kind = WRITE_CREATE, .record = &record},
        {.kind = WRITE_CREATE, .record = &record},   {.kind = WRITE_LATE_UPDATE, .record = &end},
        {.kind = WRITE_UPDATE, .record = &end},
    };
    static const enum write_result expected[] = {WRITE_NOT_FOUND, WRITE_CREATED, WRITE_DUPLICATE,
                                                 WRITE_UPDATED, WRITE_UPDATED};
    struct write *all[] = {&writes[0], &writes[1], &writes[2], &writes[3], &writes[4]};

    make_run(&record, "e1", TEL_RUNNING);
    set_text(&end, FIELD_event_id, "e1");
    set_text(&end, FIELD_status, TEL_SUCCESS);
    assert_int_equal(store_apply(store, all, 5, NULL), TEL_OK);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(writes[i].result, expected[i]);
    assert_int_equal(store_apply(store, NULL, 0, NULL), TEL_OK);
}

/* Three writes of one run; none is handed out before the one before it was applied. */
struct coming {
    struct write writes[3];
    enum write_result met[3]; /* what had become of the one before, when each was asked for */
};

static struct write *next_that_comes(void *arg, size_t place)
{
    struct coming *coming = arg;

    if (place > 0)
        coming->met[place - 1] = coming->writes[place - 1].result;
    return place < 3 ? &coming->writes[place] : NULL;
}

static void writes_that_come_one_by_one__go_into_one_transaction(void **state)
{
    struct store *store = fixture_open(*state);
    CLEANUP(record_clear) struct tel_record record = RECORD();
    CLEANUP(record_clear) struct tel_record end = RECORD();
    struct coming coming = {
        .writes = {{.kind = WRITE_CREATE, .record = &record},
                   {.kind = WRITE_UPDATE, .record = &end},
                   {.kind = WRITE_CREATE, .record = &record}},
    };

    make_run(&record, "e1", TEL_RUNNING);
    set_text(&end, FIELD_event_id, "e1");
    set_text(&end, FIELD_status, TEL_SUCCESS);
    assert_int_equal(store_apply_from(store, next_that_comes, &coming, NULL), TEL_OK);
    assert_int_equal(coming.met[0], WRITE_CREATED);
    assert_int_equal(coming.met[1], WRITE_UPDATED);
    assert_int_equal(coming.met[2], WRITE_DUPLICATE);
}

static void read_only_store__takes_no_writes(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(record_clear) struct tel_record record = RECORD();
    CLEANUP(record_clear) struct tel_record stored = RECORD();
    struct write write = {.kind = WRITE_CREATE, .record = &record};
    struct write *writes[] = {&write};
    struct store *store;

    fixture->options.read_only = true;
    assert_int_equal(store_open(&store, &fixture->options, NULL), TEL_E_NOT_FOUND);
    fixture->options.read_only = false;
    create_run(fixture_open(fixture), "e1", TEL_RUNNING);
    fixture->options.read_only = true;
    store = fixture_open(fixture);
    make_run(&record, "e2", TEL_RUNNING);
    assert_int_equal(store_apply(store, writes, 1, NULL), TEL_E_INVALID);
    get(store, "e1", &stored);
    assert_int_equal(store_get(store, "e2", &stored, NULL), TEL_E_NOT_FOUND);
}

static void read_only_store__makes_nothing_of_an_empty_file(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(freep) char *path = scratch_path(fixture->directory, "empty");
    CLEANUP(freep) char *content = NULL;
    struct store *store;

    scratch_write(path, "");
    fixture->options.path = path;
    fixture->options.read_only = true;
    assert_int_equal(store_open(&store, &fixture->options, NULL), TEL_E_NOT_FOUND);
    content = scratch_read(path);
    assert_string_equal(content, "");
}

static int insert_many(void *arg, size_t number)
{
    const struct fixture *fixture = arg;
    struct store *store;
    int created = 0;
    char event_id[40];

    if (store_open(&store, &fixture->options, NULL))
        return 1;
    for (int i = 0; i < 50; i++) {
        (void)snprintf(event_id, sizeof event_id, "e-%zu-%d", number, i);
        created += create_run(store, event_id, TEL_RUNNING) == WRITE_CREATED;
    }
    store_close(store);
    return created == 50 ? 0 : 1;
}

static void many_processes__insert_at_once_and_nothing_is_lost(void **state)
{
    struct fixture *fixture = *state;

    fixture_open(fixture);
    store_close(fixture->store);
    fixture->store = NULL;
    fixture->options.busy_timeout_ms = 60000;
    assert_int_equal(run_processes(8, insert_many, fixture), 8);
    assert_int_equal(other_int(fixture->path, "SELECT count(*) FROM agent_runs"), 400);
    assert_int_equal(store_check(fixture_open(fixture), true, NULL), TEL_OK);
}

static int insert_the_same(void *arg, size_t number)
{
    const struct fixture *fixture = arg;
    struct store *store;
    enum write_result result;

    (void)number;
    if (store_open(&store, &fixture->options, NULL))
        return 2;
    result = create_run(store, "the one", TEL_RUNNING);
    store_close(store);
    return result == WRITE_CREATED ? 0 : 1;
}

static void many_processes__create_one_event_id_once(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(run_processes(12, insert_the_same, fixture), 1);
    assert_int_equal(other_int(fixture->path, "SELECT count(*) FROM agent_runs"), 1);
}

static void apply_update(struct store *store, struct write write, enum write_result expected)
{
    struct write *writes[] = {&write};
    tel_fault fault = {0};

    write.kind = WRITE_UPDATE;
    if (store_apply(store, writes, 1, &fault))
        fail_msg("%s", fault.text);
    assert_int_equal(write.result, expected);
}

static void update__clears_what_it_names_and_does_not_give(void **state)
{
    struct store *store = fixture_open(*state);
    CLEANUP(record_clear) struct tel_record change = RECORD();
    CLEANUP(record_clear) struct tel_record stored = RECORD();

    create_run(store, "e1", TEL_SUCCESS);
    set_text(&change, FIELD_event_id, "e1");
    set_text(&change, FIELD_git_commit_hash, "0123456");
    set_text(&change, FIELD_git_commit_author, "a");
    set_int(&change, FIELD_items_failed, 5);
    apply_update(store, (struct write){.record = &change}, WRITE_UPDATED);
    set_text(&change, FIELD_git_commit_hash, "abcdefg");
    record_set_text(&change, FIELD_git_commit_author, NULL, NULL);
    apply_update(store,
                 (struct write){.record = &change,
                                .cleared = FIELD_BIT(FIELD_git_commit_hash) |
                                           FIELD_BIT(FIELD_git_commit_author) |
                                           FIELD_BIT(FIELD_event_id) | FIELD_BIT(FIELD_id)},
                 WRITE_UPDATED);
    get(store, "e1", &stored);
    assert_string_equal(record_text(&stored, FIELD_git_commit_hash), "abcdefg");
    assert_false(record_has(&stored, FIELD_git_commit_author));
    assert_int_equal(record_int(&stored, FIELD_items_failed), 5);
}

static void update__merges_json_into_what_is_stored_when_asked_to(void **state)
{
    struct store *store = fixture_open(*state);
    CLEANUP(record_clear) struct tel_record first = RECORD();
    CLEANUP(record_clear) struct tel_record second = RECORD();
    CLEANUP(record_clear) struct tel_record stored = RECORD();

    create_run(store, "e1", TEL_SUCCESS);
    set_text(&first, FIELD_event_id, "e1");
    set_text(&first, FIELD_metrics_json, "{\"a\":1,\"b\":{\"c\":2}}");
    set_text(&second, FIELD_event_id, "e1");
    set_text(&second, FIELD_metrics_json, "{\"a\":null,\"b\":{\"d\":3}}");
    set_text(&second, FIELD_error_summary, "news");
    apply_update(store, (struct write){.record = &first, .merges = true}, WRITE_UPDATED);
    apply_update(store, (struct write){.record = &second, .merges = true}, WRITE_UPDATED);
    get(store, "e1", &stored);
    assert_string_equal(record_text(&stored, FIELD_metrics_json), "{\"b\":{\"c\":2,\"d\":3}}");
    assert_string_equal(record_text(&stored, FIELD_error_summary), "news");
    apply_update(store, (struct write){.record = &second}, WRITE_UPDATED);
    get(store, "e1", &stored);
    assert_string_equal(record_text(&stored, FIELD_metrics_json), "{\"a\":null,\"b\":{\"d\":3}}");
}

static void update__that_would_merge_too_much_is_refused_and_changes_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture_open(fixture);
    CLEANUP(record_clear) struct tel_record change = RECORD();
    CLEANUP(freep) char *first = text_of((size_t)33 << 20, "{\"a\":\"%s\"}");
    CLEANUP(freep) char *second = text_of((size_t)33 << 20, "{\"b\":\"%s\"}");
    struct write write = {.kind = WRITE_UPDATE, .record = &change, .merges = true};
    struct write *writes[] = {&write};

    create_run(store, "e1", TEL_SUCCESS);
    set_text(&change, FIELD_event_id, "e1");
    set_text(&change, FIELD_metrics_json, first);
    assert_int_equal(store_apply(store, writes, 1, NULL), TEL_OK);
    assert_int_equal(write.result, WRITE_UPDATED);
    set_text(&change, FIELD_metrics_json, second);
    set_text(&change, FIELD_error_summary, "news");
    assert_int_equal(store_apply(store, writes, 1, NULL), TEL_OK);
    assert_int_equal(write.result, WRITE_INVALID);
    assert_non_null(strstr(write.reason, "metrics_json would become larger than"));
    assert_int_equal(other_int(fixture->path, "SELECT length(metrics_json) FROM agent_runs"
                                              " WHERE error_summary IS NULL"),
                     strlen(first));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(create__stores_every_field_and_reads_it_back),
        TEST(create__fills_in_what_the_store_knows_and_leaves_the_rest_null),
        TEST(create__is_a_duplicate_when_the_event_id_is_known),
        TEST(create__ends_the_run_when_the_duplicate_is_terminal_and_it_still_runs),
        TEST(create__is_invalid_without_what_is_required_and_the_others_are_stored),
        TEST(create__is_invalid_when_the_table_takes_no_such_value),
        TEST(create__is_invalid_when_it_is_too_large_and_the_others_are_stored),
        TEST(update__changes_every_field_given_but_the_ids),
        TEST(update__applies_whatever_state_the_run_is_in),
        TEST(update__of_an_unknown_run_is_not_found),
        TEST(update__clears_what_it_names_and_does_not_give),
        TEST(update__merges_json_into_what_is_stored_when_asked_to),
        TEST(update__that_would_merge_too_much_is_refused_and_changes_nothing),
        TEST(late_update__applies_whole_while_the_run_is_running),
        TEST(late_update__fills_only_what_an_ended_run_lacks),
        TEST(late_update__that_brings_nothing_new_leaves_the_run_as_it_is),
        TEST(retry_count__counts_up_also_from_null),
        TEST(write__tells_once_that_a_run_ended_by_it),
        TEST(writes__apply_in_order_and_see_each_other),
        TEST(writes_that_come_one_by_one__go_into_one_transaction),
        TEST(read_only_store__takes_no_writes),
        TEST(read_only_store__makes_nothing_of_an_empty_file),
        TEST(many_processes__insert_at_once_and_nothing_is_lost),
        TEST(many_processes__create_one_event_id_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
