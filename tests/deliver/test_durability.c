/* SPDX-License-Identifier: MIT
 *
 * What is synced when, and what others may do in between. fsync(), renameat2(), flock() and
 * clock_gettime() of this program are its own: they note the call and do it, or what the test wants to
 * happen just then.
 */
#include "support/cmocka_all.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "deliver/buffer.h"
#include "deliver/ndjson.h"
#include "deliver/recovery.h"
#include "deliver/sync.h"
#include "sheets/export_state.h"
#include "support/database.h"
#include "support/scratch.h"

#define OUR_NAME "telemetry_20251210_120530-tel-999999-0a1b2c3d.jsonl"

static struct {
    struct strbuf calls; /* "sync raw/; sync .ndjson; rename .ready .synced; " */
    size_t count;
    size_t fail_at;     /* the n-th call fails; 0: none */
    bool was_locked;    /* some file that was synced was locked at the time */
    const char *append; /* to the file that is renamed to .synced, just after that */
    const char *rename; /* the file that is locked, just before that */
    bool is_outrun;     /* somebody else always has the lock before us */
    time_t later;       /* by so many seconds the wall clock is ahead */
} spy;

static void spy_reset(size_t fail_at)
{
    strbuf_clear(&spy.calls);
    spy.calls = STRBUF(100000);
    spy.count = 0;
    spy.fail_at = fail_at;
    spy.was_locked = false;
    spy.append = NULL;
    spy.rename = NULL;
    spy.is_outrun = false;
    spy.later = 0;
}

/* Note a name by its ending, since its beginning differs from run to run. */
static void note(const char *what, const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *dot = strrchr(path, '.');

    strbuf_printf(&spy.calls, "%s %s; ", what, dot && dot > slash ? dot : slash + 1);
}

static bool fails(void)
{
    spy.count++;
    if (spy.count == spy.fail_at)
        errno = EIO;
    return spy.count == spy.fail_at;
}

static bool is_locked(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool locked = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0;

    if (fd >= 0)
        (void)close(fd);
    return locked;
}

int fsync(int fd)
{
    char link[64];
    char path[4096] = "/?";
    struct stat status;

    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    (void)!readlink(link, path, sizeof path - 1);
    if (fstat(fd, &status) == 0 && S_ISDIR(status.st_mode)) {
        note("sync-directory", path);
    } else {
        note("sync", path);
        spy.was_locked |= is_locked(path);
    }
    return fails() ? -1 : (int)syscall(SYS_fsync, fd);
}

int renameat2(int old_directory, const char *from, int new_directory, const char *to,
              unsigned flags)
{
    int result;

    note("rename", to);
    if (fails())
        return -1;
    result = (int)syscall(SYS_renameat2, old_directory, from, new_directory, to, flags);
    if (result == 0 && spy.append && strstr(to, ".synced")) {
        int fd = open(to, O_WRONLY | O_APPEND | O_CLOEXEC);

        assert_int_equal(write(fd, spy.append, strlen(spy.append)), strlen(spy.append));
        assert_int_equal(close(fd), 0);
        spy.append = NULL;
    }
    return result;
}

int flock(int fd, int operation)
{
    char link[64];
    char path[4096] = "";

    if (spy.is_outrun) {
        errno = EWOULDBLOCK;
        return -1;
    }
    if (spy.rename && operation == (LOCK_EX | LOCK_NB)) {
        (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        (void)!readlink(link, path, sizeof path - 1);
        assert_int_equal(rename(path, spy.rename), 0);
        spy.rename = NULL;
    }
    return (int)syscall(SYS_flock, fd, operation);
}

int clock_gettime(clockid_t id, struct timespec *now)
{
    int result = (int)syscall(SYS_clock_gettime, id, now);

    if (id == CLOCK_REALTIME)
        now->tv_sec += spy.later;
    return result;
}

static void check_calls(const char *expected)
{
    assert_string_equal(spy.calls.text ? spy.calls.text : "", expected);
    spy_reset(0);
}

static int teardown_spy(void **state)
{
    (void)state;
    strbuf_clear(&spy.calls);
    return 0;
}

/* ---- The audit trail --------------------------------------------------------------------------- */

static tel_error append(struct ndjson *ndjson)
{
    return ndjson_append(ndjson, clock_now_us(), "{}", 2, deadline_in(60000), NULL, NULL);
}

static void check_lines(const char *path, size_t expected)
{
    CLEANUP(freep) char *text = scratch_read(path);

    assert_int_equal(count_lines(text), expected);
}

static void ndjson__syncs_new_names_once_and_every_line(void **state)
{
    char *scratch = scratch_make();
    CLEANUP(freep) char *directory = scratch_path(scratch, "new/raw");
    CLEANUP(freep) char *expected = NULL;
    struct ndjson ndjson;

    (void)state;
    assert_int_equal(ndjson_init(&ndjson, directory, FILE_OWNER_ONLY, 1000), TEL_OK);
    spy_reset(0);
    assert_int_equal(append(&ndjson), TEL_OK);
    assert_false(spy.was_locked);
    assert_true(asprintf(&expected,
                         "sync-directory %s; sync-directory new; sync-directory raw; "
                         "sync .ndjson; ",
                         strrchr(scratch, '/') + 1) > 0);
    check_calls(expected);
    assert_int_equal(append(&ndjson), TEL_OK);
    assert_false(spy.was_locked);
    check_calls("sync .ndjson; ");
    ndjson_clear(&ndjson);
    scratch_remove(scratch);
}

static void ndjson__goes_on_in_the_next_days_file_when_the_day_ends(void **state)
{
    char *scratch = scratch_make();
    char today[9];
    char tomorrow[9];
    char time[7];
    CLEANUP(freep) char *first = NULL;
    CLEANUP(freep) char *second = NULL;
    struct ndjson ndjson;

    (void)state;
    spy_reset(0);
    assert_int_equal(ndjson_init(&ndjson, scratch, FILE_OWNER_ONLY, 1000), TEL_OK);
    spy.later = -(time_t)(clock_now_us() / US_PER_SECOND % 86400) + 43200; /* it is noon */
    timestamp_compact(today, time, clock_now_us());
    assert_int_equal(append(&ndjson), TEL_OK);
    spy.later += 86400 - 43200; /* midnight */
    timestamp_compact(tomorrow, time, clock_now_us());
    assert_int_equal(append(&ndjson), TEL_OK);
    assert_int_equal(append(&ndjson), TEL_OK);
    spy.later -= 86400 - 43200; /* the clock was put back */
    assert_int_equal(append(&ndjson), TEL_OK);
    first = ndjson_path(&ndjson, today);
    second = ndjson_path(&ndjson, tomorrow);
    assert_string_not_equal(first, second);
    check_lines(first, 2);
    check_lines(second, 2);
    ndjson_clear(&ndjson);
    scratch_remove(scratch);
}

static void ndjson__reports_a_sync_that_fails(void **state)
{
    char *scratch = scratch_make();
    CLEANUP(freep) char *text = NULL;
    struct ndjson ndjson;

    (void)state;
    assert_int_equal(ndjson_init(&ndjson, scratch, FILE_OWNER_ONLY, 1000), TEL_OK);
    spy_reset(1); /* of the directory: there is no line yet that could be lost */
    assert_int_equal(append(&ndjson), TEL_E_IO);
    spy_reset(2); /* of the line */
    assert_int_equal(append(&ndjson), TEL_E_IO);
    assert_non_null(strstr(spy.calls.text, "sync-directory "));
    spy_reset(0);
    assert_int_equal(append(&ndjson), TEL_OK);
    check_calls("sync .ndjson; ");
    text = scratch_read_all(scratch, ".ndjson");
    assert_string_equal(text, "{}\n{}\n");
    ndjson_clear(&ndjson);
    scratch_remove(scratch);
}

/* ---- The buffer -------------------------------------------------------------------------------- */

static struct buffer *open_buffer(const char *directory, int64_t bytes_max)
{
    const struct buffer_options options = {.directory = directory,
                                           .bytes_max = bytes_max,
                                           .age_max_ms = 100000};
    struct buffer *buffer;

    assert_int_equal(buffer_new(&buffer, &options), TEL_OK);
    return buffer;
}

static void buffer__syncs_names_and_lets_lines_be(void **state)
{
    char *scratch = scratch_make();
    CLEANUP(freep) char *directory = scratch_path(scratch, "base");
    struct buffer *buffer;

    (void)state;
    buffer = open_buffer(directory, 100);
    spy_reset(0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(buffer_append_line(buffer, "{}", 2, false, NULL), TEL_OK);
    check_calls("sync-directory base; ");
    assert_int_equal(buffer_make_durable(buffer, NULL), TEL_OK);
    check_calls("sync .active; ");
    spy_reset(1);
    assert_int_equal(buffer_make_durable(buffer, NULL), TEL_E_IO);
    spy_reset(0);
    buffer_free(buffer);
    check_calls("rename .ready; sync-directory base; ");
    scratch_remove(scratch);
}

static void buffer__syncs_a_line_that_is_to_be_durable(void **state)
{
    char *scratch = scratch_make();
    struct buffer *buffer;

    (void)state;
    buffer = open_buffer(scratch, 100);
    spy_reset(0);
    assert_int_equal(buffer_append_line(buffer, "{}", 2, false, NULL), TEL_OK);
    spy_reset(0);
    assert_int_equal(buffer_append_line(buffer, "{}", 2, true, NULL), TEL_OK);
    check_calls("sync .active; ");
    spy_reset(1);
    assert_int_equal(buffer_append_line(buffer, "{}", 2, true, NULL), TEL_E_IO);
    spy_reset(0);
    buffer_free(buffer);
    scratch_remove(scratch);
}

static void buffer__goes_on_when_its_file_cannot_be_made_ready(void **state)
{
    char *scratch = scratch_make();
    CLEANUP(freep) char *directory = scratch_path(scratch, "base");
    CLEANUP(freep) char *text = NULL;
    struct buffer *buffer;

    (void)state;
    buffer = open_buffer(directory, 6);
    spy_reset(1); /* the name of a new file: nothing was appended */
    assert_int_equal(buffer_append_line(buffer, "{}", 2, false, NULL), TEL_E_IO);
    assert_int_equal(buffer_append_line(buffer, "{}", 2, false, NULL), TEL_OK);
    spy_reset(1); /* the rename: the line is appended all the same */
    assert_int_equal(buffer_append_line(buffer, "{}", 2, false, NULL), TEL_OK);
    spy_reset(0);
    assert_int_equal(buffer_append_line(buffer, "{}", 2, false, NULL), TEL_OK);
    text = scratch_read_all(directory, ".ready");
    assert_string_equal(text, "{}\n{}\n{}\n");
    buffer_free(buffer);
    scratch_remove(scratch);
}

static void buffer__says_so_when_no_file_can_be_had_alone(void **state)
{
    char *scratch = scratch_make();
    CLEANUP(freep) char *directory = scratch_path(scratch, "base");
    struct buffer *buffer;
    CLEANUP(freep) char *text = NULL;

    (void)state;
    buffer = open_buffer(directory, 100);
    spy_reset(0);
    spy.is_outrun = true;
    assert_int_equal(buffer_append_line(buffer, "{}", 2, false, NULL), TEL_E_BUSY);
    spy_reset(0);
    assert_int_equal(buffer_append_line(buffer, "{}", 2, false, NULL), TEL_OK);
    buffer_free(buffer);
    text = scratch_read_all(directory, ".ready");
    assert_string_equal(text, "{}\n");
    scratch_remove(scratch);
}

/* ---- The sync ---------------------------------------------------------------------------------- */

struct bench {
    struct fixture *fixture;
    char *directory;
    struct sync_options options;
    struct sync_report report;
    size_t batches;
    size_t refuse_at; /* this batch; 0: none */
};

static tel_error deliver(void *arg, struct write **writes, size_t count, tel_fault *fault)
{
    struct bench *bench = arg;
    size_t fail_at = spy.fail_at;
    size_t calls = spy.count;
    size_t length = spy.calls.length;
    tel_error error;

    if (++bench->batches == bench->refuse_at)
        return fault_set(fault, TEL_E_UNAVAILABLE, "the store is away");
    spy.fail_at = 0; /* the store's own syncs are tested with the store */
    error = store_apply(bench->fixture->store, writes, count, fault);
    strbuf_truncate(&spy.calls, length);
    spy.count = calls;
    spy.fail_at = fail_at;
    return error;
}

#define RUN(event_id)                                                                          \
    "{\"event_id\":\"" event_id "\",\"run_id\":\"r\",\"agent_name\":\"a\",\"job_type\":\"j\"," \
    "\"start_time\":\"2025-12-10T12:05:30Z\"}\n"

/* One record of each fate: created, rejected, carried on. */
static void bench_make(struct bench *bench)
{
    CLEANUP(freep) char *path = NULL;
    void *fixture = NULL;

    *bench = (struct bench){.batches = 0};
    assert_int_equal(fixture_setup(&fixture), 0);
    bench->fixture = fixture;
    (void)fixture_open(bench->fixture);
    bench->directory = scratch_path(bench->fixture->directory, "base");
    bench->options = (struct sync_options){.directory = bench->directory,
                                           .batch_size = 100,
                                           .stale_ms = 60000,
                                           .update_age_max_ms = INT64_MAX / 1000};
    path = scratch_path(bench->directory, OUR_NAME ".active");
    scratch_write(
        path,
        RUN("e1") "bad\n"
                  "{\"record_type\":\"update\",\"event_id\":\"later\",\"status\":\"success\"}\n");
}

static void bench_clear(struct bench *bench)
{
    void *fixture = bench->fixture;

    free(bench->directory);
    assert_int_equal(fixture_teardown(&fixture), 0);
}

static tel_error sync_now(struct bench *bench)
{
    return buffer_sync(&bench->options, deliver, bench, &bench->report, NULL);
}

static void sync__makes_all_durable_before_it_calls_a_file_synced(void **state)
{
    struct bench bench;

    (void)state;
    bench_make(&bench);
    spy_reset(0);
    assert_int_equal(sync_now(&bench), TEL_OK);
    check_calls("rename .ready; sync-directory base; " /* taken over */
                "sync-directory base; sync .active; "  /* carried on */
                "sync .rejected; sync-directory base; "
                "rename .synced; sync-directory base; "
                "rename .ready; sync-directory base; "); /* what was carried */
    bench_clear(&bench);
}

static void check_all_there(const struct bench *bench)
{
    CLEANUP(freep) char *active = scratch_read_all(bench->directory, ".active");
    CLEANUP(freep) char *ready = scratch_read_all(bench->directory, ".ready");
    CLEANUP(freep) char *rejected = scratch_read_all(bench->directory, ".rejected");

    assert_int_equal(other_int(bench->fixture->path, "SELECT count(*) FROM agent_runs"), 1);
    assert_int_equal(count_of(rejected, "\"line\":\"bad\""), 1);
    assert_true(count_of(ready, "\"later\"") + count_of(active, "\"later\"") >= 1);
}

static void sync__loses_nothing_whatever_sync_or_rename_fails(void **state)
{
    size_t failed = 0;

    (void)state;
    for (size_t n = 1;; n++) {
        struct bench bench;
        size_t calls;

        bench_make(&bench);
        spy_reset(n);
        failed += sync_now(&bench) != TEL_OK;
        calls = spy.count;
        spy_reset(0);
        assert_int_equal(sync_now(&bench), TEL_OK);
        check_all_there(&bench);
        bench_clear(&bench);
        if (calls < n)
            break;
    }
    assert_true(failed >= 8);
}

static int64_t count_runs(const struct bench *bench)
{
    return other_int(bench->fixture->path, "SELECT count(*) FROM agent_runs");
}

static void sync__delivers_what_comes_after_the_last_rename(void **state)
{
    struct bench bench;

    (void)state;
    bench_make(&bench);
    spy_reset(0);
    spy.append = RUN("e2") "bad\n";
    assert_int_equal(sync_now(&bench), TEL_OK);
    assert_int_equal(count_runs(&bench), 2);
    assert_int_equal(bench.report.files, 1);
    assert_int_equal(bench.report.rejected, 2);
    bench_clear(&bench);
}

static void sync__takes_a_rename_back_when_what_comes_after_it_is_not_taken(void **state)
{
    struct bench bench;
    CLEANUP(freep) char *rejected = NULL;

    (void)state;
    bench_make(&bench);
    spy_reset(0);
    spy.append = RUN("e2");
    bench.refuse_at = 2;
    assert_int_equal(sync_now(&bench), TEL_E_UNAVAILABLE);
    assert_int_equal(bench.report.files, 0);
    assert_int_equal(count_runs(&bench), 1);
    assert_int_equal(sync_now(&bench), TEL_OK);
    assert_int_equal(count_runs(&bench), 2);
    rejected = scratch_read_all(bench.directory, ".rejected");
    assert_int_equal(count_lines(rejected), 1);
    bench_clear(&bench);
}

static void sync__leaves_a_file_that_somebody_else_was_through_with(void **state)
{
    CLEANUP(freep) char *synced = NULL;
    CLEANUP(freep) char *text = NULL;
    struct bench bench;

    (void)state;
    bench_make(&bench);
    synced = scratch_path(bench.directory, OUR_NAME ".synced");
    spy_reset(0);
    spy.rename = synced;
    assert_int_equal(sync_now(&bench), TEL_OK);
    assert_null(spy.rename);
    assert_int_equal(bench.batches, 0);
    text = scratch_read_all(bench.directory, ".synced");
    assert_int_equal(count_lines(text), 3);
    check_calls("");
    bench_clear(&bench);
}

/* ---- The small files beside the database ------------------------------------------------------- */

static void export_state__is_durable_before_anything_is_exported(void **state)
{
    char *scratch = scratch_make();
    CLEANUP(freep) char *database = scratch_path(scratch, "base/t.sqlite");
    struct export_state export = EXPORT_STATE();
    struct export_state other = EXPORT_STATE();

    (void)state;
    spy_reset(0);
    assert_int_equal(export_state_open(&export, database, FILE_OWNER_ONLY, deadline_in(0), NULL),
                     TEL_OK);
    check_calls("sync .export; sync-directory base; ");
    assert_int_equal(export_state_open(&other, database, FILE_OWNER_ONLY, deadline_in(0), NULL),
                     TEL_E_BUSY);
    export_state_close(&export);
    assert_int_equal(export_state_open(&other, database, FILE_OWNER_ONLY, deadline_in(0), NULL),
                     TEL_OK);
    check_calls("");
    export_state_close(&other);
    scratch_remove(scratch);
}

static void recovery__is_durable_before_the_database_is_written_to(void **state)
{
    char *scratch = scratch_make();
    CLEANUP(freep) char *directory = scratch_path(scratch, "base");
    CLEANUP(freep) char *database = scratch_path(scratch, "base/t.sqlite");
    CLEANUP(config_freep) tel_config *config = NULL;
    CLEANUP(recovery_clear) struct recovery recovery;
    const struct log log = {0};

    (void)state;
    assert_int_equal(tel_config_new(&config), TEL_OK);
    assert_int_equal(tel_config_set(config, "TELEMETRY_DB_PATH", database), TEL_OK);
    assert_int_equal(tel_config_set(config, "TELEMETRY_NDJSON_DIR", directory), TEL_OK);
    assert_int_equal(recovery_look(&recovery, config, &log, NULL), TEL_OK);
    spy_reset(0);
    assert_int_equal(recovery_begin(&recovery, NULL), TEL_OK);
    check_calls("sync .trail; sync-directory base; ");
    recovery_end(&recovery);
    check_calls("sync .trail; ");
    scratch_remove(scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ndjson__syncs_new_names_once_and_every_line),
        cmocka_unit_test(ndjson__goes_on_in_the_next_days_file_when_the_day_ends),
        cmocka_unit_test(ndjson__reports_a_sync_that_fails),
        cmocka_unit_test(buffer__syncs_names_and_lets_lines_be),
        cmocka_unit_test(buffer__syncs_a_line_that_is_to_be_durable),
        cmocka_unit_test(buffer__goes_on_when_its_file_cannot_be_made_ready),
        cmocka_unit_test(buffer__says_so_when_no_file_can_be_had_alone),
        cmocka_unit_test(sync__makes_all_durable_before_it_calls_a_file_synced),
        cmocka_unit_test(sync__loses_nothing_whatever_sync_or_rename_fails),
        cmocka_unit_test(sync__delivers_what_comes_after_the_last_rename),
        cmocka_unit_test(sync__takes_a_rename_back_when_what_comes_after_it_is_not_taken),
        cmocka_unit_test(sync__leaves_a_file_that_somebody_else_was_through_with),
        cmocka_unit_test(export_state__is_durable_before_anything_is_exported),
        cmocka_unit_test(recovery__is_durable_before_the_database_is_written_to),
    };

    return cmocka_run_group_tests(tests, NULL, teardown_spy);
}
