/* SPDX-License-Identifier: MIT
 *
 * The buffer as host programs see it: tel_buffer_*().
 */
#include "support/cmocka_all.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "support/peer.h"
#include "support/scratch.h"
#include "telemetry.h"

struct bench {
    char *scratch;
    char *directory;
    tel_config *config;
    tel_buffer *buffer;
    tel_record *record;
    tel_record *changes;
};

static int setup(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);

    assert_non_null(bench);
    bench->scratch = scratch_make();
    bench->directory = scratch_path(bench->scratch, "elsewhere/buffer");
    assert_int_equal(tel_config_new(&bench->config), TEL_OK);
    assert_int_equal(tel_config_set(bench->config, "TELEMETRY_CALL_BUDGET_MS", "60000"), TEL_OK);
    assert_int_equal(tel_buffer_new(&bench->buffer, bench->directory, bench->config), TEL_OK);
    assert_int_equal(tel_record_new(&bench->record,
                                    TEL_FIELDS(.event_id = "e", .run_id = "r", .agent_name = "a",
                                               .job_type = "j",
                                               .start_time = "2025-12-10T12:00:00Z",
                                               .metrics_json = "{\"m\":1}"),
                                    NULL),
                     TEL_OK);
    assert_int_equal(tel_record_new(&bench->changes,
                                    TEL_FIELDS(.status = "success", .agent_name = "another"), NULL),
                     TEL_OK);
    *state = bench;
    return 0;
}

static int teardown(void **state)
{
    struct bench *bench = *state;

    tel_buffer_free(bench->buffer);
    tel_record_free(bench->record);
    tel_record_free(bench->changes);
    tel_config_free(bench->config);
    free(bench->directory);
    scratch_remove(bench->scratch);
    free(bench);
    return 0;
}

static size_t lines_in(const struct bench *bench, const char *state)
{
    CLEANUP(freep) char *text = scratch_read_all(bench->directory, state);

    return count_lines(text);
}

static void append__keeps_runs_whole_and_updates_as_updates(void **state)
{
    struct bench *bench = *state;
    CLEANUP(freep) char *text = NULL;

    assert_int_equal(tel_buffer_append(bench->buffer, bench->record, NULL), TEL_OK);
    assert_int_equal(tel_buffer_append_update(bench->buffer, "e", bench->changes, NULL), TEL_OK);
    text = scratch_read_all(bench->directory, ".jsonl.active");
    assert_int_equal(count_lines(text), 2);
    assert_ptr_equal(strstr(text, "{\"record_type\":\"run\",\"event_id\":\"e\",\"run_id\":\"r\","),
                     text);
    assert_non_null(strstr(text,
                           "\"metrics_json\":\"{\\\"m\\\":1}\"}\n"
                           "{\"record_type\":\"update\",\"event_id\":\"e\",\"buffered_at\":"));
    assert_non_null(strstr(text, ",\"status\":\"success\"}\n"));
    assert_null(strstr(text, "another")); /* it may not be changed */
}

static void force_rotate__makes_the_file_ready_and_begins_another(void **state)
{
    struct bench *bench = *state;

    assert_int_equal(tel_buffer_force_rotate(bench->buffer, NULL), TEL_OK);
    assert_int_equal(tel_buffer_append(bench->buffer, bench->record, NULL), TEL_OK);
    assert_int_equal(tel_buffer_force_rotate(bench->buffer, NULL), TEL_OK);
    assert_int_equal(lines_in(bench, ".jsonl.ready"), 1);
    assert_int_equal(lines_in(bench, ".jsonl.active"), 0);
    assert_int_equal(tel_buffer_append(bench->buffer, bench->record, NULL), TEL_OK);
    assert_int_equal(lines_in(bench, ".jsonl.active"), 1);
}

static void free__makes_the_file_ready(void **state)
{
    struct bench *bench = *state;

    assert_int_equal(tel_buffer_append(bench->buffer, bench->record, NULL), TEL_OK);
    tel_buffer_free(bench->buffer);
    bench->buffer = NULL;
    assert_int_equal(lines_in(bench, ".jsonl.ready"), 1);
}

static void new__without_a_directory_takes_the_configured_one(void **state)
{
    struct bench *bench = *state;
    CLEANUP(freep) char *directory = scratch_path(bench->scratch, "base/buffer");
    CLEANUP(freep) char *text = NULL;

    tel_buffer_free(bench->buffer);
    assert_int_equal(tel_buffer_new(&bench->buffer, NULL, NULL), TEL_OK);
    assert_int_equal(tel_buffer_append(bench->buffer, bench->record, NULL), TEL_OK);
    text = scratch_read_all(directory, ".jsonl.active");
    assert_int_equal(count_lines(text), 1);
}

/* ---- Delivering -------------------------------------------------------------------------------- */

static tel_error sync_with(struct bench *bench, struct peer_script *script, int64_t timeout_ms,
                           tel_sync_report *report, tel_fault *fault)
{
    struct peer *peer = peer_start(peer_follow, script);
    tel_http_client *http;
    tel_error error;

    assert_int_equal(tel_http_client_new(&http, peer_url(peer), bench->config, NULL), TEL_OK);
    error = tel_buffer_sync(bench->buffer, http, timeout_ms, report, fault);
    tel_http_client_free(http);
    peer_stop(peer);
    return error;
}

static void sync__delivers_in_order_and_tells_what_became_of_it(void **state)
{
    struct bench *bench = *state;
    struct peer_script *script = calloc(1, sizeof *script);
    tel_sync_report report;

    assert_non_null(script);
    script->answers[0] = (struct peer_reply){
        "200 OK", "{\"results\":[{\"index\":0,\"event_id\":\"e\",\"result\":\"created\"},"
                  "{\"index\":1,\"event_id\":\"e\",\"result\":\"updated\"},"
                  "{\"index\":2,\"event_id\":\"e\",\"result\":\"invalid\",\"reason\":\"odd\"}]}"};
    assert_int_equal(tel_buffer_append(bench->buffer, bench->record, NULL), TEL_OK);
    assert_int_equal(tel_buffer_append_update(bench->buffer, "e", bench->changes, NULL), TEL_OK);
    assert_int_equal(tel_buffer_append_update(bench->buffer, "e", bench->changes, NULL), TEL_OK);
    assert_int_equal(sync_with(bench, script, 60000, &report, NULL), TEL_OK);
    assert_int_equal(report.files, 1);
    assert_int_equal(report.created, 1);
    assert_int_equal(report.updated, 1);
    assert_int_equal(report.rejected, 1);
    assert_int_equal(report.duplicates + report.carried, 0);
    assert_int_equal(lines_in(bench, ".jsonl.synced"), 3);
    assert_int_equal(lines_in(bench, ".jsonl.rejected"), 1);
    free(script);
}

static void sync__leaves_everything_when_the_service_is_away(void **state)
{
    struct bench *bench = *state;
    struct peer_script *script = calloc(1, sizeof *script);
    tel_sync_report report;
    tel_fault fault = {0};

    assert_non_null(script);
    script->answers[0] = (struct peer_reply){"503 X", "{}"};
    assert_int_equal(tel_buffer_append(bench->buffer, bench->record, NULL), TEL_OK);
    assert_int_equal(sync_with(bench, script, 60000, &report, &fault), TEL_E_UNAVAILABLE);
    assert_non_null(strstr(fault.text, "answered 503"));
    assert_int_equal(report.files, 0);
    assert_int_equal(lines_in(bench, ".jsonl.ready"), 1);
    assert_int_equal(sync_with(bench, script, 0, &report, &fault), TEL_E_UNAVAILABLE);
    assert_string_equal(fault.text, "there was no time for the whole buffer");
    free(script);
}

/* ---- Bad luck ---------------------------------------------------------------------------------- */

static void append__says_that_a_directory_cannot_be_made(void **state)
{
    struct bench *bench = *state;
    CLEANUP(freep) char *file = scratch_path(bench->scratch, "elsewhere");
    tel_fault fault = {0};

    scratch_write(file, "in the way");
    assert_int_equal(tel_buffer_append(bench->buffer, bench->record, &fault), TEL_E_IO);
    assert_non_null(strstr(fault.text, file));
}

static void append__survives_a_file_size_limit_and_goes_on_behind_it(void **state)
{
    struct bench *bench = *state;
    struct rlimit unlimited;
    struct rlimit small;
    tel_error error;

    assert_int_equal(tel_buffer_append(bench->buffer, bench->record, NULL), TEL_OK);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &unlimited), 0);
    small = (struct rlimit){.rlim_cur = 300, .rlim_max = unlimited.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    error = tel_buffer_append(bench->buffer, bench->record, NULL);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &unlimited), 0);
    assert_int_equal(error, TEL_E_IO);
    assert_int_equal(tel_buffer_append(bench->buffer, bench->record, NULL), TEL_OK);
    assert_true(lines_in(bench, ".jsonl.active") >= 2); /* the torn one has a line of its own */
}

static void append__without_a_descriptor_left_fails_and_works_again_later(void **state)
{
    struct bench *bench = *state;
    struct rlimit enough;
    struct rlimit none;
    tel_error error;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &enough), 0);
    none = (struct rlimit){.rlim_cur = 3, .rlim_max = enough.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    error = tel_buffer_append(bench->buffer, bench->record, NULL);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &enough), 0);
    assert_int_equal(error, TEL_E_IO);
    assert_int_equal(tel_buffer_append(bench->buffer, bench->record, NULL), TEL_OK);
    assert_int_equal(lines_in(bench, ".jsonl.active"), 1);
}

static void fork__gives_parent_and_child_a_file_each(void **state)
{
    struct bench *bench = *state;
    pid_t child;
    int status;

    assert_int_equal(tel_buffer_append(bench->buffer, bench->record, NULL), TEL_OK);
    child = fork();
    if (child == 0) {
        tel_error error = tel_buffer_append(bench->buffer, bench->record, NULL);

        tel_buffer_free(bench->buffer);
        _exit(error != TEL_OK);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(tel_buffer_append(bench->buffer, bench->record, NULL), TEL_OK);
    assert_int_equal(lines_in(bench, ".jsonl.ready"), 1);
    assert_int_equal(lines_in(bench, ".jsonl.active"), 2);
}

static void arguments__that_make_no_sense_are_refused(void **state)
{
    struct bench *bench = *state;
    tel_buffer *none = (tel_buffer *)state;
    tel_sync_report report = {.files = 7};
    tel_record *empty;
    tel_fault fault;

    assert_int_equal(tel_record_new(&empty, NULL, NULL), TEL_OK);
    errno = 4242;
    assert_int_equal(tel_buffer_new(NULL, "/tmp", NULL), TEL_E_INVALID);
    assert_int_equal(tel_buffer_new(&none, "", NULL), TEL_E_INVALID);
    assert_null(none);
    tel_buffer_free(NULL);
    assert_int_equal(tel_buffer_append(NULL, bench->record, NULL), TEL_E_INVALID);
    assert_int_equal(tel_buffer_append(bench->buffer, NULL, NULL), TEL_E_INVALID);
    assert_int_equal(tel_buffer_append(bench->buffer, empty, &fault), TEL_E_INVALID);
    assert_string_equal(fault.text, "a run needs an event_id to be buffered");
    assert_int_equal(tel_buffer_append_update(NULL, "e", bench->changes, NULL), TEL_E_INVALID);
    assert_int_equal(tel_buffer_append_update(bench->buffer, NULL, bench->changes, NULL),
                     TEL_E_INVALID);
    assert_int_equal(tel_buffer_append_update(bench->buffer, "", bench->changes, NULL),
                     TEL_E_INVALID);
    assert_int_equal(tel_buffer_append_update(bench->buffer, "e", NULL, NULL), TEL_E_INVALID);
    assert_int_equal(tel_buffer_append_update(bench->buffer, "e", empty, &fault), TEL_E_INVALID);
    assert_int_equal(tel_buffer_force_rotate(NULL, NULL), TEL_E_INVALID);
    assert_int_equal(tel_buffer_sync(bench->buffer, NULL, 1, &report, NULL), TEL_E_INVALID);
    assert_int_equal(report.files, 0);
    assert_int_equal(errno, 4242);
    assert_int_equal(lines_in(bench, ""), 0);
    tel_record_free(empty);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(append__keeps_runs_whole_and_updates_as_updates),
        TEST(force_rotate__makes_the_file_ready_and_begins_another),
        TEST(free__makes_the_file_ready),
        TEST(new__without_a_directory_takes_the_configured_one),
        TEST(sync__delivers_in_order_and_tells_what_became_of_it),
        TEST(sync__leaves_everything_when_the_service_is_away),
        TEST(append__says_that_a_directory_cannot_be_made),
        TEST(append__survives_a_file_size_limit_and_goes_on_behind_it),
        TEST(append__without_a_descriptor_left_fails_and_works_again_later),
        TEST(fork__gives_parent_and_child_a_file_each),
        TEST(arguments__that_make_no_sense_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
