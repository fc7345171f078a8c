/* SPDX-License-Identifier: MIT
 *
 * Buffer files as writers of all kinds leave them, emptied into a real store.
 */
#include "support/cmocka_all.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "deliver/buffer.h"
#include "deliver/buffer_name.h"
#include "deliver/sync.h"
#include "support/database.h"
#include "support/scratch.h"

#define MS_PER_DAY (INT64_C(24) * 3600 * 1000)
#define OLD_NAME "telemetry_20251210_120530.jsonl"
#define OUR_NAME "telemetry_20251210_120530-tel-999999-0a1b2c3d.jsonl"

struct bench {
    struct fixture *fixture;
    char *directory; /* of the buffer */
    struct sync_options options;
    struct log log;
    struct strbuf logged;
    struct sync_report report;

    struct strbuf order; /* event_ids in the order in which they were delivered */
    size_t batches;
    size_t largest;
    size_t refuse_at;          /* fail this batch and all after it; 0: none */
    const char *invalid;       /* refuse the record of this event_id for good */
    const char *unanswered;    /* say nothing of the record of this event_id */
    const char *append_to;     /* append a run to this file while its first batch is delivered */
    const char *not_yet;       /* this file is not there as long as something is delivered */
    size_t die_before, die_at; /* end the process before or after this batch was stored; 0: never */
};

static void keep_log(void *arg, tel_log_level level, const char *message)
{
    (void)level;
    strbuf_printf(arg, "%s\n", message);
}

static int setup(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);
    void *fixture = NULL;

    assert_non_null(bench);
    assert_int_equal(fixture_setup(&fixture), 0);
    bench->fixture = fixture;
    (void)fixture_open(bench->fixture);
    bench->directory = scratch_path(bench->fixture->directory, "buffer");
    assert_int_equal(mkdir(bench->directory, 0700), 0);
    bench->logged = STRBUF(100000);
    bench->order = STRBUF(1000000);
    bench->log = (struct log){.write = keep_log, .arg = &bench->logged};
    bench->options = (struct sync_options){.directory = bench->directory,
                                           .batch_size = 100,
                                           .stale_ms = 60000,
                                           .update_age_max_ms = 7 * MS_PER_DAY,
                                           .log = &bench->log};
    *state = bench;
    return 0;
}

static int teardown(void **state)
{
    struct bench *bench = *state;
    void *fixture = bench->fixture;

    strbuf_clear(&bench->logged);
    strbuf_clear(&bench->order);
    free(bench->directory);
    free(bench);
    return fixture_teardown(&fixture);
}

/* ---- Tools ------------------------------------------------------------------------------------- */

static void append_run(const char *path, const char *event_id)
{
    FILE *file = fopen(path, "ae");

    assert_non_null(file);
    assert_true(fprintf(file,
                        "{\"record_type\":\"run\",\"event_id\":\"%s\",\"run_id\":\"r-%s\","
                        "\"agent_name\":\"a\",\"job_type\":\"j\","
                        "\"start_time\":\"2025-12-10T12:00:00Z\"}\n",
                        event_id, event_id) > 0);
    assert_int_equal(fclose(file), 0);
}

static bool has(const struct bench *bench, const char *name)
{
    CLEANUP(freep) char *path = path_join(bench->directory, name);
    struct stat status;

    return lstat(path, &status) == 0;
}

/* Give the records to the store, with whatever the test wants to happen on the way. */
static tel_error deliver(void *arg, struct write **writes, size_t count, tel_fault *fault)
{
    struct bench *bench = arg;
    tel_error error;

    bench->batches++;
    if (count > bench->largest)
        bench->largest = count;
    if (bench->batches == bench->die_before)
        _exit(0);
    if (bench->refuse_at && bench->batches >= bench->refuse_at)
        return fault_set(fault, TEL_E_UNAVAILABLE, "the store is away");
    if (bench->not_yet)
        assert_false(has(bench, bench->not_yet));
    if (bench->append_to)
        append_run(bench->append_to, "appended");
    bench->append_to = NULL;
    error = store_apply(bench->fixture->store, writes, count, fault);
    for (size_t i = 0; i < count; i++) {
        const char *event_id = record_text(writes[i]->record, FIELD_event_id);

        strbuf_printf(&bench->order, "%s ", event_id);
        if (bench->invalid && strcmp(event_id, bench->invalid) == 0) {
            writes[i]->result = WRITE_INVALID;
            (void)snprintf(writes[i]->reason, sizeof writes[i]->reason, "not wanted");
        }
        if (bench->unanswered && strcmp(event_id, bench->unanswered) == 0)
            writes[i]->result = WRITE_PENDING;
    }
    if (bench->batches == bench->die_at)
        _exit(0);
    return error;
}

static tel_error sync_now(struct bench *bench, tel_fault *fault)
{
    return buffer_sync(&bench->options, deliver, bench, &bench->report, fault);
}

static void sync_ok(struct bench *bench)
{
    tel_fault fault = {0};

    if (sync_now(bench, &fault))
        fail_msg("%s", fault.text);
}

/* Write a buffer file; `format` with the event_ids in it. Returns its path until the next call. */
static const char *put(const struct bench *bench, const char *name, const char *text)
{
    static char path[300];

    (void)snprintf(path, sizeof path, "%s/%s", bench->directory, name);
    scratch_write(path, text);
    return path;
}

static const char *put_runs(const struct bench *bench, const char *name, const char *prefix,
                            size_t count)
{
    const char *path = put(bench, name, "");
    char event_id[64];

    for (size_t i = 0; i < count; i++) {
        (void)snprintf(event_id, sizeof event_id, "%s%zu", prefix, i);
        append_run(path, event_id);
    }
    return path;
}

static char *content(const struct bench *bench, const char *name)
{
    CLEANUP(freep) char *path = path_join(bench->directory, name);

    return scratch_read(path);
}

static int64_t count_runs(const struct bench *bench, const char *condition)
{
    char sql[300];

    (void)snprintf(sql, sizeof sql, "SELECT count(*) FROM agent_runs WHERE %s", condition);
    return other_int(bench->fixture->path, sql);
}

static void check_field(const struct bench *bench, const char *event_id, const char *field,
                        const char *expected)
{
    CLEANUP(freep) char *text = NULL;
    char sql[300];

    (void)snprintf(sql, sizeof sql, "SELECT quote(%s) FROM agent_runs WHERE event_id = '%s'", field,
                   event_id);
    text = other_text(bench->fixture->path, sql);
    assert_string_equal(text, expected);
}

static void check_report(const struct bench *bench, struct sync_report expected)
{
    assert_int_equal(bench->report.files, expected.files);
    assert_int_equal(bench->report.created, expected.created);
    assert_int_equal(bench->report.updated, expected.updated);
    assert_int_equal(bench->report.duplicates, expected.duplicates);
    assert_int_equal(bench->report.carried, expected.carried);
    assert_int_equal(bench->report.rejected, expected.rejected);
}

/* Check that the n-th rejected line has that text, and a reason with these words. */
static void check_rejected(const char *rejected, size_t number, const char *line, const char *words)
{
    CLEANUP(json_releasep) json_t *json = NULL;
    tel_fault fault;

    while (number-- > 0)
        rejected = strchr(rejected, '\n') + 1;
    json = json_parse(rejected, strcspn(rejected, "\n"), &fault);
    assert_non_null(json);
    assert_int_equal(json_object_size(json), 2);
    assert_string_equal(json_string_value(json_object_get(json, "line")), line);
    if (!strstr(json_string_value(json_object_get(json, "reason")), words))
        fail_msg("\"%s\" does not say \"%s\"", json_string_value(json_object_get(json, "reason")),
                 words);
}

#define REPORT(...) ((struct sync_report){__VA_ARGS__})

/* ---- Delivering -------------------------------------------------------------------------------- */

static void sync__delivers_what_a_buffer_holds(void **state)
{
    struct bench *bench = *state;
    CLEANUP(record_clear) struct tel_record record = RECORD();
    struct buffer_options options = {.directory = bench->directory,
                                     .bytes_max = 1000000,
                                     .age_max_ms = 1000000};
    struct buffer *buffer;

    assert_int_equal(buffer_new(&buffer, &options), TEL_OK);
    make_run(&record, "e1", "running");
    assert_int_equal(record_set_text(&record, FIELD_error_summary, "a\n\"b\"", NULL), TEL_OK);
    assert_int_equal(record_set_text(&record, FIELD_context_json, "{\"n\":[1.10]}", NULL), TEL_OK);
    assert_int_equal(buffer_append_run(buffer, &record, NULL), TEL_OK);
    assert_int_equal(record_set_text(&record, FIELD_status, "success", NULL), TEL_OK);
    assert_int_equal(buffer_append_update(buffer, &record, FIELD_BIT(FIELD_status), NULL), TEL_OK);

    sync_ok(bench);
    check_report(bench, REPORT(.files = 0)); /* its writer lives */
    buffer_free(buffer);
    sync_ok(bench);
    check_report(bench, REPORT(.files = 1, .created = 1, .updated = 1));
    check_field(bench, "e1", "status", "'success'");
    check_field(bench, "e1", "error_summary", "'a\n\"b\"'");
    check_field(bench, "e1", "context_json", "'{\"n\":[1.10]}'");
    sync_ok(bench);
    check_report(bench, REPORT(.files = 0));
    assert_int_equal(bench->logged.length, 0);
}

static void sync__takes_a_missing_directory_as_empty(void **state)
{
    struct bench *bench = *state;

    bench->options.directory = "/nowhere/at/all";
    bench->report.created = 7;
    sync_ok(bench);
    check_report(bench, REPORT(.files = 0));
}

static void sync__takes_the_lines_of_older_writers(void **state)
{
    struct bench *bench = *state;

    put(bench, OLD_NAME ".ready",
        "{\"run_id\": \"20251210T120530Z-a-b1\", \"schema_version\": 6, \"start_time\": "
        "\"2025-12-10T12:05:30.000000+00:00\", \"agent_name\": \"a\", \"job_type\": \"j\", "
        "\"trigger_type\": \"cli\", \"end_time\": null, \"status\": \"failed\", "
        "\"items_discovered\": 0, \"duration_ms\": null, \"metrics_json\": \"{\\\"n\\\": 1}\", "
        "\"context_json\": null, \"api_posted\": 0, \"api_posted_at\": null, \"record_type\": "
        "\"run\", \"event_id\": \"old1\", \"created_at\": null, \"updated_at\": null, \"host\": "
        "null, \"something_else\": {\"a\": [1, 2]}, \"git_commit_source\": null}\n"
        "{\"event_id\":\"old2\",\"run_id\":\"r\",\"agent_name\":\"a\",\"job_type\":\"j\","
        "\"start_time\":\"2025-12-10 12:05:30\",\"api_posted\":true,\"metrics_json\":\"no json\"}\r\n");
    sync_ok(bench);
    check_report(bench, REPORT(.files = 1, .created = 2));
    check_field(bench, "old1", "status", "'failure'");
    check_field(bench, "old1", "metrics_json", "'{\"n\": 1}'");
    check_field(bench, "old1", "host", "NULL");
    check_field(bench, "old2", "status", "'running'");
    check_field(bench, "old2", "metrics_json", "'\"no json\"'");
    check_field(bench, "old2", "api_posted", "1");
    assert_int_equal(count_runs(bench, "created_at IS NULL"), 0);
    assert_true(has(bench, OLD_NAME ".synced"));
    assert_false(has(bench, OLD_NAME ".ready"));
    assert_false(has(bench, OLD_NAME ".rejected"));
}

static void sync__takes_empty_files_blank_lines_and_a_last_line_without_newline(void **state)
{
    struct bench *bench = *state;
    const char *path;

    put(bench, "telemetry_20251210_000000.jsonl.ready", "");
    put(bench, "telemetry_20251210_000001.jsonl.ready", "\n  \n\r\n");
    path = put_runs(bench, "telemetry_20251210_000002.jsonl.ready", "e", 2);
    {
        struct stat status;

        assert_int_equal(stat(path, &status), 0);
        assert_int_equal(truncate(path, status.st_size - 1), 0);
    }
    sync_ok(bench);
    check_report(bench, REPORT(.files = 3, .created = 2));
}

static void sync__goes_from_the_oldest_file_to_the_newest_in_batches(void **state)
{
    struct bench *bench = *state;

    put_runs(bench, "telemetry_20251210_120531.jsonl.ready", "c", 1);
    put_runs(bench, "telemetry_20251210_120530_b.jsonl.ready", "b", 2);
    put_runs(bench, "telemetry_20251210_120530-tel-7-00000000.jsonl.ready", "a", 5);
    bench->options.batch_size = 2;
    sync_ok(bench);
    check_report(bench, REPORT(.files = 3, .created = 8));
    assert_string_equal(bench->order.text, "a0 a1 a2 a3 a4 b0 b1 c0 ");
    assert_int_equal(bench->batches, 5);
    assert_int_equal(bench->largest, 2);
}

static void sync__empties_a_file_of_10_mb(void **state)
{
    struct bench *bench = *state;
    CLEANUP(strbuf_clear) struct strbuf text = STRBUF(20000000);

    for (int i = 0; i < 5000; i++)
        strbuf_printf(
            &text,
            "{\"event_id\":\"e%d\",\"run_id\":\"r\",\"agent_name\":\"a\",\"job_type\":"
            "\"j\",\"start_time\":\"2025-12-10T12:05:30Z\",\"output_summary\":\"%02000d\"}\n",
            i, i);
    assert_true(text.length > 10000000);
    put(bench, OLD_NAME ".ready", text.text);
    bench->options.batch_size = 10000;
    sync_ok(bench);
    check_report(bench, REPORT(.files = 1, .created = 5000));
    assert_int_equal(bench->batches, 2); /* of 8 MB at most */
    assert_int_equal(count_runs(bench, "length(output_summary) = 2000"), 5000);
}

static void sync__again_finds_only_duplicates(void **state)
{
    struct bench *bench = *state;

    put_runs(bench, "telemetry_20251210_120530_a.jsonl.ready", "e", 3);
    put_runs(bench, "telemetry_20251210_120530_b.jsonl.ready", "e", 4);
    sync_ok(bench);
    check_report(bench, REPORT(.files = 2, .created = 4, .duplicates = 3));
}

/* ---- Updates ----------------------------------------------------------------------------------- */

static void sync__ends_a_run_that_is_running_and_only_fills_one_that_has_ended(void **state)
{
    struct bench *bench = *state;

    (void)create_run(bench->fixture->store, "running", "running");
    (void)create_run(bench->fixture->store, "ended", "success");
    put(bench, OUR_NAME ".ready",
        "{\"record_type\":\"update\",\"event_id\":\"running\",\"status\":\"failed\","
        "\"items_failed\":3}\n"
        "{\"record_type\":\"update\",\"event_id\":\"ended\",\"status\":\"failure\","
        "\"output_summary\":\"late\"}\n");
    sync_ok(bench);
    check_report(bench, REPORT(.files = 1, .updated = 2));
    check_field(bench, "running", "status", "'failure'");
    check_field(bench, "running", "items_failed", "3");
    check_field(bench, "ended", "status", "'success'");
    check_field(bench, "ended", "output_summary", "'late'");
}

static void sync__carries_an_update_on_until_its_run_is_there(void **state)
{
    struct bench *bench = *state;
    CLEANUP(freep) char *carried = NULL;
    CLEANUP(freep) char *carried_again = NULL;

    bench->options.update_age_max_ms = INT64_MAX / 1000;
    put(bench, OUR_NAME ".ready",
        "{\"record_type\":\"update\",\"event_id\":\"e0\",\"status\":\"success\"}\n"
        "{\"record_type\":\"update\",\"event_id\":\"never\",\"buffered_at\":"
        "\"2025-12-11T00:00:00.000000+00:00\",\"items_failed\":1}\n");
    sync_ok(bench);
    check_report(bench, REPORT(.files = 1, .carried = 2));
    assert_true(has(bench, OUR_NAME ".synced"));
    carried = scratch_read_all(bench->directory, ".ready");
    assert_string_equal(carried,
                        "{\"record_type\":\"update\",\"event_id\":\"e0\",\"status\":\"success\","
                        "\"buffered_at\":\"2025-12-10T12:05:30.000000+00:00\"}\n"
                        "{\"record_type\":\"update\",\"event_id\":\"never\",\"buffered_at\":"
                        "\"2025-12-11T00:00:00.000000+00:00\",\"items_failed\":1}\n");

    put_runs(bench, "telemetry_20251210_120531.jsonl.ready", "e", 1);
    sync_ok(bench);
    check_report(bench, REPORT(.files = 2, .created = 1, .updated = 1, .carried = 1));
    check_field(bench, "e0", "status", "'success'");
    carried_again = scratch_read_all(bench->directory, ".ready");
    assert_int_equal(count_lines(carried_again), 1);
    assert_non_null(strstr(carried_again, "\"never\""));
}

static void sync__carries_on_more_than_it_keeps_in_memory(void **state)
{
    struct bench *bench = *state;
    CLEANUP(strbuf_clear) struct strbuf text = STRBUF(100000000);
    CLEANUP(freep) char *carried = NULL;

    bench->options.update_age_max_ms = INT64_MAX / 1000;
    for (int i = 0; i < 25; i++)
        strbuf_printf(&text,
                      "{\"record_type\":\"update\",\"event_id\":\"never\",\"items_failed\":%d,"
                      "\"output_summary\":\"%02000000d\"}\n",
                      i, i);
    put(bench, OUR_NAME ".ready", text.text);
    sync_ok(bench);
    check_report(bench, REPORT(.files = 1, .carried = 25));
    carried = scratch_read_all(bench->directory, ".ready");
    assert_int_equal(count_lines(carried), 25);
}

static void sync__rejects_an_update_whose_run_never_came(void **state)
{
    static const int64_t minute_us = 60 * US_PER_SECOND;
    struct bench *bench = *state;
    CLEANUP(freep) char *rejected = NULL;
    int64_t limit_us = clock_now_us() - 7 * MS_PER_DAY * 1000;
    char young[TEL_TIMESTAMP_SIZE];
    char old[TEL_TIMESTAMP_SIZE];
    char text[500];

    timestamp_format(young, limit_us + 10 * minute_us);
    timestamp_format(old, limit_us - minute_us);
    (void)snprintf(text, sizeof text,
                   "{\"record_type\":\"update\",\"event_id\":\"e0\",\"status\":\"success\"}\n"
                   "{\"record_type\":\"update\",\"event_id\":\"e1\",\"status\":\"success\","
                   "\"buffered_at\":\"%s\"}\n"
                   "{\"record_type\":\"update\",\"event_id\":\"e2\",\"status\":\"success\","
                   "\"buffered_at\":\"%s\"}\n",
                   young, old);
    put(bench, "telemetry_20200102_030405.jsonl.ready", text); /* counts where nothing else does */
    sync_ok(bench);
    check_report(bench, REPORT(.files = 1, .carried = 1, .rejected = 2));
    rejected = content(bench, "telemetry_20200102_030405.jsonl.rejected");
    assert_int_equal(count_lines(rejected), 2);
    check_rejected(rejected, 0,
                   "{\"record_type\":\"update\",\"event_id\":\"e0\",\"status\":\"success\"}",
                   "no run with this event_id came within 7 days");
    assert_int_equal(count_of(rejected, "\\\"e2\\\""), 1);
}

/* ---- Rejecting --------------------------------------------------------------------------------- */

static void sync__sets_aside_what_is_no_record_with_the_reason_and_goes_on(void **state)
{
    static const struct {
        const char *line;
        const char *reason;
    } bad[] = {
        {"not json", "invalid JSON at offset"},
        {"{\"event_id\":\"x\",", "invalid JSON at offset"},
        {"[]", "must be a JSON object"},
        {"{}", "event_id is required"},
        {"{\"record_type\":\"event\",\"run_id\":\"r\"}", "not \"event\""},
        {"{\"record_type\":5}", "record_type must be a string"},
        {"{\"record_type\":\"event\",\"event_id\":\"good0\",\"status\":\"success\"}",
         "not \"event\""},
        {"{\"event_id\":\"x\",\"run_id\":\"r\",\"agent_name\":\"\",\"job_type\":\"j\","
         "\"start_time\":\"2025-12-10T12:00:00Z\"}",
         "agent_name must not be empty"},
        {"{\"event_id\":\"x\",\"run_id\":\"r\",\"agent_name\":\"a\",\"job_type\":\"j\","
         "\"start_time\":\"yesterday\"}",
         "start_time must be an RFC 3339 time"},
        {"{\"event_id\":5,\"run_id\":\"r\",\"agent_name\":\"a\",\"job_type\":\"j\","
         "\"start_time\":\"2025-12-10T12:00:00Z\"}",
         "event_id must be a string"},
        {"{\"record_type\":\"update\",\"status\":\"success\"}", "event_id is required"},
        {"{\"record_type\":\"update\",\"event_id\":\"good0\"}", "must name a field"},
        {"{\"record_type\":\"update\",\"event_id\":\"good0\",\"status\":\"odd\"}",
         "status must be running"},
    };
    struct bench *bench = *state;
    CLEANUP(strbuf_clear) struct strbuf text = STRBUF(100000);
    CLEANUP(freep) char *first = NULL;
    CLEANUP(freep) char *rejected = NULL;
    size_t count = sizeof bad / sizeof *bad;

    put_runs(bench, OLD_NAME ".ready", "good", 1);
    first = content(bench, OLD_NAME ".ready");
    strbuf_puts(&text, first);
    for (size_t i = 0; i < count; i++)
        strbuf_printf(&text, "%s\n", bad[i].line);
    strbuf_printf(&text, "%s{\"event_id\":\"torn", first);
    put(bench, OLD_NAME ".ready", text.text);
    sync_ok(bench);
    check_report(bench, REPORT(.files = 1, .created = 1, .duplicates = 1, .rejected = count + 1));
    rejected = content(bench, OLD_NAME ".rejected");
    assert_int_equal(count_lines(rejected), count + 1);
    for (size_t i = 0; i < count; i++)
        check_rejected(rejected, i, bad[i].line, bad[i].reason);
    check_rejected(rejected, count, "{\"event_id\":\"torn", "torn");
    assert_non_null(strstr(bench->logged.text, OLD_NAME ".rejected"));
}

static void sync__sets_aside_bytes_that_are_no_text(void **state)
{
    static const char bytes[] = "\0\0\0\n{\"event_id\":\"caf\xe9\"}\n\x1b[31m\n";
    struct bench *bench = *state;
    CLEANUP(freep) char *path = path_join(bench->directory, OLD_NAME ".ready");
    CLEANUP(freep) char *rejected = NULL;
    CLEANUP(closep) int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    assert_int_equal(write(fd, bytes, sizeof bytes - 1), sizeof bytes - 1);
    sync_ok(bench);
    check_report(bench, REPORT(.files = 1, .rejected = 3));
    rejected = content(bench, OLD_NAME ".rejected");
    check_rejected(rejected, 0, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd", "invalid JSON");
    check_rejected(rejected, 1, "{\"event_id\":\"caf\xef\xbf\xbd\"}", "invalid JSON");
    check_rejected(rejected, 2, "\x1b[31m", "invalid JSON");
    {
        struct stat status;
        CLEANUP(freep) char *name = path_join(bench->directory, OLD_NAME ".rejected");

        assert_int_equal(stat(name, &status), 0);
        assert_int_equal(status.st_mode & 07777, 0600);
    }
}

static void sync__sets_aside_what_the_store_refuses_for_good(void **state)
{
    struct bench *bench = *state;
    CLEANUP(freep) char *rejected = NULL;

    put_runs(bench, OLD_NAME ".ready", "e", 3);
    bench->invalid = "e1";
    sync_ok(bench);
    check_report(bench, REPORT(.files = 1, .created = 2, .rejected = 1));
    rejected = content(bench, OLD_NAME ".rejected");
    assert_int_equal(count_lines(rejected), 1);
    assert_int_equal(count_of(rejected, "{\"reason\":\"not wanted\",\"line\":"), 1);
    assert_int_equal(count_of(rejected, "\\\"event_id\\\":\\\"e1\\\""), 1);
}

static void sync__sets_aside_a_line_that_is_too_long_and_goes_on(void **state)
{
    struct bench *bench = *state;
    CLEANUP(freep) char *long_line = calloc(FILE_LINE_BYTES_MAX + 100, 1);
    const char *path;
    FILE *file;

    memset(long_line, 'x', FILE_LINE_BYTES_MAX + 99);
    path = put_runs(bench, OLD_NAME ".ready", "a", 1);
    file = fopen(path, "ae");
    assert_non_null(file);
    assert_true(fprintf(file, "%s\n", long_line) > 0);
    assert_int_equal(fclose(file), 0);
    append_run(path, "b");
    sync_ok(bench);
    check_report(bench, REPORT(.files = 1, .created = 2, .rejected = 1));
}

/* ---- Whose file it is -------------------------------------------------------------------------- */

static void sync__takes_over_our_file_as_soon_as_its_writer_is_gone(void **state)
{
    struct bench *bench = *state;
    CLEANUP(closep)
    int writer = open(put_runs(bench, OUR_NAME ".active", "e", 2), O_RDONLY | O_CLOEXEC);

    assert_int_equal(flock(writer, LOCK_EX), 0);
    sync_ok(bench);
    check_report(bench, REPORT(.files = 0));
    assert_true(has(bench, OUR_NAME ".active"));
    assert_int_equal(flock(writer, LOCK_UN), 0);
    sync_ok(bench);
    check_report(bench, REPORT(.files = 1, .created = 2));
    assert_true(has(bench, OUR_NAME ".synced"));
}

static void sync__takes_over_an_older_writers_file_when_it_has_been_quiet(void **state)
{
    struct bench *bench = *state;
    const char *path = put_runs(bench, OLD_NAME ".active", "e", 2);
    struct timespec times[2] = {{.tv_nsec = UTIME_NOW}, {.tv_nsec = UTIME_NOW}};

    sync_ok(bench);
    check_report(bench, REPORT(.files = 0));
    assert_true(has(bench, OLD_NAME ".active"));
    times[1].tv_sec = time(NULL) - 61;
    times[1].tv_nsec = 0;
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
    sync_ok(bench);
    check_report(bench, REPORT(.files = 1, .created = 2));
}

static void sync__waits_with_a_takeover_until_the_file_of_that_name_is_delivered(void **state)
{
    struct bench *bench = *state;

    bench->options.stale_ms = 0;
    put_runs(bench, OLD_NAME ".ready", "a", 1);
    put_runs(bench, OLD_NAME ".active", "b", 1);
    sync_ok(bench);
    check_report(bench, REPORT(.files = 1, .created = 1));
    sync_ok(bench);
    check_report(bench, REPORT(.files = 1, .created = 1));
    assert_int_equal(count_runs(bench, "1"), 2);
}

static void sync__leaves_a_file_that_somebody_else_works_on(void **state)
{
    struct bench *bench = *state;
    CLEANUP(closep)
    int other = open(put_runs(bench, OLD_NAME ".ready", "e", 1), O_RDONLY | O_CLOEXEC);

    assert_int_equal(flock(other, LOCK_EX), 0);
    put_runs(bench, "telemetry_20251210_120531.jsonl.ready", "f", 1);
    sync_ok(bench);
    check_report(bench, REPORT(.files = 1, .created = 1));
    assert_true(has(bench, OLD_NAME ".ready"));
}

static void sync__never_overwrites_what_is_synced(void **state)
{
    struct bench *bench = *state;
    CLEANUP(freep) char *first = NULL;
    CLEANUP(freep) char *first_rejected = NULL;
    CLEANUP(freep) char *second_rejected = NULL;

    put(bench, OLD_NAME ".synced", "precious");
    put(bench, OLD_NAME ".rejected", "precious too");
    put(bench, OLD_NAME ".ready", "bad\n");
    sync_ok(bench);
    put_runs(bench, OLD_NAME ".ready", "e", 1);
    sync_ok(bench);
    first = content(bench, OLD_NAME ".synced");
    first_rejected = content(bench, OLD_NAME ".rejected");
    second_rejected = content(bench, OLD_NAME ".1.rejected");
    assert_string_equal(first, "precious");
    assert_string_equal(first_rejected, "precious too");
    assert_int_equal(count_lines(second_rejected), 1);
    assert_true(has(bench, OLD_NAME ".1.synced"));
    assert_true(has(bench, OLD_NAME ".2.synced"));
    assert_false(has(bench, OLD_NAME ".ready"));
}

static void sync__passes_over_what_is_no_regular_file(void **state)
{
    struct bench *bench = *state;
    CLEANUP(freep) char *target = scratch_path(bench->fixture->directory, "target");
    CLEANUP(freep)
    char *fifo = path_join(bench->directory, "telemetry_20251210_000001.jsonl.ready");
    CLEANUP(freep)
    char *folder = path_join(bench->directory, "telemetry_20251210_000002.jsonl.ready");
    CLEANUP(freep)
    char *symbolic = path_join(bench->directory, "telemetry_20251210_000003.jsonl.ready");
    CLEANUP(freep)
    char *hard = path_join(bench->directory, "telemetry_20251210_000004.jsonl.active");
    CLEANUP(freep) char *text = NULL;

    scratch_write(target, "{}\n");
    assert_int_equal(mkfifo(fifo, 0600), 0);
    assert_int_equal(mkdir(folder, 0700), 0);
    assert_int_equal(symlink(target, symbolic), 0);
    assert_int_equal(link(target, hard), 0);
    bench->options.stale_ms = 0;
    put_runs(bench, OLD_NAME ".ready", "e", 1);
    sync_ok(bench);
    check_report(bench, REPORT(.files = 1, .created = 1));
    text = scratch_read(target);
    assert_string_equal(text, "{}\n");
    assert_non_null(strstr(bench->logged.text, fifo));
    assert_non_null(strstr(bench->logged.text, folder));
    assert_non_null(strstr(bench->logged.text, symbolic));
    assert_non_null(strstr(bench->logged.text, hard));
}

static void sync__takes_what_is_appended_while_it_reads(void **state)
{
    struct bench *bench = *state;

    bench->append_to = put_runs(bench, OLD_NAME ".ready", "e", 2);
    bench->not_yet = OLD_NAME ".synced";
    sync_ok(bench);
    check_report(bench, REPORT(.files = 1, .created = 3));
    assert_string_equal(bench->order.text, "e0 e1 appended ");
}

/* ---- When something fails ---------------------------------------------------------------------- */

static void sync__leaves_the_file_ready_when_nobody_takes_the_records(void **state)
{
    struct bench *bench = *state;
    CLEANUP(freep) char *rejected = NULL;
    tel_fault fault = {0};
    const char *path;

    bench->options.batch_size = 2;
    path = put_runs(bench, OLD_NAME ".ready", "e", 5);
    {
        FILE *file = fopen(path, "ae");

        assert_non_null(file);
        assert_true(fputs("bad\n", file) >= 0);
        assert_int_equal(fclose(file), 0);
        append_run(path, "e5");
    }
    put_runs(bench, "telemetry_20251210_120531.jsonl.ready", "f", 1);
    put_runs(bench, "retry.jsonl", "g", 1);
    bench->options.takes_outboxes = true;
    bench->options.stale_ms = 0;
    bench->refuse_at = 3;
    assert_int_equal(sync_now(bench, &fault), TEL_E_UNAVAILABLE);
    assert_string_equal(fault.text, "the store is away");
    assert_int_equal(bench->batches, 3);
    check_report(bench, REPORT(.created = 4, .rejected = 1));
    assert_true(has(bench, OLD_NAME ".ready"));
    assert_true(has(bench, "telemetry_20251210_120531.jsonl.ready"));

    bench->refuse_at = 0;
    sync_ok(bench);
    check_report(bench, REPORT(.files = 3, .created = 4, .duplicates = 4, .rejected = 1));
    rejected = content(bench, OLD_NAME ".rejected");
    assert_int_equal(count_lines(rejected), 1);
}

static void sync__takes_no_record_for_delivered_that_was_not_answered(void **state)
{
    struct bench *bench = *state;
    tel_fault fault = {0};

    put_runs(bench, OLD_NAME ".ready", "e", 3);
    bench->unanswered = "e1";
    assert_int_equal(sync_now(bench, &fault), TEL_E_INTERNAL);
    assert_non_null(strstr(fault.text, OLD_NAME));
    assert_true(has(bench, OLD_NAME ".ready"));
    bench->unanswered = NULL;
    sync_ok(bench);
    check_report(bench, REPORT(.files = 1, .duplicates = 3));
}

static void sync__leaves_no_copies_of_updates_when_it_is_stopped_again_and_again(void **state)
{
    struct bench *bench = *state;
    CLEANUP(freep) char *path = NULL;
    CLEANUP(freep) char *carried = NULL;
    FILE *file;

    bench->options.update_age_max_ms = INT64_MAX / 1000;
    bench->options.batch_size = 1;
    path = strdup(put(bench, OUR_NAME ".ready",
                      "{\"record_type\":\"update\",\"event_id\":\"u\",\"status\":\"success\"}\n"));
    append_run(path, "e");
    bench->refuse_at = 2;
    for (int i = 0; i < 5; i++) {
        bench->batches = 0;
        assert_int_equal(sync_now(bench, NULL), TEL_E_UNAVAILABLE);
    }
    bench->refuse_at = 0;
    sync_ok(bench);
    carried = scratch_read_all(bench->directory, ".ready");
    assert_int_equal(count_lines(carried), 1);
    file = fopen(path, "re");
    assert_null(file);
}

static void sync__one_file_that_fails_does_not_stop_the_others(void **state)
{
    struct bench *bench = *state;
    CLEANUP(freep) char *in_the_way = path_join(bench->directory, OLD_NAME ".rejected");
    tel_fault fault = {0};

    assert_int_equal(mkdir(in_the_way, 0700), 0);
    put(bench, OLD_NAME ".ready", "bad\n");
    put_runs(bench, "telemetry_20251210_120531.jsonl.ready", "f", 1);
    assert_int_equal(sync_now(bench, &fault), TEL_E_IO);
    assert_non_null(strstr(fault.text, in_the_way));
    check_report(bench, REPORT(.files = 1, .created = 1));
    assert_true(has(bench, OLD_NAME ".ready"));
    assert_int_equal(rmdir(in_the_way), 0);
    sync_ok(bench);
    check_report(bench, REPORT(.files = 1, .rejected = 1));
}

static void sync__delivers_every_sound_line_of_a_damaged_file(void **state)
{
    struct bench *bench = *state;
    unsigned seed = 1;

    for (int i = 0; i < 100; i++) {
        CLEANUP(freep) char *text = NULL;
        CLEANUP(freep) char *path = NULL;
        char name[100];
        char prefix[20];
        char *middle;
        FILE *file;
        size_t length;

        (void)snprintf(name, sizeof name, "telemetry_20251210_12%02d%02d.jsonl.ready", i / 60,
                       i % 60);
        (void)snprintf(prefix, sizeof prefix, "f%d-", i);
        path = strdup(put_runs(bench, name, prefix, 3));
        text = scratch_read(path);
        length = strlen(text);
        middle = strchr(text, '\n') + 1;
        for (int j = 0; j < 3; j++) {
            seed = seed * 1103515245 + 12345;
            middle[seed / 65536 % strcspn(strchr(text, '\n') + 1, "\n")] = (char)(seed >> 8);
        }
        file = fopen(path, "we");
        assert_non_null(file);
        assert_int_equal(fwrite(text, 1, length, file), length);
        assert_int_equal(fclose(file), 0);
    }
    sync_ok(bench);
    assert_int_equal(bench->report.files, 100);
    assert_int_equal(count_runs(bench, "event_id LIKE 'f%-0'"), 100);
    assert_int_equal(count_runs(bench, "event_id LIKE 'f%-2'"), 100);
    assert_true(bench->report.rejected > 50);
}

/* ---- Processes --------------------------------------------------------------------------------- */

static int sync_as_process(void *arg, size_t number)
{
    struct bench *bench = arg;
    tel_fault fault = {0};

    (void)number;
    (void)fixture_open(bench->fixture);
    return sync_now(bench, &fault) ? 1 : 0;
}

static void sync__by_four_processes_at_once_stores_each_record_once(void **state)
{
    struct bench *bench = *state;

    for (int i = 0; i < 20; i++) {
        char name[100];
        char prefix[20];

        (void)snprintf(name, sizeof name, "telemetry_20251210_1200%02d%s", i,
                       i % 2 ? ".jsonl.ready" : "-tel-7-00000000.jsonl.active");
        (void)snprintf(prefix, sizeof prefix, "f%d-", i);
        put_runs(bench, name, prefix, 10);
    }
    bench->options.batch_size = 3;
    assert_int_equal(run_processes(4, sync_as_process, bench), 4);
    sync_ok(bench); /* what one took over when the others had listed the ready files */
    assert_int_equal(count_runs(bench, "1"), 200);
    for (int i = 0; i < 20; i++) {
        char name[100];

        (void)snprintf(name, sizeof name, "telemetry_20251210_1200%02d%s", i,
                       i % 2 ? ".jsonl.synced" : "-tel-7-00000000.jsonl.synced");
        assert_true(has(bench, name));
    }
}

/* A buffer with a run of each fate, which takes four batches. */
static void put_mixed(struct bench *bench)
{
    const char *path = put_runs(bench, OUR_NAME ".active", "e", 3);
    FILE *file = fopen(path, "ae");

    assert_non_null(file);
    assert_true(
        fputs("bad\n"
              "{\"record_type\":\"update\",\"event_id\":\"e0\",\"status\":\"success\"}\n"
              "{\"record_type\":\"update\",\"event_id\":\"later\",\"status\":\"success\"}\n",
              file) >= 0);
    assert_int_equal(fclose(file), 0);
    append_run(path, "e3");
    append_run(path, "e4");
    bench->options.batch_size = 2;
    bench->options.update_age_max_ms = INT64_MAX / 1000;
}

static void check_nothing_lost(struct bench *bench)
{
    CLEANUP(freep) char *carried = scratch_read_all(bench->directory, ".ready");
    CLEANUP(freep) char *rejected = content(bench, OUR_NAME ".rejected");

    assert_true(has(bench, OUR_NAME ".synced"));
    assert_int_equal(count_runs(bench, "1"), 5);
    check_field(bench, "e0", "status", "'success'");
    assert_int_equal(count_lines(rejected), 1);
    assert_int_equal(count_of(carried, "\"later\""), 1);
}

static void sync__that_dies_in_the_middle_loses_nothing(void **state)
{
    for (size_t batch = 1; batch <= 4; batch++) {
        for (int after = 0; after <= 1; after++) {
            void *fresh = NULL;
            struct bench *bench;

            assert_int_equal(setup(&fresh), 0);
            bench = fresh;
            put_mixed(bench);
            bench->die_before = after ? 0 : batch;
            bench->die_at = after ? batch : 0;
            assert_int_equal(run_processes(1, sync_as_process, bench), 1);
            assert_false(has(bench, OUR_NAME ".synced"));
            bench->die_before = 0;
            bench->die_at = 0;
            sync_ok(bench);
            check_nothing_lost(bench);
            assert_int_equal(teardown(&fresh), 0);
        }
    }
    (void)state;
}

/* Die when the n-th message is logged; the rejected lines of a file are logged after its rename. */
static void die_at_log(void *arg, tel_log_level level, const char *message)
{
    (void)arg;
    (void)level;
    (void)message;
    _exit(0);
}

static void sync__that_dies_after_its_last_rename_is_picked_up_by_the_next(void **state)
{
    struct bench *bench = *state;
    CLEANUP(freep) char *carried = NULL;

    put_mixed(bench);
    bench->log.write = die_at_log;
    assert_int_equal(run_processes(1, sync_as_process, bench), 1);
    assert_true(has(bench, OUR_NAME ".synced"));
    bench->log.write = keep_log;
    carried = scratch_read_all(bench->directory, ".active");
    assert_int_equal(count_of(carried, "\"later\""), 1);
    append_run(put(bench, "telemetry_20251210_120531.jsonl.ready", ""), "later");
    sync_ok(bench);
    check_report(bench, REPORT(.files = 2, .created = 1, .updated = 1));
    check_field(bench, "later", "status", "'success'");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(sync__delivers_what_a_buffer_holds),
        TEST(sync__takes_a_missing_directory_as_empty),
        TEST(sync__takes_the_lines_of_older_writers),
        TEST(sync__takes_empty_files_blank_lines_and_a_last_line_without_newline),
        TEST(sync__goes_from_the_oldest_file_to_the_newest_in_batches),
        TEST(sync__empties_a_file_of_10_mb),
        TEST(sync__again_finds_only_duplicates),
        TEST(sync__ends_a_run_that_is_running_and_only_fills_one_that_has_ended),
        TEST(sync__carries_an_update_on_until_its_run_is_there),
        TEST(sync__carries_on_more_than_it_keeps_in_memory),
        TEST(sync__rejects_an_update_whose_run_never_came),
        TEST(sync__sets_aside_what_is_no_record_with_the_reason_and_goes_on),
        TEST(sync__sets_aside_bytes_that_are_no_text),
        TEST(sync__sets_aside_what_the_store_refuses_for_good),
        TEST(sync__sets_aside_a_line_that_is_too_long_and_goes_on),
        TEST(sync__takes_over_our_file_as_soon_as_its_writer_is_gone),
        TEST(sync__takes_over_an_older_writers_file_when_it_has_been_quiet),
        TEST(sync__waits_with_a_takeover_until_the_file_of_that_name_is_delivered),
        TEST(sync__leaves_a_file_that_somebody_else_works_on),
        TEST(sync__never_overwrites_what_is_synced),
        TEST(sync__passes_over_what_is_no_regular_file),
        TEST(sync__takes_what_is_appended_while_it_reads),
        TEST(sync__leaves_the_file_ready_when_nobody_takes_the_records),
        TEST(sync__takes_no_record_for_delivered_that_was_not_answered),
        TEST(sync__leaves_no_copies_of_updates_when_it_is_stopped_again_and_again),
        TEST(sync__one_file_that_fails_does_not_stop_the_others),
        TEST(sync__delivers_every_sound_line_of_a_damaged_file),
        TEST(sync__by_four_processes_at_once_stores_each_record_once),
        cmocka_unit_test(sync__that_dies_in_the_middle_loses_nothing),
        TEST(sync__that_dies_after_its_last_rename_is_picked_up_by_the_next),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
