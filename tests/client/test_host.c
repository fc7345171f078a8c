/* SPDX-License-Identifier: MIT
 *
 * The host program is never harmed: absurd arguments, files that cannot be written, its descriptors.
 */
#include "support/cmocka_all.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "support/client_world.h"
#include "support/peer.h"
#include "support/scratch.h"

/* ---- Arguments ------------------------------------------------------------------------------- */

static void arguments__null_handles_do_nothing_and_say_so(void **state)
{
    tel_run *run = (tel_run *)state;
    tel_client *client = (tel_client *)state;
    char run_id[TEL_RUN_ID_SIZE] = "x";

    assert_int_equal(tel_client_new(NULL, NULL), TEL_E_INVALID);
    tel_client_free(NULL);
    assert_int_equal(tel_run_start(&run, NULL, TEL_FIELDS(.agent_name = "a", .job_type = "j")),
                     TEL_E_INVALID);
    assert_null(run);
    assert_int_equal(tel_run_start(NULL, client, NULL), TEL_E_INVALID);
    assert_string_equal(tel_run_id(NULL), "");
    assert_string_equal(tel_run_event_id(NULL), "");
    assert_int_equal(tel_run_log_event(NULL, "e", NULL), TEL_E_INVALID);
    assert_int_equal(tel_run_set_metrics(NULL, TEL_FIELDS(.product = "x")), TEL_E_INVALID);
    assert_int_equal(tel_run_set(NULL, "product", "x"), TEL_E_INVALID);
    assert_int_equal(tel_run_set_int(NULL, "items_failed", 1), TEL_E_INVALID);
    assert_int_equal(tel_run_end(&run, NULL, NULL), TEL_E_INVALID);
    assert_int_equal(tel_run_end(NULL, NULL, NULL), TEL_E_INVALID);
    assert_int_equal(tel_client_start_run(NULL, run_id, "a", "j", NULL), TEL_E_INVALID);
    assert_string_equal(run_id, "");
    assert_int_equal(tel_client_log_event(NULL, "r", "e", NULL), TEL_E_INVALID);
    assert_int_equal(tel_client_end_run(NULL, "r", NULL, NULL), TEL_E_INVALID);
}

static void arguments__missing_and_empty_ones_are_refused(void **state)
{
    struct world *world = *state;
    tel_client *client = world_connect(world, "TELEMETRY_MODE", "embedded", NULL);
    char run_id[TEL_RUN_ID_SIZE];
    tel_run *run = NULL;
    CLEANUP(freep) char *trail = NULL;

    assert_int_equal(tel_client_start_run(client, NULL, "a", "j", NULL), TEL_E_INVALID);
    assert_int_equal(tel_client_start_run(client, run_id, NULL, "j", NULL), TEL_E_INVALID);
    assert_int_equal(tel_client_start_run(client, run_id, "a", "", NULL), TEL_E_INVALID);
    assert_int_equal(tel_client_log_event(client, NULL, "e", NULL), TEL_E_INVALID);
    assert_int_equal(tel_client_log_event(client, " ", "e", NULL), TEL_E_INVALID);
    assert_int_equal(tel_client_log_event(client, "../r", "e", NULL), TEL_E_INVALID);
    assert_int_equal(tel_client_log_event(client, "r", NULL, NULL), TEL_E_INVALID);
    assert_int_equal(tel_client_log_event(client, "r", "", NULL), TEL_E_INVALID);
    assert_int_equal(tel_client_end_run(client, NULL, NULL, NULL), TEL_E_INVALID);
    assert_int_equal(tel_client_end_run(client, "", NULL, NULL), TEL_E_NOT_FOUND);
    trail = world_trail(world);
    assert_string_equal(trail, "");

    tel_run_start(&run, client, TEL_FIELDS(.agent_name = "a", .job_type = "j"));
    assert_int_equal(tel_run_log_event(run, NULL, NULL), TEL_E_INVALID);
    assert_int_equal(tel_run_log_event(run, "", NULL), TEL_E_INVALID);
    assert_int_equal(tel_run_set_metrics(run, NULL), TEL_E_INVALID);
    assert_int_equal(tel_run_set(run, NULL, "x"), TEL_E_INVALID);
    assert_int_equal(tel_run_set(run, "", "x"), TEL_OK); /* an unknown name */
    tel_run_end(&run, NULL, NULL);
}

static char *filled(size_t length, char c)
{
    char *text = malloc(length + 1);

    memset(text, c, length);
    text[length] = '\0';
    return text;
}

static void arguments__absurd_ones_are_recorded_or_refused(void **state)
{
    struct world *world = *state;
    tel_client *client = world_connect(world, "TELEMETRY_MODE", "embedded", NULL);
    CLEANUP(freep) char *large = filled((size_t)1024 * 1024, 'x');
    CLEANUP(freep) char *too_large = filled((size_t)24 * 1024 * 1024, 'x');
    CLEANUP(freep) char *deep = filled(100000, '[');
    CLEANUP(record_clear) struct tel_record stored = RECORD();
    tel_run *run = NULL;

    assert_int_equal(tel_run_start(&run, client,
                                   TEL_FIELDS(.agent_name = large, .job_type = "\xff\x01\n\"",
                                              .run_id = large, .duration_ms = INT64_MIN,
                                              .items_failed = INT64_MAX, .product = large,
                                              .metrics_json = deep, .event_id = "absurd")),
                     TEL_OK);
    assert_int_equal(world_stored(world, "absurd", &stored), TEL_OK);
    assert_string_equal(stored.fields.agent_name, large);
    assert_string_equal(stored.fields.job_type, "\xef\xbf\xbd\x01\n\"");
    assert_true(strlen(tel_run_id(run)) < TEL_RUN_ID_SIZE);
    assert_true(stored.fields.items_failed == INT64_MAX);
    assert_int_equal(tel_run_log_event(run, large, large), TEL_OK);
    assert_int_equal(tel_run_log_event(run, "e", too_large), TEL_E_TOO_LARGE);
    assert_int_equal(tel_run_log_event(run, "e", deep), TEL_OK); /* kept as a string */
    assert_int_equal(tel_run_end(&run, large, NULL), TEL_E_INVALID);
    assert_int_equal(world_stored(world, "absurd", &stored), TEL_OK);
    assert_string_equal(stored.fields.status, "failure");
}

/* ---- Files that cannot be written ------------------------------------------------------------ */

static void record_a_run(tel_client *client, tel_error expected)
{
    tel_run *run = NULL;

    assert_int_equal(tel_run_start(&run, client, TEL_FIELDS(.agent_name = "a", .job_type = "j")),
                     expected);
    assert_int_equal(tel_run_log_event(run, "e", "{}"), expected ? TEL_E_INVALID : TEL_OK);
    assert_int_equal(tel_run_end(&run, NULL, NULL), expected ? TEL_E_INVALID : TEL_OK);
}

static void files__a_base_directory_that_is_a_file_is_said(void **state)
{
    struct world *world = *state;
    CLEANUP(freep) char *base = scratch_path(world->scratch, "file");

    scratch_write(base, "x");
    record_a_run(world_connect(world, "TELEMETRY_BASE_DIR", base, "TELEMETRY_API_URL",
                               "http://127.0.0.1:1", NULL),
                 TEL_E_IO);
    assert_non_null(strstr(world->log, base));
    record_a_run(world_connect(world, "TELEMETRY_BASE_DIR", base, "TELEMETRY_MODE", "embedded",
                               NULL),
                 TEL_E_IO);
}

static void files__a_trail_that_cannot_be_written_leaves_the_database(void **state)
{
    struct world *world = *state;
    tel_run *run = NULL;

    assert_int_equal(tel_run_start(&run,
                                   world_connect(world, "TELEMETRY_MODE", "embedded",
                                                 "TELEMETRY_NDJSON_DIR", "/proc/self/none", NULL),
                                   TEL_FIELDS(.agent_name = "a", .job_type = "j")),
                     TEL_OK);
    assert_int_equal(tel_run_log_event(run, "e", NULL), TEL_E_IO);
    assert_int_equal(tel_run_end(&run, NULL, NULL), TEL_OK);
    assert_int_equal(world_stored_count(world), 1);
    assert_non_null(strstr(world->log, "/proc/self/none"));
}

static void files__no_service_and_no_buffer_leave_the_trail(void **state)
{
    struct world *world = *state;
    struct peer *refused = peer_start(NULL, NULL);
    CLEANUP(freep) char *trail = NULL;

    record_a_run(world_connect(world, "TELEMETRY_API_URL", peer_url(refused),
                               "TELEMETRY_BUFFER_DIR", "/proc/self/none", NULL),
                 TEL_OK);
    trail = world_trail(world);
    assert_int_equal(count_lines(trail), 3);
    assert_non_null(strstr(world->log, "/proc/self/none"));
    peer_stop(refused);
}

static void files__a_file_size_limit_does_not_kill_the_host(void **state)
{
    struct world *world = *state;
    tel_client *client = world_connect(world, "TELEMETRY_MODE", "embedded", NULL);
    struct rlimit unlimited;
    struct rlimit small = {.rlim_cur = 100};
    tel_run *run = NULL;
    tel_error error;
    sigset_t pending;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &unlimited), 0);
    small.rlim_max = unlimited.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    error = tel_run_start(&run, client, TEL_FIELDS(.agent_name = "a", .job_type = "j"));
    (void)tel_run_log_event(run, "e", NULL);
    (void)tel_run_end(&run, NULL, NULL);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &unlimited), 0);
    assert_int_equal(error, TEL_E_IO);
    assert_int_equal(sigpending(&pending), 0);
    assert_false(sigismember(&pending, SIGXFSZ));

    record_a_run(client, TEL_OK); /* and all is well again */
    assert_int_equal(world_stored_count(world), 1);
}

static void files__a_lock_on_the_trail_held_by_a_stopped_process_is_done_without(void **state)
{
    struct world *world = *state;
    tel_client *client =
        world_connect(world, "TELEMETRY_MODE", "embedded", "TELEMETRY_CALL_BUDGET_MS", "100", NULL);
    CLEANUP(freep) char *directory = scratch_path(world->scratch, "base/raw");
    CLEANUP(freep) char *trail = NULL;
    char date[9];
    char time[7];
    char name[64];
    int fd;

    record_a_run(client, TEL_OK);
    timestamp_compact(date, time, clock_now_us());
    (void)snprintf(name, sizeof name, "base/raw/events_%s.ndjson", date);
    {
        CLEANUP(freep) char *path = scratch_path(world->scratch, name);

        fd = open(path, O_RDONLY | O_CLOEXEC);
    }
    assert_true(fd >= 0);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    record_a_run(client, TEL_OK);
    (void)close(fd);
    trail = world_trail(world);
    assert_int_equal(count_lines(trail), 6);
    assert_int_equal(world_stored_count(world), 2);
    assert_non_null(strstr(world->log, "a line was written without the lock"));
}

/* ---- Descriptors ------------------------------------------------------------------------------- */

static size_t count_descriptors(void)
{
    size_t count = 0;

    for (int fd = 0; fd < 1024; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static void host__keeps_no_descriptor_when_the_client_is_gone(void **state)
{
    struct world *world = *state;
    size_t before = count_descriptors();

    record_a_run(world_connect(world, "TELEMETRY_MODE", "embedded", NULL), TEL_OK);
    record_a_run(world_connect(world, "TELEMETRY_API_URL", "http://127.0.0.1:1", NULL), TEL_OK);
    tel_client_free(world->client);
    world->client = NULL;
    assert_int_equal(count_descriptors(), before);
}

static void host__may_have_closed_its_standard_descriptors(void **state)
{
    struct world *world = *state;
    CLEANUP(freep) char *trail = NULL;
    int kept[3];

    for (int i = 0; i < 3; i++) {
        kept[i] = fcntl(i, F_DUPFD_CLOEXEC, 100);
        (void)close(i);
    }
    record_a_run(world_connect(world, "TELEMETRY_MODE", "embedded", NULL), TEL_OK);
    assert_int_equal(write(1, "stray output\n", 13), -1);
    assert_int_equal(write(2, "stray output\n", 13), -1);
    tel_client_free(world->client);
    world->client = NULL;
    for (int i = 0; i < 3; i++) {
        (void)dup2(kept[i], i);
        (void)close(kept[i]);
    }
    trail = world_trail(world);
    assert_int_equal(count_lines(trail), 3);
    assert_int_equal(world_stored_count(world), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arguments__null_handles_do_nothing_and_say_so),
        TEST(arguments__missing_and_empty_ones_are_refused),
        TEST(arguments__absurd_ones_are_recorded_or_refused),
        TEST(files__a_base_directory_that_is_a_file_is_said),
        TEST(files__a_trail_that_cannot_be_written_leaves_the_database),
        TEST(files__no_service_and_no_buffer_leave_the_trail),
        TEST(files__a_file_size_limit_does_not_kill_the_host),
        TEST(files__a_lock_on_the_trail_held_by_a_stopped_process_is_done_without),
        TEST(host__keeps_no_descriptor_when_the_client_is_gone),
        TEST(host__may_have_closed_its_standard_descriptors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
