/* SPDX-License-Identifier: MIT
 *
 * After an unclean stop the trail is compared with the database. Whatever fails meanwhile, memory, the
 * disk, the database: it is said, no line is taken for a bad one, and all stays due for the next. What is
 * brought in, and into what, is in tests/e2e/test_recovery.py.
 */
#include "support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "deliver/recovery.h"
#include "support/calls.h"
#include "support/database.h"
#include "support/nomem.h"
#include "support/nomem_sqlite.h"
#include "support/scratch.h"

#define RUN(event_id, run_id)                                                           \
    "{\"record_type\":\"run\",\"event_id\":\"" event_id "\",\"run_id\":\"" run_id "\"," \
    "\"agent_name\":\"crawler\",\"job_type\":\"nightly\","                              \
    "\"start_time\":\"2025-12-10T12:00:00Z\",\"metrics_json\":{\"pages\":[1,2]}}\n"
#define UPDATE(event_id)                                         \
    "{\"record_type\":\"update\",\"event_id\":\"" event_id "\"," \
    "\"status\":\"success\",\"end_time\":\"2025-12-10T12:30:00Z\"}\n"

/* A line of each kind that may be in a trail. */
static const char trail[] = RUN("e1", "r1") UPDATE(
    "e1") "{\"record_type\":\"event\",\"event_type\":\"page\",\"run_id\":\"r1\"}\n"
          "{\"record_type\":\"event\",\"event_type\":\"associate_commit\",\"run_id\":\"r1\","
          "\"timestamp\":\"2025-12-10T12:31:00Z\","
          "\"payload_json\":\"{\\\"commit_hash\\\":\\\"0123abc\\\",\\\"commit_source\\\":\\\"llm\\\"}\"}\n"
          "{\"endpoint\":\"/api/v1/runs\",\"payload\":\"{\\\"event_id\\\":\\\"e2\\\","
          "\\\"run_id\\\":\\\"r2\\\",\\\"agent_name\\\":\\\"crawler\\\",\\\"job_type\\\":\\\"nightly\\\","
          "\\\"start_time\\\":\\\"2025-12-10T12:00:00Z\\\"}\"}\n"
          "{\"endpoint\":\"/api/v1/runs/e2\",\"method\":\"PATCH\",\"payload\":{\"status\":\"failure\","
          "\"end_time\":\"2025-12-10T12:30:00Z\"}}\n"
          "{\"endpoint\":\"/api/v1/runs/e2/associate-commit\",\"payload\":{\"commit_hash\":\"0123abc\","
          "\"commit_source\":\"llm\"}}\n";
static const char outcome[] =
    "SELECT group_concat(event_id || status || git_commit_hash) FROM agent_runs";
#define ALL "e1success0123abc,e2failure0123abc"

static struct {
    char *scratch;
    char *database;
    char *state; /* of the recovery */
    char *file;  /* of the trail */
    tel_config *config;
    struct store *store;
    struct recovery recovery;
    struct trail_report report;
    char log[4096];
} place;

static void tell(void *arg, tel_log_level level, const char *message)
{
    size_t length = strlen(place.log);

    (void)arg;
    if (level > TEL_LOG_INFO)
        (void)snprintf(place.log + length, sizeof place.log - length, "%s\n", message);
}

static const struct log its_log = {.write = tell, .level = TEL_LOG_DEBUG};

static int set_up(void **state)
{
    CLEANUP(freep) char *directory = NULL;
    struct store_options options;

    (void)state;
    memset(&place, 0, sizeof place);
    place.scratch = scratch_make();
    place.database = scratch_path(place.scratch, "base/db/telemetry.sqlite");
    place.state = scratch_path(place.scratch, "base/db/telemetry.sqlite.trail");
    place.file = scratch_path(place.scratch, "base/raw/events_20251210.ndjson");
    directory = scratch_path(place.scratch, "base/raw");
    assert_int_equal(tel_config_new(&place.config), TEL_OK);
    assert_int_equal(tel_config_set(place.config, "TELEMETRY_DB_BUSY_TIMEOUT_MS", "0"), TEL_OK);
    options = (struct store_options){.path = place.database};
    assert_int_equal(store_open(&place.store, &options, NULL), TEL_OK);
    assert_int_equal(mkdir(directory, 0700), 0);
    scratch_write(place.file, trail);
    return chmod(place.file, 0600);
}

static int tear_down(void **state)
{
    (void)state;
    recovery_clear(&place.recovery);
    store_close(place.store);
    tel_config_free(place.config);
    free(place.database);
    free(place.state);
    free(place.file);
    scratch_remove(place.scratch);
    return 0;
}

static tel_error deliver(void *arg, struct write **writes, size_t count, tel_fault *fault)
{
    return store_apply(arg, writes, count, fault);
}

static tel_error look_and_begin(tel_fault *fault)
{
    tel_error error;

    recovery_clear(&place.recovery);
    *place.log = '\0';
    error = recovery_look(&place.recovery, place.config, &its_log, fault);
    return error ? error : recovery_begin(&place.recovery, fault);
}

static tel_error run(tel_fault *fault)
{
    return recovery_run(&place.recovery, deliver, place.store, &place.report, fault);
}

static tel_error live(void)
{
    tel_error error = look_and_begin(NULL);

    memset(&place.report, 0, sizeof place.report);
    if (!error) /* whoever is killed from here on is known to have been */
        assert_int_equal(access(place.state, F_OK), 0);
    if (!error && place.recovery.is_due)
        error = run(NULL);
    recovery_end(&place.recovery);
    return error;
}

static void assert_holds(const char *expected)
{
    CLEANUP(freep) char *found = other_text(place.database, outcome);

    assert_string_equal(found, expected);
}

/* ---- Memory ---------------------------------------------------------------------------------- */

/* Live with the n-th allocation failing (0: none), and return how many there were. */
static long live_without_memory(long n)
{
    tel_error error;
    long made;

    other_exec(place.database, "DELETE FROM agent_runs");
    (void)unlink(place.state);
    nomem_arm(n, n);
    error = live();
    made = nomem_disarm();
    if (error != TEL_E_IO) /* a directory cannot be read */
        assert_int_equal(error, error ? TEL_E_NOMEM : TEL_OK);
    assert_int_equal(place.report.counts.bad + place.report.refused + place.report.lost, 0);
    if (error) {
        assert_true(n > 0);
        assert_int_equal(live(), TEL_OK);
    }
    assert_holds(ALL);
    return made;
}

static void recovery__without_memory_leaves_nothing_out(void **state)
{
    long made;

    (void)state;
    if (!MALLOC_MAY_BE_OURS)
        skip();
    nomem_spares_sqlite = true;
    made = live_without_memory(0);
    for (long n = 1; n <= made; n++)
        (void)live_without_memory(n);
    nomem_spares_sqlite = false;
    assert_in_range(made, 50, 5000);
}

/* ---- The database ---------------------------------------------------------------------------- */

static void line_that_the_database_refuses__is_told_and_holds_no_other_up(void **state)
{
    (void)state;
    other_exec(place.database, "CREATE UNIQUE INDEX theirs ON agent_runs (run_id)");
    scratch_write(place.file, RUN("e1", "r1") RUN("e2", "r1") UPDATE("e1") UPDATE("e3"));
    assert_int_equal(live(), TEL_OK);
    assert_int_equal(place.report.created, 1);
    assert_int_equal(place.report.updated, 1);
    assert_int_equal(place.report.refused, 1);
    assert_int_equal(place.report.lost, 1);
    assert_non_null(strstr(place.log, "events_20251210.ndjson:2 is left out: the database takes no"
                                      " such value"));
    assert_int_equal(other_int(place.database, "SELECT count(*) FROM agent_runs"
                                               " WHERE event_id = 'e1' AND status = 'success'"),
                     1);
}

static void database_that_others_hold__leaves_all_due(void **state)
{
    tel_fault fault = {0};
    void *other;

    (void)state;
    assert_int_equal(look_and_begin(NULL), TEL_OK);
    other = other_begin(place.database, "BEGIN EXCLUSIVE");
    assert_int_equal(run(&fault), TEL_E_BUSY);
    other_end(other);
    assert_non_null(strstr(fault.text, place.database));
    assert_true(place.recovery.is_due);
    recovery_end(&place.recovery);
    assert_int_equal(live(), TEL_OK);
    assert_holds(ALL);
}

/* ---- The state ------------------------------------------------------------------------------- */

static void what_is_no_state__is_refused_and_named(void **state)
{
    tel_fault fault = {0};

    (void)state;
    assert_int_equal(recovery_look(&place.recovery, place.config, &its_log, NULL), TEL_OK);
    assert_int_equal(mkdir(place.state, 0700), 0);
    assert_int_equal(recovery_begin(&place.recovery, &fault), TEL_E_CORRUPT);
    assert_non_null(strstr(fault.text, place.state));
    recovery_clear(&place.recovery);
    assert_int_equal(recovery_look(&place.recovery, place.config, &its_log, &fault), TEL_E_CORRUPT);
}

static void clean_stop__of_which_nobody_knows_the_boot_tells_nothing(void **state)
{
    (void)state;
    assert_int_equal(live(), TEL_OK);
    assert_int_equal(look_and_begin(NULL), TEL_OK);
    assert_false(place.recovery.is_due);
    calls_arm(1, 1, EMFILE, "open"); /* what tells the boot comes before the state... */
    recovery_end(&place.recovery);
    assert_int_equal(calls_disarm(), 2);
    recovery_clear(&place.recovery);
    calls_arm(2, 2, EMFILE, "open"); /* ...and behind it */
    assert_int_equal(recovery_look(&place.recovery, place.config, &its_log, NULL), TEL_OK);
    assert_int_equal(calls_disarm(), 2);
    assert_true(place.recovery.is_due);
}

static void state_that_cannot_be_written__is_told_and_leaves_all_due(void **state)
{
    (void)state;
    assert_int_equal(live(), TEL_OK);
    assert_int_equal(look_and_begin(NULL), TEL_OK);
    assert_false(place.recovery.is_due);
    calls_arm(1, LONG_MAX, ENOSPC, "write");
    recovery_note_settled(&place.recovery, clock_now_us() - 3 * 86400 * US_PER_SECOND);
    (void)calls_disarm();
    assert_non_null(strstr(place.log, place.state));
    *place.log = '\0';
    calls_arm(1, LONG_MAX, ENOSPC, "ftruncate");
    recovery_end(&place.recovery);
    (void)calls_disarm();
    assert_non_null(strstr(place.log, place.state));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(recovery__without_memory_leaves_nothing_out),
        TEST(line_that_the_database_refuses__is_told_and_holds_no_other_up),
        TEST(database_that_others_hold__leaves_all_due),
        TEST(what_is_no_state__is_refused_and_named),
        TEST(clean_stop__of_which_nobody_knows_the_boot_tells_nothing),
        TEST(state_that_cannot_be_written__is_told_and_leaves_all_due),
    };

    nomem_watch_sqlite();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
