/* SPDX-License-Identifier: MIT
 *
 * Whatever happens while a database is brought up, it is afterwards the old one or the new one, with
 * all that was in it. What becomes of each field is in tests/e2e/test_service_migration.py.
 */
#include "support/cmocka_all.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "store/run_sql.h"
#include "support/database.h"
#include "support/sanitizers.h"
#include "support/scratch.h"
#include "support/sqlite_faults.h"
#include "support/summaries.h"

#define ROWS "5"
#define MANY_ROWS "2500" /* need more than SQLite keeps in memory until the commit */

#define MAKE_OLD(rows)                                                                               \
    "PRAGMA synchronous = OFF;"                                                                      \
    "CREATE TABLE agent_runs (run_id TEXT PRIMARY KEY, agent_name TEXT NOT NULL, job_type TEXT,"     \
    " start_time TEXT NOT NULL, status TEXT, items_failed INTEGER, created_at TEXT, insight_id"      \
    " TEXT, error_summary TEXT);"                                                                    \
    "CREATE INDEX by_status ON agent_runs (status);"                                                 \
    "CREATE TABLE run_events (id INTEGER PRIMARY KEY AUTOINCREMENT, run_id TEXT NOT NULL REFERENCES" \
    " agent_runs(run_id), event_type TEXT NOT NULL, timestamp TEXT NOT NULL, payload_json TEXT);"    \
    "INSERT INTO run_events (run_id, event_type, timestamp) VALUES ('1', 'page', 'then');"           \
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < " rows ")"             \
    " INSERT INTO agent_runs SELECT i, 'agent', NULL, '2024-01-01 10:00:00', NULL, -i, NULL,"        \
    " 'insight', hex(zeroblob(500)) FROM n;"

static const char count_rows[] = "SELECT count(*) FROM agent_runs";

static int prepare(void **state)
{
    struct fixture *fixture;
    int failed = fixture_setup(state);
    CLEANUP(freep) char *directory = NULL;

    if (failed)
        return failed;
    fixture = *state;
    directory = scratch_path(fixture->directory, "db");
    fixture->options.migrates = true;
    return mkdir(directory, 0700);
}

/* Count the files beside the database whose names end so, and remove them all. */
static size_t sweep(struct fixture *fixture, const char *suffix)
{
    CLEANUP(freep) char *directory = scratch_path(fixture->directory, "db");
    DIR *files = opendir(directory);
    struct dirent *entry;
    size_t count = 0;

    assert_non_null(files);
    while ((entry = readdir(files)) != NULL) {
        const char *end = strrchr(entry->d_name, '.');

        count += strstr(entry->d_name, ".v") && end && strcmp(end, suffix) == 0;
        if (*entry->d_name != '.')
            (void)unlinkat(dirfd(files), entry->d_name, 0);
    }
    assert_int_equal(closedir(files), 0);
    return count;
}

static void make_database(struct fixture *fixture, const char *sql)
{
    (void)sweep(fixture, "");
    other_exec(fixture->path, sql);
}

static void assert_is_old(const char *path)
{
    CLEANUP(freep) char *check = other_text(path, "PRAGMA integrity_check");

    assert_string_equal(check, "ok");
    assert_int_equal(other_int(path, "SELECT count(*) FROM agent_runs WHERE items_failed = -rowid"
                                     " AND status IS NULL AND length(error_summary) = 1000"),
                     other_int(path, count_rows));
    assert_int_equal(other_int(path, "SELECT count(*) FROM sqlite_schema"), 5);
}

static void assert_is_new(const char *path)
{
    CLEANUP(freep) char *check = other_text(path, "PRAGMA integrity_check");

    assert_string_equal(check, "ok");
    assert_int_equal(other_int(path, "SELECT count(*) FROM agent_runs WHERE items_failed = 0"
                                     " AND run_id = id AND length(event_id) = 36"
                                     " AND start_time = '2024-01-01T10:00:00.000000+00:00'"
                                     " AND created_at = start_time AND job_type = 'unknown'"
                                     " AND insight_id = 'insight' AND status = 'running'"
                                     " AND length(error_summary) = 1000"),
                     other_int(path, count_rows));
    assert_int_equal(other_int(path, "SELECT count(*) FROM run_events"), 1);
    assert_int_equal(other_int(path, "SELECT max(version) FROM schema_migrations"), SCHEMA_VERSION);
}

/* Version 7, of which only some of the indexes differ from the present one. */
static void assert_is_7(const char *path)
{
    CLEANUP(freep) char *check = other_text(path, "PRAGMA integrity_check");

    assert_string_equal(check, "ok");
    assert_int_equal(other_int(path, "SELECT count(*) FROM pragma_index_list('agent_runs')"), 4);
    assert_int_equal(other_int(path, "SELECT count(*) FROM sqlite_schema WHERE name GLOB"
                                     " 'telemetry_*'"),
                     0);
}

static void assert_is_brought_from_7(const char *path)
{
    CLEANUP(freep) char *check = other_text(path, "PRAGMA integrity_check");

    assert_string_equal(check, "ok");
    assert_int_equal(other_int(path, "SELECT sum(runs) FROM telemetry_totals"),
                     other_int(path, count_rows));
    assert_int_equal(other_int(path, "SELECT sum(runs) FROM telemetry_spans"),
                     other_int(path, "SELECT sum(runs) FROM telemetry_counts"));
    assert_int_equal(other_int(path, "SELECT count(*) FROM agent_runs WHERE event_id = id AND"
                                     " start_time = 's' || id AND product = 'p' || id % 3"),
                     other_int(path, count_rows));
    assert_int_equal(other_int(path, "SELECT count(*) FROM sqlite_schema WHERE name IN"
                                     " ('idx_by_status', 'made_elsewhere')"),
                     0);
    assert_int_equal(other_int(path, "SELECT count(*) FROM sqlite_schema WHERE name = 'theirs'"),
                     1);
    assert_int_equal(other_int(path, "SELECT max(version) FROM schema_migrations"), SCHEMA_VERSION);
}

static bool is_old(const char *path)
{
    return other_int(path, "SELECT count(*) FROM sqlite_schema WHERE name = 'telemetry_insert'") ==
           0;
}

/* ---- Killed, refused ------------------------------------------------------------------------- */

struct fault {
    struct fixture *fixture;
    size_t at;
    int error;
};

enum { NOT_REACHED = 10, WORKED, FAILED };

static int migrate_with_fault(void *arg)
{
    struct fault *fault = arg;
    struct store *store = NULL;
    tel_error error;

    sqlite_fail_at(fault->at, fault->error);
    error = store_open(&store, &fault->fixture->options, NULL);
    if (!sqlite_has_failed())
        return error ? 1 : NOT_REACHED;
    return error ? FAILED : WORKED;
}

/* Return the exit status of a child that runs into the fault; -SIGKILL: it was killed by it. */
static int run_into(struct fault *fault)
{
    pid_t pid = fork();
    int status = 0;

    assert_true(pid >= 0);
    if (pid == 0)
        _exit(migrate_with_fault(fault));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

/* What a database looks like before and after. */
struct shape {
    void (*assert_is_old)(const char *path);
    void (*assert_is_new)(const char *path);
};
static const struct shape version_2 = {assert_is_old, assert_is_new};
static const struct shape version_7 = {assert_is_7, assert_is_brought_from_7};

/* Bring up one database for each place where it may go wrong, or each `stride`-th, and once more where
 * nothing does. */
static void try_places(struct fixture *fixture, const struct shape *shape, const char *sql,
                       int error, size_t stride)
{
    struct fault fault = {.fixture = fixture, .error = error};
    int64_t rows;
    size_t old = 0;
    int status = 0;

    for (fault.at = 1; status != NOT_REACHED; fault.at += stride) {
        make_database(fixture, sql);
        rows = other_int(fixture->path, count_rows);
        status = run_into(&fault);
        assert_int_not_equal(status, 1);
        if (is_old(fixture->path)) {
            assert_true(status == FAILED || status == -SIGKILL);
            shape->assert_is_old(fixture->path);
            old++;
        }
        fixture_open(fixture);
        shape->assert_is_new(fixture->path);
        assert_int_equal(other_int(fixture->path, count_rows), rows);
        store_close(fixture->store);
        fixture->store = NULL;
        assert_in_range(sweep(fixture, ".copy"), 1, 2);
    }
    assert_true(old > 1); /* it did come to that */
}

static void killed_at_any_point__it_is_brought_up_by_the_next(void **state)
{
    try_places(*state, &version_2, MAKE_OLD(ROWS), 0, KILLS_ONE_IN);
}

static void killed_where_it_no_longer_fits_into_memory__it_is_brought_up_by_the_next(void **state)
{
    try_places(*state, &version_2, MAKE_OLD(MANY_ROWS), 0, 2503);
}

static void disk_that_fails_at_any_point__leaves_the_old_one(void **state)
{
    try_places(*state, &version_2, MAKE_OLD(ROWS), EIO, 2);
}

static void disk_that_is_full_at_any_point__leaves_the_old_one(void **state)
{
    try_places(*state, &version_2, MAKE_OLD(ROWS), ENOSPC, 3);
}

static char *make_version_7(const char *rows)
{
    CLEANUP(strbuf_clear) struct strbuf sql = STRBUF(SQL_BYTES_MAX);

    strbuf_puts(&sql, "PRAGMA synchronous = OFF;");
    run_sql_create_table(&sql);
    strbuf_printf(&sql,
                  "CREATE INDEX idx_by_status ON agent_runs (status);"
                  "CREATE INDEX made_elsewhere ON agent_runs (agent_name, created_at DESC);"
                  "CREATE INDEX theirs ON agent_runs (item_name);"
                  "CREATE TABLE schema_migrations (version INTEGER PRIMARY KEY, applied_at TEXT NOT"
                  " NULL, description TEXT);"
                  "INSERT INTO schema_migrations VALUES (7, '2024-01-01', 'seven');"
                  "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %s)"
                  " INSERT INTO agent_runs (event_id, run_id, start_time, agent_name, job_type,"
                  " product, error_summary) SELECT i, i, 's' || i, 'agent', 'job', 'p' || i %% 3,"
                  " hex(zeroblob(500)) FROM n;",
                  rows);
    return strbuf_take(&sql);
}

static void version_7_killed_at_any_point__is_brought_up_by_the_next(void **state)
{
    CLEANUP(freep) char *sql = make_version_7(ROWS);

    try_places(*state, &version_7, sql, 0, KILLS_ONE_IN);
}

static void version_7_killed_when_large__is_brought_up_by_the_next(void **state)
{
    CLEANUP(freep) char *sql = make_version_7(MANY_ROWS);

    try_places(*state, &version_7, sql, 0, (size_t)53 * KILLS_ONE_IN);
}

static void version_7_on_a_disk_that_is_full_at_any_point__stays(void **state)
{
    CLEANUP(freep) char *sql = make_version_7(ROWS);

    try_places(*state, &version_7, sql, ENOSPC, 3);
}

static void version_7_of_many_times__has_sound_summaries_afterwards(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(freep) char *sql = make_version_7(MANY_ROWS);

    make_database(fixture, sql);
    other_exec(fixture->path, "UPDATE agent_runs SET created_at = printf('t%06d', id)");
    (void)fixture_open(fixture);
    assert_int_equal(other_int(fixture->path, "SELECT count(*) FROM telemetry_spans"), 5);
    assert_sound(fixture->path, "the migration");
}

/* ---- The copy -------------------------------------------------------------------------------- */

static void failure__leaves_no_copy_and_says_what_to_do(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = NULL;
    struct rlimit limit;
    struct stat status;
    tel_fault fault = {0};

    make_database(fixture, MAKE_OLD(ROWS));
    assert_int_equal(stat(fixture->path, &status), 0);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    (void)signal(SIGXFSZ, SIG_IGN);
    limit.rlim_cur = (rlim_t)status.st_size / 2;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    assert_int_equal(store_open(&store, &fixture->options, &fault), TEL_E_IO);
    limit.rlim_cur = limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    assert_non_null(strstr(fault.text, fixture->path));
    assert_non_null(strstr(fault.text, "cannot keep a copy"));
    assert_is_old(fixture->path);
    assert_int_equal(sweep(fixture, ".copy"), 0);
}

/* Databases and copies are made by this. */
static int mknod_error;

int mknod(const char *path, mode_t mode, dev_t device)
{
    errno = mknod_error;
    return mknod_error ? -1 : (int)syscall(SYS_mknodat, AT_FDCWD, path, mode, device);
}

static void failure__to_make_the_copy_is_told_as_it_is(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = NULL;
    tel_fault fault = {0};

    make_database(fixture, MAKE_OLD(ROWS));
    mknod_error = ENOSPC;
    assert_int_equal(store_open(&store, &fixture->options, &fault), TEL_E_IO);
    mknod_error = 0;
    assert_non_null(strstr(fault.text, ".copy: No space left on device"));
    assert_is_old(fixture->path);
    assert_int_equal(sweep(fixture, ".copy"), 0);
}

static void copy__overwrites_nothing(void **state)
{
    struct fixture *fixture = *state;
    size_t copies = 0;

    for (int i = 0; i < 3; i++) { /* within one second, most likely */
        (void)unlink(fixture->path);
        other_exec(fixture->path, MAKE_OLD(ROWS));
        fixture_open(fixture);
        copies++;
    }
    store_close(fixture->store);
    fixture->store = NULL;
    assert_int_equal(sweep(fixture, ".copy"), copies);
}

static void link_in_the_place_of_the_copy__is_not_followed(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(freep) char *target = scratch_path(fixture->directory, "precious");
    CLEANUP(freep) char *copy = scratch_path(fixture->directory, "db/telemetry.sqlite.copy");
    CLEANUP(freep) char *content = NULL;

    make_database(fixture, MAKE_OLD(ROWS));
    scratch_write(target, "mine");
    assert_int_equal(symlink(target, copy), 0);
    fixture_open(fixture);
    content = scratch_read(target);
    assert_string_equal(content, "mine");
    assert_is_new(fixture->path);
}

/* ---- Who, and when --------------------------------------------------------------------------- */

static int open_it(void *arg, size_t number)
{
    struct fixture *fixture = arg;
    struct store *store;
    tel_fault fault = {0};

    (void)number;
    if (store_open(&store, &fixture->options, &fault)) {
        (void)fprintf(stderr, "%s\n", fault.text);
        return 1;
    }
    store_close(store);
    return 0;
}

static void many_processes_at_once__bring_it_up_once(void **state)
{
    static const char *const modes[] = {"DELETE", "WAL"};
    struct fixture *fixture = *state;

    fixture->options.busy_timeout_ms = 60000;
    for (size_t i = 0; i < 2; i++) {
        make_database(fixture, MAKE_OLD(ROWS));
        fixture->options.journal_mode = modes[i];
        assert_int_equal(run_processes(6, open_it, fixture), 6);
        assert_is_new(fixture->path);
        assert_int_equal(sweep(fixture, ".copy"), 1);
    }
}

static void reader__holds_it_up_for_no_longer_than_the_time_allowed(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = NULL;
    tel_fault fault = {0};
    void *other;

    make_database(fixture, MAKE_OLD(ROWS));
    fixture->options.busy_timeout_ms = 50;
    other = other_begin(fixture->path, "BEGIN; SELECT * FROM agent_runs");
    assert_int_equal(store_open(&store, &fixture->options, &fault), TEL_E_BUSY);
    other_end(other);
    assert_is_old(fixture->path);
    fixture_open(fixture);
    assert_is_new(fixture->path);
}

static void who_may_not_migrate__is_told_who_does(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = NULL;
    tel_fault fault = {0};

    make_database(fixture, MAKE_OLD(ROWS));
    fixture->options.migrates = false;
    for (int i = 0; i < 2; i++) {
        fixture->options.read_only = i == 1;
        assert_int_equal(store_open(&store, &fixture->options, &fault), TEL_E_SCHEMA);
        assert_non_null(strstr(fault.text, "schema version 2"));
        assert_non_null(strstr(fault.text, "start telemetryd"));
    }
    assert_is_old(fixture->path);
}

static void somebody_elses_table_of_that_name__is_refused_untouched(void **state)
{
    struct fixture *fixture = *state;
    struct store *store = NULL;
    tel_fault fault = {0};

    other_exec(fixture->path, "CREATE TABLE agent_runs (lap INTEGER, runner TEXT)");
    assert_int_equal(store_open(&store, &fixture->options, &fault), TEL_E_SCHEMA);
    assert_non_null(strstr(fault.text, "not telemetry's"));
    assert_int_equal(other_int(fixture->path, "SELECT count(*) FROM sqlite_schema"), 1);
    assert_int_equal(sweep(fixture, ".copy"), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, prepare, fixture_teardown)

/* Thousands of syncs, of which none is what is tested here: in memory they cost nothing. */
static void choose_place(void)
{
    if (access("/dev/shm", W_OK) == 0)
        (void)setenv("TMPDIR", "/dev/shm", 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(killed_at_any_point__it_is_brought_up_by_the_next),
        TEST(killed_where_it_no_longer_fits_into_memory__it_is_brought_up_by_the_next),
        TEST(disk_that_fails_at_any_point__leaves_the_old_one),
        TEST(disk_that_is_full_at_any_point__leaves_the_old_one),
        TEST(version_7_killed_at_any_point__is_brought_up_by_the_next),
        TEST(version_7_killed_when_large__is_brought_up_by_the_next),
        TEST(version_7_on_a_disk_that_is_full_at_any_point__stays),
        TEST(version_7_of_many_times__has_sound_summaries_afterwards),
        TEST(failure__leaves_no_copy_and_says_what_to_do),
        TEST(failure__to_make_the_copy_is_told_as_it_is),
        TEST(copy__overwrites_nothing),
        TEST(link_in_the_place_of_the_copy__is_not_followed),
        TEST(many_processes_at_once__bring_it_up_once),
        TEST(reader__holds_it_up_for_no_longer_than_the_time_allowed),
        TEST(who_may_not_migrate__is_told_who_does),
        TEST(somebody_elses_table_of_that_name__is_refused_untouched),
    };

    choose_place();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
