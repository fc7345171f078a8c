/* SPDX-License-Identifier: MIT
 *
 * Locks that others hold, disks that are full, files that are damaged, processes that fork: what was
 * acknowledged stays, what failed leaves no trace, and the store recovers by itself.
 */
#include "support/cmocka_all.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "support/database.h"
#include "support/scratch.h"

#define PAGE_BYTES 4096

static const char count_all[] = "SELECT count(*) FROM agent_runs";

/* Create a run and give back how the whole call ended. */
static tel_error try_create(struct store *store, const char *event_id, struct write *write,
                            tel_fault *fault)
{
    CLEANUP(record_clear) struct tel_record record = RECORD();
    struct write *writes[] = {write};
    tel_error error;

    make_run(&record, event_id, TEL_SUCCESS);
    *write = (struct write){.kind = WRITE_CREATE, .record = &record};
    error = store_apply(store, writes, 1, fault);
    write->record = NULL;
    return error;
}

/* ---- Locks ----------------------------------------------------------------------------------- */

static void locked_database__is_busy_once_the_time_is_over(void **state)
{
    struct fixture *fixture = *state;
    struct write write;
    tel_fault fault = {0};
    struct store *store;
    void *other;

    fixture->options.busy_timeout_ms = 20;
    store = fixture_open(fixture);
    other = other_begin(fixture->path, "BEGIN IMMEDIATE");
    assert_int_equal(try_create(store, "e1", &write, &fault), TEL_E_BUSY);
    assert_int_equal(write.result, WRITE_PENDING);
    assert_non_null(strstr(fault.text, fixture->path));
    assert_int_equal(store_health(store, &fault), TEL_E_BUSY);
    other_end(other);
    assert_int_equal(try_create(store, "e1", &write, &fault), TEL_OK);
    assert_int_equal(store_health(store, &fault), TEL_OK);
}

/* Pauses that are noted take no time. */
static struct {
    bool are_noted;
    int64_t ms[100];
    size_t count;
} pauses;

int nanosleep(const struct timespec *time, struct timespec *left)
{
    if (!pauses.are_noted)
        return (int)syscall(SYS_nanosleep, time, left);
    assert_true(pauses.count < sizeof pauses.ms / sizeof *pauses.ms);
    pauses.ms[pauses.count++] = time->tv_sec * 1000 + time->tv_nsec / 1000000;
    return 0;
}

static void locked_database__is_tried_again_after_growing_pauses_of_a_minute_at_most(void **state)
{
    struct fixture *fixture = *state;
    struct write write;
    struct store *store;
    int64_t expected = 20000;
    void *other;

    fixture->options.busy_timeout_ms = 0;
    fixture->options.retries_max = 70;
    fixture->options.retry_base_ms = expected;
    store = fixture_open(fixture);
    other = other_begin(fixture->path, "BEGIN IMMEDIATE");
    pauses.are_noted = true;
    assert_int_equal(try_create(store, "e1", &write, NULL), TEL_E_BUSY);
    pauses.are_noted = false;
    other_end(other);
    assert_int_equal(pauses.count, 70);
    for (size_t i = 0; i < pauses.count; i++) {
        assert_in_range(pauses.ms[i], expected / 2, expected); /* to be over at a given time */
        expected = expected == 20000 ? 40000 : 60000;
    }
}

static void deadline__bounds_the_wait_and_allows_no_further_attempts(void **state)
{
    struct fixture *fixture = *state;
    struct write write;
    struct store *store;
    void *other;
    int64_t start;

    fixture->options.busy_timeout_ms = 60000;
    fixture->options.retries_max = 100;
    fixture->options.retry_base_ms = 60000;
    store = fixture_open(fixture);
    other = other_begin(fixture->path, "BEGIN EXCLUSIVE");
    store_set_deadline(store, deadline_in(30));
    start = clock_monotonic_ms();
    assert_int_equal(try_create(store, "e1", &write, NULL), TEL_E_BUSY);
    assert_int_equal(store_get(store, "e1", &RECORD(), NULL), TEL_E_BUSY);
    assert_true(clock_monotonic_ms() - start < 30000);
    other_end(other);
    assert_int_equal(try_create(store, "e1", &write, NULL), TEL_OK); /* no need to wait */
}

static void locked_database__is_waited_for_when_it_is_opened(void **state)
{
    struct fixture *fixture = *state;
    struct store *store;
    tel_fault fault = {0};
    void *other;

    fixture_open(fixture);
    store_close(fixture->store);
    fixture->store = NULL;
    fixture->options.busy_timeout_ms = 20;
    other = other_begin(fixture->path, "BEGIN EXCLUSIVE");
    assert_int_equal(store_open(&store, &fixture->options, &fault), TEL_E_BUSY);
    assert_non_null(strstr(fault.text, "is locked by another process"));
    other_end(other);
    fixture_open(fixture);
}

static void reader_that_stays__holds_up_the_commit_but_loses_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct write write;
    struct store *store;
    void *other;

    fixture->options.busy_timeout_ms = 20;
    store = fixture_open(fixture);
    other = other_begin(fixture->path, "BEGIN; SELECT * FROM agent_runs");
    assert_int_equal(try_create(store, "e1", &write, NULL), TEL_E_BUSY);
    assert_int_equal(write.result, WRITE_PENDING);
    assert_int_equal(other_int(fixture->path, count_all), 0);
    other_end(other);
    assert_int_equal(try_create(store, "e1", &write, NULL), TEL_OK);
    assert_int_equal(write.result, WRITE_CREATED);
}

/* ---- Journal modes --------------------------------------------------------------------------- */

static void journal_mode__is_set_as_configured(void **state)
{
    static const char *const modes[] = {"truncate", "Persist", "WAL", "DELETE", NULL};
    static const char *const shown[] = {"TRUNCATE", "PERSIST", "WAL", "DELETE", "DELETE"};
    struct fixture *fixture = *state;
    struct write write;
    char id[8];

    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++) {
        fixture->options.journal_mode = modes[i];
        fixture->options.synchronous = i % 2 ? "extra" : NULL;
        (void)snprintf(id, sizeof id, "e%zu", i);
        fixture_open(fixture);
        assert_string_equal(store_journal_mode(fixture->store), shown[i]);
        assert_string_equal(store_synchronous(fixture->store), i % 2 ? "EXTRA" : "FULL");
        assert_int_equal(try_create(fixture->store, id, &write, NULL), TEL_OK);
        assert_int_equal(other_int(fixture->path, count_all), (int64_t)i + 1);
    }
}

static void journal_mode__stays_when_the_database_is_only_read(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(freep) char *mode = NULL;

    fixture->options.journal_mode = "WAL";
    (void)create_run(fixture_open(fixture), "e1", TEL_SUCCESS);
    fixture->options.journal_mode = NULL;
    fixture->options.read_only = true;
    assert_string_equal(store_journal_mode(fixture_open(fixture)), "WAL");
    store_close(fixture->store);
    fixture->store = NULL;
    mode = other_text(fixture->path, "PRAGMA journal_mode");
    assert_string_equal(mode, "wal");
}

static void journal_mode__stays_when_others_have_the_database_open(void **state)
{
    struct fixture *fixture = *state;
    struct write write;
    void *other;
    int64_t start;

    fixture_open(fixture);
    store_close(fixture->store);
    fixture->store = NULL;
    other_exec(fixture->path, "PRAGMA journal_mode = WAL");
    other = other_begin(fixture->path, "BEGIN; SELECT * FROM agent_runs");
    start = clock_monotonic_ms();
    fixture_open(fixture);
    assert_true(clock_monotonic_ms() - start < 15000);
    assert_string_equal(store_journal_mode(fixture->store), "WAL");
    assert_int_equal(try_create(fixture->store, "e1", &write, NULL), TEL_OK);
    other_end(other);
}

/* ---- Failing disks --------------------------------------------------------------------------- */

static void limit_file_size(rlim_t bytes)
{
    struct rlimit limit;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static off_t size_of(const char *path)
{
    struct stat status;

    assert_int_equal(stat(path, &status), 0);
    return status.st_size;
}

/* Write until it fails; return how many runs were acknowledged. */
static int write_until_refused(struct store *store, const char *prefix, tel_fault *fault)
{
    CLEANUP(freep) char *large = calloc(1, 3001);
    int acknowledged = 0;

    memset(large, 'x', 3000);
    for (; acknowledged < 1000; acknowledged++) {
        CLEANUP(record_clear) struct tel_record record = RECORD();
        struct write write = {.kind = WRITE_CREATE, .record = &record};
        struct write *writes[] = {&write};
        char id[40];

        (void)snprintf(id, sizeof id, "%s%d", prefix, acknowledged);
        make_run(&record, id, TEL_SUCCESS);
        assert_int_equal(record_set_text(&record, FIELD_error_details, large, NULL), TEL_OK);
        if (store_apply(store, writes, 1, fault)) {
            assert_int_equal(write.result, WRITE_PENDING);
            return acknowledged;
        }
        assert_int_equal(write.result, WRITE_CREATED);
    }
    return acknowledged;
}

static void failed_write__is_refused_and_heals_when_there_is_room_again(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture_open(fixture);
    struct write write;
    tel_fault fault = {0};
    int acknowledged;

    (void)signal(SIGXFSZ, SIG_IGN);
    for (int round = 1; round <= 3; round++) {
        int64_t before = other_int(fixture->path, count_all);
        char prefix[8];

        (void)snprintf(prefix, sizeof prefix, "r%d-", round);
        limit_file_size((rlim_t)size_of(fixture->path) + 40000);
        acknowledged = write_until_refused(store, prefix, &fault);
        assert_true(acknowledged > 0 && acknowledged < 1000);
        assert_int_equal(fault.code, TEL_E_IO);
        assert_non_null(strstr(fault.text, fixture->path));
        assert_int_equal(store_health(store, &fault), TEL_E_IO);
        assert_non_null(strstr(fault.text, fixture->path));
        assert_int_equal(try_create(store, "r1-0", &write, NULL), TEL_OK); /* needs no room */
        assert_int_equal(write.result, WRITE_DUPLICATE);
        assert_int_equal(store_health(store, NULL), TEL_E_IO);
        limit_file_size(RLIM_INFINITY);
        assert_int_equal(other_int(fixture->path, count_all), before + acknowledged);
        assert_int_equal(try_create(store, prefix, &write, NULL), TEL_OK);
        assert_int_equal(store_health(store, &fault), TEL_OK);
        assert_int_equal(other_int(fixture->path, count_all), before + acknowledged + 1);
        assert_int_equal(store_check(store, true, NULL), TEL_OK);
    }
}

static void failed_write__takes_all_writes_of_the_transaction_back(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture_open(fixture);
    struct tel_record records[50];
    struct write writes[50];
    struct write *all[50];
    CLEANUP(freep) char *large = calloc(1, 3001);

    (void)signal(SIGXFSZ, SIG_IGN);
    memset(large, 'x', 3000);
    for (size_t i = 0; i < 50; i++) {
        char id[40];

        (void)snprintf(id, sizeof id, "e%zu", i);
        records[i] = RECORD();
        make_run(&records[i], id, TEL_SUCCESS);
        assert_int_equal(record_set_text(&records[i], FIELD_error_details, large, NULL), TEL_OK);
        writes[i] = (struct write){.kind = WRITE_CREATE, .record = &records[i]};
        all[i] = &writes[i];
    }
    limit_file_size((rlim_t)size_of(fixture->path) + 40000);
    assert_int_equal(store_apply(store, all, 50, NULL), TEL_E_IO);
    limit_file_size(RLIM_INFINITY);
    for (size_t i = 0; i < 50; i++)
        assert_int_equal(writes[i].result, WRITE_PENDING);
    assert_int_equal(other_int(fixture->path, count_all), 0);
    assert_int_equal(store_apply(store, all, 50, NULL), TEL_OK);
    for (size_t i = 0; i < 50; i++) {
        assert_int_equal(writes[i].result, WRITE_CREATED);
        record_clear(&records[i]);
    }
    assert_int_equal(other_int(fixture->path, count_all), 50);
}

/* ---- Damage ---------------------------------------------------------------------------------- */

static void damage(const char *path, off_t from, size_t count)
{
    CLEANUP(closep) int fd = open(path, O_WRONLY | O_CLOEXEC);
    CLEANUP(freep) char *junk = calloc(1, count);

    memset(junk, 0xa5, count);
    assert_int_equal(pwrite(fd, junk, count, from), (ssize_t)count);
}

static off_t page_of(const char *path, const char *name)
{
    char sql[100];

    (void)snprintf(sql, sizeof sql, "SELECT rootpage FROM sqlite_schema WHERE name = '%s'", name);
    return (off_t)(other_int(path, sql) - 1) * PAGE_BYTES;
}

/* A trigger of somebody else's that ends the transaction takes all of its writes back, so that none may
 * be called done. */
static void transaction_that_others_end__is_no_success_of_any_of_its_writes(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(record_clear) struct tel_record first = RECORD();
    CLEANUP(record_clear) struct tel_record second = RECORD();
    CLEANUP(record_clear) struct tel_record third = RECORD();
    struct write writes[] = {{.kind = WRITE_CREATE, .record = &first},
                             {.kind = WRITE_CREATE, .record = &second},
                             {.kind = WRITE_CREATE, .record = &third}};
    struct write *all[] = {&writes[0], &writes[1], &writes[2]};
    struct store *store = fixture_open(fixture);

    other_exec(fixture->path, "CREATE TRIGGER theirs AFTER INSERT ON agent_runs"
                              " WHEN new.event_id = 'e2' BEGIN SELECT RAISE(ROLLBACK, 'no'); END");
    make_run(&first, "e1", TEL_SUCCESS);
    make_run(&second, "e2", TEL_SUCCESS);
    make_run(&third, "e3", TEL_SUCCESS);
    assert_int_not_equal(store_apply(store, all, 3, NULL), TEL_OK);
    assert_int_equal(other_int(fixture->path, count_all), 0);
    other_exec(fixture->path, "DROP TRIGGER theirs");
    assert_int_equal(store_apply(store, all, 3, NULL), TEL_OK);
    assert_int_equal(other_int(fixture->path, count_all), 3);
}

static void check__reports_a_damaged_page(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture_open(fixture);
    tel_fault fault = {0};
    struct write write;

    assert_int_equal(try_create(store, "e1", &write, NULL), TEL_OK);
    assert_int_equal(store_check(store, false, NULL), TEL_OK);
    assert_int_equal(store_check(store, true, NULL), TEL_OK);
    damage(fixture->path, page_of(fixture->path, "telemetry_insight_id"), PAGE_BYTES);
    store = fixture_open(fixture);
    assert_int_equal(store_check(store, false, &fault), TEL_E_CORRUPT);
    assert_non_null(strstr(fault.text, fixture->path));
    assert_int_equal(store_check(store, true, &fault), TEL_E_CORRUPT);
}

static void full_check__compares_indexes_with_their_table(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture_open(fixture);
    CLEANUP(closep) int fd = open(fixture->path, O_RDWR | O_CLOEXEC);
    char page[PAGE_BYTES];
    struct write write;
    off_t offset;
    char *name;

    assert_int_equal(try_create(store, "e1", &write, NULL), TEL_OK);
    offset = page_of(fixture->path, "telemetry_status");
    assert_int_equal(pread(fd, page, sizeof page, offset), PAGE_BYTES);
    name = memmem(page, sizeof page, "crawler", 7);
    assert_non_null(name);
    assert_int_equal(pwrite(fd, "crawled", 7, offset + (name - page)), 7);
    store = fixture_open(fixture);
    assert_int_equal(store_check(store, false, NULL), TEL_OK);
    assert_int_equal(store_check(store, true, NULL), TEL_E_CORRUPT);
}

static void damaged_database__takes_no_writes_until_it_is_moved_away(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture_open(fixture);
    struct write write;
    tel_fault fault = {0};

    assert_int_equal(try_create(store, "e1", &write, NULL), TEL_OK);
    other_exec(fixture->path, "CREATE TABLE note (text)"); /* so that nobody trusts a cached page */
    damage(fixture->path, PAGE_BYTES, (size_t)size_of(fixture->path) - PAGE_BYTES);
    assert_int_equal(try_create(store, "e2", &write, &fault), TEL_E_CORRUPT);
    assert_int_equal(try_create(store, "e2", &write, &fault), TEL_E_CORRUPT);
    assert_non_null(strstr(fault.text, "move it away"));
    assert_int_equal(store_health(store, NULL), TEL_E_CORRUPT);
    assert_int_equal(unlink(fixture->path), 0);
    assert_int_equal(try_create(store, "e2", &write, &fault), TEL_OK);
    assert_int_equal(store_health(store, NULL), TEL_OK);
    assert_int_equal(other_int(fixture->path, count_all), 1);
}

/* Who only writes would not come upon it. */
static void failed_write__has_the_file_checked_before_the_next(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture_open(fixture);
    int64_t before;
    struct write write;
    tel_fault fault = {0};

    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(try_create(store, "e1", &write, NULL), TEL_OK);
    limit_file_size((rlim_t)size_of(fixture->path) + 40000);
    (void)write_until_refused(store, "r", &fault);
    assert_int_equal(fault.code, TEL_E_IO);
    limit_file_size(RLIM_INFINITY);
    before = other_int(fixture->path, count_all);
    damage(fixture->path, page_of(fixture->path, "telemetry_insight_id"), PAGE_BYTES);
    assert_int_equal(try_create(store, "e2", &write, &fault), TEL_E_CORRUPT);
    assert_int_equal(other_int(fixture->path, count_all), before);
}

static void database_that_is_gone__is_made_anew(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture_open(fixture);
    struct write write;
    tel_fault fault = {0};

    assert_int_equal(unlink(fixture->path), 0);
    assert_int_equal(try_create(store, "e1", &write, &fault), TEL_E_IO);
    assert_int_equal(try_create(store, "e1", &write, &fault), TEL_OK);
    assert_int_equal(other_int(fixture->path, count_all), 1);
}

/* ---- Forking --------------------------------------------------------------------------------- */

static int insert_as_child(void *arg, size_t number)
{
    struct store *store = arg;
    struct write write;
    char id[20];

    (void)snprintf(id, sizeof id, "child-%zu", number);
    if (try_create(store, id, &write, NULL) || write.result != WRITE_CREATED)
        return 1;
    store_close(store);
    return 0;
}

static void forked_child__goes_on_with_a_connection_of_its_own(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = fixture_open(fixture);
    struct write write;

    assert_int_equal(try_create(store, "before", &write, NULL), TEL_OK);
    assert_int_equal(run_processes(4, insert_as_child, store), 4);
    assert_int_equal(try_create(store, "after", &write, NULL), TEL_OK);
    assert_int_equal(other_int(fixture->path, count_all), 6);
    assert_int_equal(store_check(store, true, NULL), TEL_OK);
}

static void killed_writer__leaves_nothing_half_even_for_a_reader(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(freep) char *journal = scratch_path(fixture->directory, "db/telemetry.sqlite-journal");
    struct write write;
    tel_run_stats stats;
    int status;
    pid_t pid;

    assert_int_equal(try_create(fixture_open(fixture), "e1", &write, NULL), TEL_OK);
    store_close(fixture->store);
    fixture->store = NULL;
    pid = fork();
    if (pid == 0) {
        (void)other_begin(fixture->path, "PRAGMA cache_size = 1; BEGIN IMMEDIATE;"
                                         "UPDATE agent_runs SET error_details ="
                                         " hex(randomblob(500000))");
        _exit(access(journal, F_OK) == 0 ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    fixture->options.read_only = true;
    assert_int_equal(store_stats(fixture_open(fixture), &stats, NULL), TEL_OK);
    assert_int_equal(stats.total, 1);
    assert_int_equal(other_int(fixture->path,
                               "SELECT count(*) FROM agent_runs WHERE error_details IS NULL"),
                     1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(locked_database__is_busy_once_the_time_is_over),
        TEST(locked_database__is_tried_again_after_growing_pauses_of_a_minute_at_most),
        TEST(deadline__bounds_the_wait_and_allows_no_further_attempts),
        TEST(locked_database__is_waited_for_when_it_is_opened),
        TEST(reader_that_stays__holds_up_the_commit_but_loses_nothing),
        TEST(journal_mode__is_set_as_configured),
        TEST(journal_mode__stays_when_the_database_is_only_read),
        TEST(journal_mode__stays_when_others_have_the_database_open),
        TEST(failed_write__is_refused_and_heals_when_there_is_room_again),
        TEST(failed_write__takes_all_writes_of_the_transaction_back),
        TEST(transaction_that_others_end__is_no_success_of_any_of_its_writes),
        TEST(check__reports_a_damaged_page),
        TEST(full_check__compares_indexes_with_their_table),
        TEST(damaged_database__takes_no_writes_until_it_is_moved_away),
        TEST(failed_write__has_the_file_checked_before_the_next),
        TEST(database_that_is_gone__is_made_anew),
        TEST(forked_child__goes_on_with_a_connection_of_its_own),
        TEST(killed_writer__leaves_nothing_half_even_for_a_reader),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
