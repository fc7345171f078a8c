/* SPDX-License-Identifier: MIT
 *
 * The rollback journal, written in few pieces: what it is there for holds as it does without.
 */
#include "support/cmocka_all.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "store/sqlite_journal.h"
#include "support/scratch.h"
#include "support/sqlite_faults.h"

#define ROWS 200 /* each on a page of its own */
#define READ_WRITE (SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE)

static size_t writes_done;

static ssize_t count_write(int fd, const void *bytes, size_t count, off_t offset)
{
    writes_done++;
    return pwrite(fd, bytes, count, offset);
}

static void exec(sqlite3 *db, const char *sql)
{
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
}

static int number(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    int value;

    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    value = sqlite3_column_int(statement, 0);
    assert_int_equal(sqlite3_finalize(statement), SQLITE_OK);
    return value;
}

struct database {
    char *path;
    struct sqlite_journal *journal;
    sqlite3 *db;
};

static void close_database(struct database *database)
{
    assert_int_equal(sqlite3_close(database->db), SQLITE_OK);
    sqlite_journal_free(database->journal);
    free(database->path);
}

static struct database open_database(void **state)
{
    struct database database = {.path = scratch_path(*state, "pages.sqlite"),
                                .journal = sqlite_journal_new()};

    assert_non_null(database.journal);
    assert_int_equal(sqlite_journal_open(database.journal, database.path, &database.db, READ_WRITE),
                     SQLITE_OK);
    return database;
}

/* A database of many pages, with little room to keep those that have changed. */
static struct database make_database_with(void **state, const char *pragma)
{
    struct database database = open_database(state);

    exec(database.db, pragma);
    exec(database.db, "CREATE TABLE t (id INTEGER PRIMARY KEY, value, filling)");
    exec(database.db,
         "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200)"
         " INSERT INTO t SELECT i, 1, zeroblob(3000) FROM n");
    return database;
}

static struct database make_database(void **state)
{
    return make_database_with(state, "");
}

static void few_pieces__are_what_a_journal_of_many_pages_is_written_in(void **state)
{
    struct sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
    struct database database = make_database(state);

    assert_int_equal(vfs->xSetSystemCall(vfs, "pwrite64", (sqlite3_syscall_ptr)count_write),
                     SQLITE_OK);
    writes_done = 0;
    exec(database.db, "UPDATE t SET value = 2");
    assert_int_equal(vfs->xSetSystemCall(vfs, "pwrite64", NULL), SQLITE_OK);
    assert_in_range(writes_done, ROWS, ROWS + ROWS / 4);
    assert_int_equal(number(database.db, "SELECT sum(value) FROM t"), 2 * ROWS);
    close_database(&database);
}

typedef int open_directory_fn(const char *path, int *fd);

static open_directory_fn *open_directory;
static sqlite3 *reader;
static size_t reads_done;

/* SQLite opens the directory to sync the name of a journal, behind the journal's own first sync. */
static int read_before(const char *path, int *fd)
{
    if (sqlite3_exec(reader, "SELECT sum(value) FROM t", NULL, NULL, NULL) == SQLITE_OK)
        reads_done++;
    return open_directory(path, fd);
}

static void first_sync__shuts_out_nobody_who_reads(void **state)
{
    struct sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
    struct database database = make_database(state);

    assert_int_equal(sqlite3_open(database.path, &reader), SQLITE_OK);
    open_directory = (open_directory_fn *)vfs->xGetSystemCall(vfs, "openDirectory");
    assert_int_equal(vfs->xSetSystemCall(vfs, "openDirectory", (sqlite3_syscall_ptr)read_before),
                     SQLITE_OK);
    exec(database.db, "UPDATE t SET value = 2");
    assert_int_equal(vfs->xSetSystemCall(vfs, "openDirectory", NULL), SQLITE_OK);
    assert_int_equal(reads_done, 1);
    assert_int_equal(number(reader, "SELECT sum(value) FROM t"), 2 * ROWS);
    assert_int_equal(sqlite3_close(reader), SQLITE_OK);
    close_database(&database);
}

static void assert_rolls_back(const struct database *database, const char *mode)
{
    int before = number(database->db, "SELECT sum(value) FROM t");

    exec(database->db, mode);
    exec(database->db, "PRAGMA cache_size = 10; BEGIN; UPDATE t SET value = 100; ROLLBACK");
    assert_int_equal(number(database->db, "SELECT sum(value) FROM t"), before);
    exec(database->db, "BEGIN; UPDATE t SET value = value + 1; SAVEPOINT half;"
                       "UPDATE t SET value = 100; ROLLBACK TO half; COMMIT");
    assert_int_equal(number(database->db, "SELECT sum(value) FROM t"),
                     before + number(database->db, "SELECT count(*) FROM t"));
}

static void rollback__takes_back_pages_that_were_written_already(void **state)
{
    struct database database = make_database(state);

    assert_rolls_back(&database, "PRAGMA journal_mode = DELETE");
    assert_rolls_back(&database, "PRAGMA journal_mode = TRUNCATE");
    assert_rolls_back(&database, "PRAGMA journal_mode = PERSIST");
    close_database(&database);
}

static void rollback__takes_back_the_largest_pages(void **state)
{
    struct database database = make_database_with(state, "PRAGMA page_size = 65536");

    assert_int_equal(number(database.db, "PRAGMA page_size"), 65536);
    exec(database.db, "INSERT INTO t SELECT NULL, 0, zeroblob(60000) FROM t");
    assert_rolls_back(&database, "PRAGMA journal_mode = DELETE");
    close_database(&database);
}

static void assert_sound(sqlite3 *db, int sum)
{
    assert_int_equal(number(db, "SELECT sum(value) FROM t"), sum);
    assert_int_equal(number(db, "SELECT sum(value) FROM t INDEXED BY by_value WHERE value > 0"),
                     sum);
    assert_int_equal(number(db, "SELECT count(*) FROM pragma_integrity_check"
                                " WHERE integrity_check = 'ok'"),
                     1);
}

/* The n-th write fails, n = 1, 2, 3 ..., until all succeeds. Returns n. */
static size_t fail_everywhere(struct database *database, const char *pragma, const char *update,
                              int error)
{
    bool has_failed = true;
    size_t n = 0;

    exec(database->db, pragma);
    while (has_failed) {
        int before = number(database->db, "SELECT sum(value) FROM t");
        int result;

        exec(database->db, "BEGIN IMMEDIATE");
        sqlite_fail_at(++n, error);
        result = sqlite3_exec(database->db, update, NULL, NULL, NULL);
        if (!result)
            result = sqlite3_exec(database->db, "COMMIT", NULL, NULL, NULL);
        has_failed = sqlite_has_failed();
        sqlite_fail_at(0, 0);
        if (!sqlite3_get_autocommit(database->db))
            exec(database->db, "ROLLBACK");
        assert_true(result || !has_failed);
        if (result)
            assert_sound(database->db, before);
        exec(database->db, "UPDATE t SET value = value + 1 WHERE id % 20 = 0");
        assert_sound(database->db, number(database->db, "SELECT sum(value) FROM t"));
    }
    return n;
}

static void failed_write__leaves_all_as_it_was_for_those_that_follow(void **state)
{
    static const char few[] = "UPDATE t SET value = value + 1 WHERE id < 4;"
                              "INSERT INTO t VALUES (NULL, 1, zeroblob(9000))";
    static const char all[] = "UPDATE t SET value = value + 1";
    struct database database = make_database(state);

    exec(database.db, "CREATE INDEX by_value ON t (value)");
    assert_true(fail_everywhere(&database, "PRAGMA cache_size = 2000", few, ENOSPC) > 5);
    assert_true(fail_everywhere(&database, "PRAGMA cache_size = 2000", all, ENOSPC) > ROWS);
    assert_true(fail_everywhere(&database, "PRAGMA cache_size = 10", all, ENOSPC) > ROWS);
    assert_true(fail_everywhere(&database, "PRAGMA journal_mode = PERSIST", few, ENOSPC) > 5);
    assert_true(fail_everywhere(&database, "PRAGMA journal_mode = TRUNCATE", few, EIO) > 5);
    close_database(&database);
}

static void journal_of_a_killed_process__is_rolled_back_by_any_other(void **state)
{
    CLEANUP(freep) char *path = scratch_path(*state, "pages.sqlite");
    struct database database = make_database(state);
    sqlite3 *other = NULL;
    int status;
    pid_t child;

    close_database(&database);
    child = fork();
    if (child == 0) {
        database = open_database(state);
        exec(database.db, "PRAGMA cache_size = 10; BEGIN; UPDATE t SET value = 100");
        (void)raise(SIGKILL);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    assert_int_equal(sqlite3_open_v2(path, &other, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    assert_int_equal(number(other, "SELECT sum(value) FROM t"), ROWS);
    assert_int_equal(number(other, "SELECT count(*) FROM pragma_integrity_check"
                                   " WHERE integrity_check = 'ok'"),
                     1);
    assert_int_equal(sqlite3_close(other), SQLITE_OK);
}

static int count_vfs(void)
{
    int count = 0;

    for (sqlite3_vfs *vfs = sqlite3_vfs_find(NULL); vfs; vfs = vfs->pNext)
        count++;
    return count;
}

static void open_database__leaves_nothing_in_what_the_process_shares(void **state)
{
    int before = count_vfs();
    struct database database = make_database(state);

    assert_int_equal(count_vfs(), before);
    close_database(&database);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, scratch_set_up, scratch_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(few_pieces__are_what_a_journal_of_many_pages_is_written_in),
        TEST(first_sync__shuts_out_nobody_who_reads),
        TEST(rollback__takes_back_pages_that_were_written_already),
        TEST(rollback__takes_back_the_largest_pages),
        TEST(failed_write__leaves_all_as_it_was_for_those_that_follow),
        TEST(journal_of_a_killed_process__is_rolled_back_by_any_other),
        TEST(open_database__leaves_nothing_in_what_the_process_shares),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
