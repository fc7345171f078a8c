/* SPDX-License-Identifier: MIT
 *
 * The database as a host program uses it, through telemetry.h alone.
 */
#include "support/cmocka_all.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "support/database.h"
#include "support/scratch.h"
#include "telemetry.h"

struct place {
    char *directory;
    char *path;
    tel_database *database;
};

static int setup(void **state)
{
    struct place *place = calloc(1, sizeof *place);

    if (!place)
        return -1;
    place->directory = scratch_make();
    place->path = scratch_path(place->directory, "base/db/telemetry.sqlite");
    if (tel_database_open(&place->database, NULL, NULL, NULL))
        return -1;
    *state = place;
    return 0;
}

static int teardown(void **state)
{
    struct place *place = *state;

    tel_database_free(place->database);
    free(place->path);
    scratch_remove(place->directory);
    free(place);
    return 0;
}

static void recordp_free(tel_record **record)
{
    tel_record_free(*record);
}

static tel_record *new_run(const char *event_id, const char *status)
{
    tel_record *record;

    assert_int_equal(tel_record_new(&record,
                                    TEL_FIELDS(.event_id = event_id, .agent_name = "crawler",
                                               .job_type = "nightly", .status = status),
                                    NULL),
                     TEL_OK);
    return record;
}

static void insert(tel_database *database, const char *event_id, const char *status)
{
    CLEANUP(recordp_free) tel_record *record = new_run(event_id, status);
    tel_fault fault = {0};

    if (tel_database_insert_run(database, record, &fault))
        fail_msg("%s", fault.text);
}

static void open__finds_the_configured_database(void **state)
{
    struct place *place = *state;

    assert_int_equal(access(place->path, F_OK), 0);
}

static void open__follows_a_configuration_of_the_callers(void **state)
{
    struct place *place = *state;
    CLEANUP(freep) char *path = scratch_path(place->directory, "mine/runs.sqlite");
    tel_config *config;
    tel_database *database;
    struct stat status;

    assert_int_equal(tel_config_new(&config), TEL_OK);
    assert_int_equal(tel_config_set(config, "TELEMETRY_DB_PATH", path), TEL_OK);
    assert_int_equal(tel_config_set(config, "TELEMETRY_GROUP_ACCESS", "true"), TEL_OK);
    assert_int_equal(tel_database_open(&database, NULL, config, NULL), TEL_OK);
    tel_config_free(config);
    insert(database, "e1", NULL);
    tel_database_free(database);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0660);
}

static void note_message(void *arg, tel_log_level level, const char *message)
{
    char *said = arg;

    (void)level;
    (void)snprintf(said, 1024, "%s", message);
}

static void open__brings_an_old_database_up_and_says_so(void **state)
{
    struct place *place = *state;
    CLEANUP(freep) char *path = scratch_path(place->directory, "old.sqlite");
    CLEANUP(recordp_free) tel_record *record = NULL;
    char said[1024] = "";
    tel_config *config;
    tel_database *database;

    other_exec(path, "CREATE TABLE agent_runs (run_id TEXT PRIMARY KEY, agent_name TEXT NOT NULL,"
                     " start_time TEXT NOT NULL);"
                     "INSERT INTO agent_runs VALUES ('r', 'a', '2024-01-01 10:00:00');");
    assert_int_equal(tel_config_new(&config), TEL_OK);
    assert_int_equal(tel_config_set_log(config, note_message, said), TEL_OK);
    assert_int_equal(tel_database_open(&database, path, config, NULL), TEL_OK);
    assert_non_null(strstr(said, "from schema version 1 to 8"));
    assert_int_equal(tel_database_get_run(&record, database, "r", NULL), TEL_OK);
    assert_string_equal(tel_record_get(record, "start_time"), "2024-01-01T10:00:00.000000+00:00");
    insert(database, "e1", NULL);
    tel_database_free(database);
    tel_config_free(config);
}

static void open__says_what_is_wrong_with_the_file(void **state)
{
    struct place *place = *state;
    CLEANUP(freep) char *path = scratch_path(place->directory, "list.txt");
    CLEANUP(freep) char *content = NULL;
    tel_database *database = place->database;
    tel_fault fault = {0};

    scratch_write(path, "bread, butter");
    assert_int_equal(tel_database_open(&database, path, NULL, &fault), TEL_E_CORRUPT);
    assert_null(database);
    assert_non_null(strstr(fault.text, "list.txt is not a SQLite database"));
    content = scratch_read(path);
    assert_string_equal(content, "bread, butter");
}

static void insert_run__fills_in_what_is_missing_also_in_the_record(void **state)
{
    struct place *place = *state;
    CLEANUP(recordp_free) tel_record *record = new_run(NULL, NULL);
    CLEANUP(recordp_free) tel_record *stored = NULL;
    CLEANUP(freep) char *given = NULL;
    CLEANUP(freep) char *kept = NULL;
    const tel_run_fields *fields;

    assert_int_equal(tel_database_insert_run(place->database, record, NULL), TEL_OK);
    fields = tel_record_fields(record);
    assert_int_equal(strlen(fields->event_id), 36);
    assert_non_null(strstr(fields->run_id, "Z-crawler-"));
    assert_string_equal(fields->status, TEL_RUNNING);
    assert_string_equal(fields->start_time, fields->created_at);
    assert_int_equal(fields->schema_version, 8);
    assert_int_equal(tel_database_get_run(&stored, place->database, fields->event_id, NULL),
                     TEL_OK);
    assert_string_equal(tel_record_get(stored, "run_id"), fields->run_id);
    assert_string_equal(tel_record_get(stored, "created_at"), fields->created_at);
    assert_null(tel_record_get(stored, "host"));
}

static void insert_run__keeps_what_is_given_and_replaces_a_run_id_that_cannot_be(void **state)
{
    struct place *place = *state;
    CLEANUP(recordp_free) tel_record *record = new_run("e1", "completed");
    CLEANUP(recordp_free) tel_record *bad = new_run("e2", NULL);

    assert_int_equal(tel_record_set(record, "run_id", "mine", NULL), TEL_OK);
    assert_int_equal(tel_record_set(record, "start_time", "2025-01-01T10:00:00+02:00", NULL),
                     TEL_OK);
    assert_int_equal(tel_database_insert_run(place->database, record, NULL), TEL_OK);
    assert_string_equal(tel_record_get(record, "run_id"), "mine");
    assert_string_equal(tel_record_get(record, "status"), TEL_SUCCESS);
    assert_string_equal(tel_record_get(record, "start_time"), "2025-01-01T08:00:00.000000+00:00");
    assert_int_equal(tel_record_set(bad, "run_id", "../../etc", NULL), TEL_OK);
    assert_int_equal(tel_database_insert_run(place->database, bad, NULL), TEL_OK);
    assert_null(strchr(tel_record_get(bad, "run_id"), '/'));
}

static void insert_run__stores_nothing_twice(void **state)
{
    struct place *place = *state;
    CLEANUP(recordp_free) tel_record *record = new_run("e1", TEL_SUCCESS);
    tel_fault fault = {0};
    tel_run_stats stats;

    assert_int_equal(tel_database_insert_run(place->database, record, NULL), TEL_OK);
    assert_int_equal(tel_database_insert_run(place->database, record, &fault), TEL_E_EXISTS);
    assert_non_null(strstr(fault.text, "e1"));
    assert_int_equal(tel_database_get_run_stats(place->database, &stats, NULL), TEL_OK);
    assert_int_equal(stats.total, 1);
}

static void insert_run__wants_agent_and_job(void **state)
{
    struct place *place = *state;
    CLEANUP(recordp_free) tel_record *record = NULL;
    tel_fault fault = {0};

    assert_int_equal(tel_record_new(&record, NULL, NULL), TEL_OK);
    assert_int_equal(tel_database_insert_run(place->database, record, &fault), TEL_E_INVALID);
    assert_non_null(strstr(fault.text, "agent_name"));
    assert_int_equal(tel_record_set(record, "agent_name", "a", NULL), TEL_OK);
    assert_int_equal(tel_record_set(record, "job_type", "", NULL), TEL_OK);
    assert_int_equal(tel_database_insert_run(place->database, record, &fault), TEL_E_INVALID);
    assert_null(tel_record_get(record, "event_id"));
}

static void update_run__finds_the_run_by_event_id_or_by_run_id(void **state)
{
    struct place *place = *state;
    CLEANUP(recordp_free) tel_record *change = NULL;
    CLEANUP(recordp_free) tel_record *stored = NULL;
    CLEANUP(recordp_free) tel_record *nobody = NULL;
    CLEANUP(recordp_free) tel_record *nameless = NULL;

    for (int i = 0; i < 2; i++) {
        CLEANUP(recordp_free) tel_record *record = new_run(i ? "newer" : "older", NULL);

        assert_int_equal(tel_record_set(record, "run_id", "again", NULL), TEL_OK);
        assert_int_equal(tel_database_insert_run(place->database, record, NULL), TEL_OK);
    }
    tel_record_new(&change, TEL_FIELDS(.run_id = "again", .status = "failed", .product = "p"),
                   NULL);
    assert_int_equal(tel_database_update_run(place->database, change, NULL), TEL_OK);
    assert_int_equal(tel_database_get_run(&stored, place->database, "newer", NULL), TEL_OK);
    assert_string_equal(tel_record_get(stored, "status"), TEL_FAILURE);
    assert_string_equal(tel_record_get(stored, "product"), "p");
    tel_record_free(stored);
    tel_record_set(change, "event_id", "older", NULL);
    tel_record_set(change, "status", TEL_TIMEOUT, NULL);
    assert_int_equal(tel_database_update_run(place->database, change, NULL), TEL_OK);
    assert_int_equal(tel_database_get_run(&stored, place->database, "older", NULL), TEL_OK);
    assert_string_equal(tel_record_get(stored, "status"), TEL_TIMEOUT);
    tel_record_new(&nobody, TEL_FIELDS(.run_id = "nobody", .status = "failed"), NULL);
    assert_int_equal(tel_database_update_run(place->database, nobody, NULL), TEL_E_NOT_FOUND);
    tel_record_set(nobody, "event_id", "nobody", NULL);
    assert_int_equal(tel_database_update_run(place->database, nobody, NULL), TEL_E_NOT_FOUND);
    tel_record_new(&nameless, TEL_FIELDS(.status = "failed"), NULL);
    assert_int_equal(tel_database_update_run(place->database, nameless, NULL), TEL_E_INVALID);
}

static void get_run__takes_an_event_id_or_the_newest_of_a_run_id(void **state)
{
    struct place *place = *state;
    CLEANUP(recordp_free) tel_record *stored = NULL;
    CLEANUP(recordp_free) tel_record *by_name = NULL;
    tel_record *missing = (tel_record *)place;
    tel_fault fault = {0};

    insert(place->database, "e1", NULL);
    assert_int_equal(tel_database_get_run(&stored, place->database, "e1", NULL), TEL_OK);
    assert_int_equal(tel_database_get_run(&by_name, place->database,
                                          tel_record_get(stored, "run_id"), NULL),
                     TEL_OK);
    assert_string_equal(tel_record_get(by_name, "event_id"), "e1");
    assert_int_equal(tel_database_get_run(&missing, place->database, "e2", &fault),
                     TEL_E_NOT_FOUND);
    assert_null(missing);
    assert_string_equal(fault.text, "run e2 not found");
}

static int count_and_mark(void *arg, const tel_record *record)
{
    struct place *place = arg;

    return tel_database_mark_api_posted(place->database, tel_record_get(record, "event_id"), NULL,
                                        NULL) != TEL_OK;
}

static int note_first(void *arg, const tel_record *record)
{
    char *first = arg;

    (void)snprintf(first, 40, "%s", tel_record_get(record, "event_id"));
    return 1;
}

static void pending_posts__come_oldest_first_and_go_when_they_are_marked(void **state)
{
    struct place *place = *state;
    CLEANUP(recordp_free) tel_record *stored = NULL;
    char first[40] = "";
    tel_run_stats stats;

    insert(place->database, "e1", TEL_SUCCESS);
    insert(place->database, "e2", TEL_FAILURE);
    insert(place->database, "e3", TEL_RUNNING);
    assert_int_equal(tel_database_get_pending_api_posts(place->database, 10, note_first, first,
                                                        NULL),
                     TEL_OK);
    assert_string_equal(first, "e1");
    first[0] = '\0';
    assert_int_equal(tel_database_get_pending_api_posts(place->database, 0, note_first, first,
                                                        NULL),
                     TEL_OK);
    assert_string_equal(first, "");
    assert_int_equal(tel_database_get_pending_api_posts(place->database, 1, count_and_mark, place,
                                                        NULL),
                     TEL_OK);
    assert_int_equal(tel_database_get_run_stats(place->database, &stats, NULL), TEL_OK);
    assert_int_equal(stats.pending_api_posts, 1);
    assert_int_equal(tel_database_get_pending_api_posts(place->database, SIZE_MAX, count_and_mark,
                                                        place, NULL),
                     TEL_OK);
    assert_int_equal(tel_database_get_run_stats(place->database, &stats, NULL), TEL_OK);
    assert_int_equal(stats.pending_api_posts, 0);
    assert_int_equal(tel_database_get_run(&stored, place->database, "e2", NULL), TEL_OK);
    assert_int_equal(tel_record_get_int(stored, "api_posted"), 1);
    assert_int_equal(strlen(tel_record_get(stored, "api_posted_at")), 32);
}

static void export_marks__find_the_run_by_either_id(void **state)
{
    struct place *place = *state;
    CLEANUP(recordp_free) tel_record *record = new_run("e1", TEL_SUCCESS);
    CLEANUP(recordp_free) tel_record *stored = NULL;
    tel_database *database = place->database;

    assert_int_equal(tel_record_set(record, "run_id", "mine", NULL), TEL_OK);
    assert_int_equal(tel_database_insert_run(database, record, NULL), TEL_OK);
    assert_int_equal(tel_database_increment_api_retry_count(database, "e1", NULL), TEL_OK);
    assert_int_equal(tel_database_increment_api_retry_count(database, "mine", NULL), TEL_OK);
    assert_int_equal(tel_database_mark_api_posted(database, "mine", "at noon", NULL), TEL_OK);
    assert_int_equal(tel_database_get_run(&stored, database, "e1", NULL), TEL_OK);
    assert_int_equal(tel_record_get_int(stored, "api_retry_count"), 2);
    assert_string_equal(tel_record_get(stored, "api_posted_at"), "at noon");
    assert_int_equal(tel_database_mark_api_posted(database, "e2", NULL, NULL), TEL_E_NOT_FOUND);
    assert_int_equal(tel_database_increment_api_retry_count(database, "e2", NULL), TEL_E_NOT_FOUND);
}

static void check_integrity__is_content_with_a_sound_file(void **state)
{
    struct place *place = *state;

    insert(place->database, "e1", NULL);
    assert_int_equal(tel_database_check_integrity(place->database, 0, NULL), TEL_OK);
    assert_int_equal(tel_database_check_integrity(place->database, 1, NULL), TEL_OK);
}

static void check_integrity__tells_what_is_wrong_with_a_damaged_file(void **state)
{
    static const char junk[4096] = "junk";
    struct place *place = *state;
    CLEANUP(closep) int fd = open(place->path, O_WRONLY | O_CLOEXEC);
    int64_t page;
    tel_fault fault = {0};

    insert(place->database, "e1", NULL);
    page = other_int(place->path,
                     "SELECT rootpage FROM sqlite_schema WHERE name = 'telemetry_insight_id'");
    tel_database_free(place->database);
    assert_int_equal(pwrite(fd, junk, sizeof junk, (page - 1) * (off_t)sizeof junk), sizeof junk);
    assert_int_equal(tel_database_open(&place->database, NULL, NULL, NULL), TEL_OK);
    assert_int_equal(tel_database_check_integrity(place->database, 0, &fault), TEL_E_CORRUPT);
    assert_non_null(strstr(fault.text, place->path));
    assert_int_equal(tel_database_check_integrity(place->database, 1, &fault), TEL_E_CORRUPT);
}

static void every_function__answers_null_and_empty_arguments(void **state)
{
    struct place *place = *state;
    tel_database *database = place->database;
    CLEANUP(recordp_free) tel_record *record = new_run("e1", NULL);
    CLEANUP(recordp_free) tel_record *empty = NULL;
    tel_record *out = record;
    tel_database *opened = database;
    tel_run_stats stats = {.total = 5};
    tel_fault fault = {0};

    assert_int_equal(tel_record_new(&empty, NULL, NULL), TEL_OK);
    assert_int_equal(tel_database_open(NULL, place->path, NULL, &fault), TEL_E_INVALID);
    assert_int_equal(tel_database_open(&opened, "", NULL, &fault), TEL_E_INVALID);
    assert_null(opened);
    tel_database_free(NULL);
    assert_int_equal(tel_database_insert_run(NULL, record, &fault), TEL_E_INVALID);
    assert_int_equal(tel_database_insert_run(database, NULL, NULL), TEL_E_INVALID);
    assert_int_equal(tel_database_insert_run(database, empty, NULL), TEL_E_INVALID);
    assert_int_equal(tel_database_update_run(NULL, record, &fault), TEL_E_INVALID);
    assert_int_equal(tel_database_update_run(database, NULL, NULL), TEL_E_INVALID);
    assert_int_equal(tel_database_update_run(database, empty, NULL), TEL_E_INVALID);
    assert_int_equal(tel_database_get_run(NULL, database, "e1", &fault), TEL_E_INVALID);
    assert_int_equal(tel_database_get_run(&out, NULL, "e1", NULL), TEL_E_INVALID);
    assert_null(out);
    assert_int_equal(tel_database_get_run(&out, database, NULL, NULL), TEL_E_INVALID);
    assert_int_equal(tel_database_get_run(&out, database, "", NULL), TEL_E_NOT_FOUND);
    assert_int_equal(tel_database_mark_api_posted(NULL, "e1", NULL, &fault), TEL_E_INVALID);
    assert_int_equal(tel_database_mark_api_posted(database, NULL, NULL, NULL), TEL_E_INVALID);
    assert_int_equal(tel_database_mark_api_posted(database, "", "", NULL), TEL_E_NOT_FOUND);
    assert_int_equal(tel_database_increment_api_retry_count(NULL, "e1", &fault), TEL_E_INVALID);
    assert_int_equal(tel_database_increment_api_retry_count(database, NULL, NULL), TEL_E_INVALID);
    assert_int_equal(tel_database_get_pending_api_posts(NULL, 1, note_first, &stats, &fault),
                     TEL_E_INVALID);
    assert_int_equal(tel_database_get_pending_api_posts(database, 1, NULL, NULL, NULL),
                     TEL_E_INVALID);
    assert_int_equal(tel_database_get_run_stats(NULL, &stats, &fault), TEL_E_INVALID);
    assert_int_equal(stats.total, 0);
    assert_int_equal(tel_database_get_run_stats(database, NULL, NULL), TEL_E_INVALID);
    assert_int_equal(tel_database_check_integrity(NULL, 1, &fault), TEL_E_INVALID);
    assert_string_equal(fault.text, "database must not be NULL");
}

static void absurd_values__are_kept_as_they_are(void **state)
{
    struct place *place = *state;
    CLEANUP(recordp_free) tel_record *record = new_run("", NULL);
    CLEANUP(recordp_free) tel_record *stored = NULL;
    CLEANUP(freep) char *huge = calloc(1, 5000001);

    memset(huge, '%', 5000000);
    assert_int_equal(tel_record_set(record, "event_id", "a\n'\"\x01", NULL), TEL_OK);
    assert_int_equal(tel_record_set(record, "error_details", huge, NULL), TEL_OK);
    assert_int_equal(tel_record_set_int(record, "duration_ms", INT64_MAX, NULL), TEL_OK);
    assert_int_equal(tel_database_insert_run(place->database, record, NULL), TEL_OK);
    assert_int_equal(tel_database_get_run(&stored, place->database, "a\n'\"\x01", NULL), TEL_OK);
    assert_string_equal(tel_record_get(stored, "error_details"), huge);
    assert_int_equal(tel_record_get_int(stored, "duration_ms"), INT64_MAX);
}

/* As a host that left every signal at its default, on a disk that fills up. */
static int write_to_a_full_disk(struct place *place)
{
    struct rlimit limit = {40000, RLIM_INFINITY};
    struct stat status;
    sigset_t before;
    sigset_t after;
    tel_error error = TEL_OK;

    (void)signal(SIGXFSZ, SIG_DFL);
    (void)pthread_sigmask(SIG_SETMASK, NULL, &before);
    if (stat(place->path, &status))
        return 1;
    limit.rlim_cur += (rlim_t)status.st_size;
    if (setrlimit(RLIMIT_FSIZE, &limit))
        return 2;
    errno = 12345;
    for (int i = 0; i < 1000 && !error; i++) {
        tel_record *record = new_run(NULL, NULL);

        error = tel_database_insert_run(place->database, record, NULL);
        tel_record_free(record);
    }
    if (error != TEL_E_IO || errno != 12345)
        return 3;
    (void)pthread_sigmask(SIG_SETMASK, NULL, &after);
    return sigismember(&before, SIGXFSZ) == sigismember(&after, SIGXFSZ) ? 0 : 4;
}

static void host__survives_a_full_disk_with_its_errno_and_signals_as_they_were(void **state)
{
    struct place *place = *state;
    int status;
    pid_t pid = fork();

    if (pid == 0)
        _exit(write_to_a_full_disk(place));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    insert(place->database, "afterwards", NULL);
    assert_int_equal(tel_database_check_integrity(place->database, 1, NULL), TEL_OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(open__finds_the_configured_database),
        TEST(open__follows_a_configuration_of_the_callers),
        TEST(open__brings_an_old_database_up_and_says_so),
        TEST(open__says_what_is_wrong_with_the_file),
        TEST(insert_run__fills_in_what_is_missing_also_in_the_record),
        TEST(insert_run__keeps_what_is_given_and_replaces_a_run_id_that_cannot_be),
        TEST(insert_run__stores_nothing_twice),
        TEST(insert_run__wants_agent_and_job),
        TEST(update_run__finds_the_run_by_event_id_or_by_run_id),
        TEST(get_run__takes_an_event_id_or_the_newest_of_a_run_id),
        TEST(pending_posts__come_oldest_first_and_go_when_they_are_marked),
        TEST(export_marks__find_the_run_by_either_id),
        TEST(check_integrity__is_content_with_a_sound_file),
        TEST(check_integrity__tells_what_is_wrong_with_a_damaged_file),
        TEST(every_function__answers_null_and_empty_arguments),
        TEST(absurd_values__are_kept_as_they_are),
        TEST(host__survives_a_full_disk_with_its_errno_and_signals_as_they_were),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
