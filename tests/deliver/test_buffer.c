/* SPDX-License-Identifier: MIT */
#include "support/cmocka_all.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "deliver/buffer.h"
#include "deliver/buffer_name.h"
#include "support/database.h"
#include "support/scratch.h"

#define SECONDS_TILL_STUCK 60

struct bench {
    char *scratch;
    char *directory;
    struct buffer_options options;
    struct buffer *buffer;
};

static int setup(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);

    assert_non_null(bench);
    bench->scratch = scratch_make();
    bench->directory = scratch_path(bench->scratch, "a/buffer");
    bench->options = (struct buffer_options){.directory = bench->directory,
                                             .bytes_max = 1000000,
                                             .age_max_ms = 3600000};
    assert_int_equal(buffer_new(&bench->buffer, &bench->options), TEL_OK);
    *state = bench;
    return 0;
}

static int teardown(void **state)
{
    struct bench *bench = *state;

    buffer_free(bench->buffer);
    free(bench->directory);
    scratch_remove(bench->scratch);
    free(bench);
    return 0;
}

static void begin_anew(struct bench *bench)
{
    buffer_free(bench->buffer);
    assert_int_equal(buffer_new(&bench->buffer, &bench->options), TEL_OK);
}

static tel_error append(struct buffer *buffer, const char *line)
{
    return buffer_append_line(buffer, line, strlen(line), false, NULL);
}

static void append_ok(struct buffer *buffer, const char *line)
{
    assert_int_equal(append(buffer, line), TEL_OK);
}

static bool is_entry(const char *name)
{
    return *name != '.';
}

static int count_entry(void *arg, const char *name)
{
    (void)name;
    ++*(size_t *)arg;
    return 0;
}

static size_t count_files(const struct bench *bench)
{
    size_t count = 0;

    assert_int_equal(directory_each(bench->directory, is_entry, count_entry, &count, NULL), TEL_OK);
    return count;
}

static void check_content(const struct bench *bench, const char *state, const char *expected)
{
    CLEANUP(freep) char *text = scratch_read_all(bench->directory, state);

    assert_string_equal(text, expected);
}

static int keep_path(void *arg, const char *name)
{
    char **path = arg;

    *path = strdup(name);
    return 1;
}

/* Return the path of the first active file. The caller frees it. */
static char *active_path(const struct bench *bench)
{
    CLEANUP(freep) char *name = NULL;

    assert_int_equal(directory_each(bench->directory, buffer_name_is_active, keep_path, &name,
                                    NULL),
                     TEL_OK);
    assert_non_null(name);
    return path_join(bench->directory, name);
}

static bool is_locked(const char *path)
{
    CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);

    assert_true(fd >= 0);
    return flock(fd, LOCK_EX | LOCK_NB) != 0;
}

/* ---- Names ------------------------------------------------------------------------------------- */

static void buffer_name__says_when_by_whom_and_in_which_state(void **state)
{
    char name[BUFFER_NAME_SIZE];
    char other[BUFFER_NAME_SIZE];
    char pid[32];
    int64_t us;

    (void)state;
    buffer_name_make(name);
    buffer_name_make(other);
    assert_string_not_equal(name, other);
    (void)snprintf(pid, sizeof pid, "-tel-%ld-", (long)getpid());
    assert_non_null(strstr(name, pid));
    assert_true(buffer_name_time(&us, name));
    assert_true(us <= clock_now_us() && us > clock_now_us() - 60 * US_PER_SECOND);

    assert_true(
        buffer_name_is_locked_kind("telemetry_20251210_120530-tel-7-0a1b2c3d.jsonl.active"));
    assert_false(buffer_name_is_locked_kind("telemetry_20251210_120530.jsonl.active"));
    assert_false(buffer_name_is_locked_kind("telemetry_20251210_120530_x-tel-7.jsonl.active"));
    assert_true(buffer_name_time(&us, "telemetry_19700101_000002_x.jsonl.ready"));
    assert_int_equal(us, 2 * US_PER_SECOND);
    assert_false(buffer_name_time(&us, "telemetry_20251310_120530.jsonl.ready"));
    assert_false(buffer_name_time(&us, "telemetry_20251210-120530.jsonl.ready"));
    assert_false(buffer_name_time(&us, "telemetry_"));
    assert_false(buffer_name_time(&us, ""));
    assert_true(buffer_name_is_active("x.jsonl.active"));
    assert_false(buffer_name_is_active(".jsonl.active"));
    assert_false(buffer_name_is_active("x.jsonl.ready"));
    assert_true(buffer_name_is_ready("x.jsonl.ready"));
    assert_false(buffer_name_is_ready("x.jsonl.ready.tmp"));
}

/* ---- One writer -------------------------------------------------------------------------------- */

static void buffer__makes_a_private_locked_file_at_the_first_append(void **state)
{
    struct bench *bench = *state;
    CLEANUP(freep) char *path = NULL;
    struct stat status;

    assert_int_equal(access(bench->directory, F_OK), -1);
    append_ok(bench->buffer, "{\"a\":1}");
    append_ok(bench->buffer, "{\"b\":2}");
    check_content(bench, ".active", "{\"a\":1}\n{\"b\":2}\n");
    assert_int_equal(count_files(bench), 1);
    path = active_path(bench);
    assert_true(is_locked(path));
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    assert_int_equal(stat(bench->directory, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0700);
    assert_int_equal(buffer_make_durable(bench->buffer, NULL), TEL_OK);
}

static json_t *read_only_line(const struct bench *bench)
{
    CLEANUP(freep) char *text = scratch_read_all(bench->directory, ".active");
    json_t *json = json_parse(text, strlen(text), NULL);

    assert_int_equal(count_lines(text), 1);
    assert_non_null(json);
    return json;
}

static void buffer_append_run__writes_what_was_given(void **state)
{
    struct bench *bench = *state;
    CLEANUP(record_clear) struct tel_record record = RECORD();
    CLEANUP(json_releasep) json_t *json = NULL;

    make_run(&record, "e1", "running");
    assert_int_equal(record_set_text(&record, FIELD_metrics_json, "{\"n\":1}", NULL), TEL_OK);
    assert_int_equal(buffer_append_run(bench->buffer, &record, NULL), TEL_OK);
    json = read_only_line(bench);
    assert_int_equal(json_object_size(json), 8);
    assert_string_equal(json_string_value(json_object_get(json, "record_type")), "run");
    assert_string_equal(json_string_value(json_object_get(json, "event_id")), "e1");
    assert_string_equal(json_string_value(json_object_get(json, "metrics_json")), "{\"n\":1}");
}

static void buffer_append_update__writes_the_fields_wanted_and_when(void **state)
{
    struct bench *bench = *state;
    CLEANUP(record_clear) struct tel_record record = RECORD();
    CLEANUP(json_releasep) json_t *json = NULL;
    int64_t us;

    make_run(&record, "e1", "success");
    assert_int_equal(record_set_int(&record, FIELD_items_failed, 0, NULL), TEL_OK);
    assert_int_equal(record_set_int(&record, FIELD_items_skipped, 3, NULL), TEL_OK);
    assert_int_equal(buffer_append_update(bench->buffer, &record, ~FIELD_BIT(FIELD_items_skipped),
                                          NULL),
                     TEL_OK);
    json = read_only_line(bench);
    assert_int_equal(json_object_size(json), 5);
    assert_string_equal(json_string_value(json_object_get(json, "record_type")), "update");
    assert_string_equal(json_string_value(json_object_get(json, "event_id")), "e1");
    assert_string_equal(json_string_value(json_object_get(json, "status")), "success");
    assert_int_equal(json_integer_value(json_object_get(json, "items_failed")), 0);
    assert_true(timestamp_parse(&us, json_string_value(json_object_get(json, "buffered_at"))));
    assert_true(us <= clock_now_us() && us > clock_now_us() - 60 * US_PER_SECOND);
}

static void buffer__refuses_records_that_nobody_could_deliver(void **state)
{
    struct bench *bench = *state;
    CLEANUP(record_clear) struct tel_record record = RECORD();

    assert_int_equal(record_set_text(&record, FIELD_status, "success", NULL), TEL_OK);
    assert_int_equal(buffer_append_run(bench->buffer, &record, NULL), TEL_E_INVALID);
    assert_int_equal(buffer_append_update(bench->buffer, &record, ~(field_set)0, NULL),
                     TEL_E_INVALID);
    make_run(&record, "e1", "success");
    assert_int_equal(buffer_append_update(bench->buffer, &record, FIELD_BIT(FIELD_items_failed),
                                          NULL),
                     TEL_E_INVALID);
    assert_int_equal(append(bench->buffer, "two\nlines"), TEL_E_INVALID);
    assert_int_equal(append(bench->buffer, ""), TEL_E_INVALID);
    check_content(bench, "", "");
}

static void buffer__rotates_at_its_size(void **state)
{
    struct bench *bench = *state;

    bench->options.bytes_max = 6;
    begin_anew(bench);
    append_ok(bench->buffer, "{}");
    check_content(bench, ".ready", "");
    append_ok(bench->buffer, "{}");
    check_content(bench, ".ready", "{}\n{}\n");
    check_content(bench, ".active", "");
    append_ok(bench->buffer, "{}");
    check_content(bench, ".active", "{}\n");
    assert_int_equal(count_files(bench), 2);
}

static void buffer__rotates_at_its_age(void **state)
{
    struct bench *bench = *state;

    bench->options.age_max_ms = 0;
    begin_anew(bench);
    append_ok(bench->buffer, "{}");
    append_ok(bench->buffer, "{}");
    check_content(bench, ".ready", "{}\n{}\n");
    assert_int_equal(count_files(bench), 2);
}

static void buffer_rotate__does_nothing_when_nothing_was_appended(void **state)
{
    struct bench *bench = *state;

    assert_int_equal(buffer_rotate(bench->buffer, NULL), TEL_OK);
    append_ok(bench->buffer, "{}");
    assert_int_equal(buffer_rotate(bench->buffer, NULL), TEL_OK);
    assert_int_equal(buffer_rotate(bench->buffer, NULL), TEL_OK);
    check_content(bench, ".ready", "{}\n");
    assert_int_equal(count_files(bench), 1);
}

static void buffer_free__makes_the_file_ready(void **state)
{
    struct bench *bench = *state;

    append_ok(bench->buffer, "{}");
    begin_anew(bench);
    check_content(bench, ".ready", "{}\n");
    begin_anew(bench);
    assert_int_equal(count_files(bench), 1);
    buffer_free(NULL);
}

static void buffer__begins_a_new_file_when_its_own_is_taken_away(void **state)
{
    struct bench *bench = *state;
    CLEANUP(freep) char *first = NULL;
    CLEANUP(freep) char *second = NULL;
    CLEANUP(freep) char *elsewhere = scratch_path(bench->scratch, "elsewhere");

    append_ok(bench->buffer, "{\"a\":1}");
    first = active_path(bench);
    assert_int_equal(unlink(first), 0);
    append_ok(bench->buffer, "{\"b\":2}");
    check_content(bench, ".active", "{\"b\":2}\n");
    second = active_path(bench);
    assert_int_equal(rename(second, elsewhere), 0);
    append_ok(bench->buffer, "{\"c\":3}");
    check_content(bench, ".active", "{\"c\":3}\n");
    assert_false(is_locked(elsewhere));
    assert_int_equal(buffer_rotate(bench->buffer, NULL), TEL_OK);
    check_content(bench, ".ready", "{\"c\":3}\n");
}

static void buffer__says_what_is_in_the_way(void **state)
{
    struct bench *bench = *state;
    CLEANUP(freep) char *in_the_way = scratch_path(bench->scratch, "a");
    CLEANUP(freep) char *very_long = calloc(5000, 1);
    struct buffer *buffer;
    tel_fault fault;

    scratch_write(in_the_way, "");
    assert_int_equal(buffer_append_line(bench->buffer, "{}", 2, false, &fault), TEL_E_IO);
    assert_non_null(strstr(fault.text, in_the_way));
    assert_int_equal(buffer_rotate(bench->buffer, &fault), TEL_OK);
    assert_int_equal(unlink(in_the_way), 0);
    append_ok(bench->buffer, "{}");

    bench->options.directory = "";
    assert_int_equal(buffer_new(&buffer, &bench->options), TEL_E_INVALID);
    assert_null(buffer);
    memset(very_long, 'x', 4999);
    bench->options.directory = very_long;
    assert_int_equal(buffer_new(&buffer, &bench->options), TEL_E_INVALID);
}

/* ---- Full disks -------------------------------------------------------------------------------- */

static bool limit_file_size(rlim_t bytes)
{
    struct rlimit limit;

    if (signal(SIGXFSZ, SIG_IGN) == SIG_ERR || getrlimit(RLIMIT_FSIZE, &limit))
        return false;
    limit.rlim_cur = bytes;
    return setrlimit(RLIMIT_FSIZE, &limit) == 0;
}

static int append_on_a_full_disk(void *arg, size_t number)
{
    struct bench *bench = arg;

    (void)number;
    if (!limit_file_size(12) || append(bench->buffer, "{\"a\":1}"))
        return 1;
    if (append(bench->buffer, "{\"b\":2}") != TEL_E_IO)
        return 2;
    if (!limit_file_size(RLIM_INFINITY) || append(bench->buffer, "{\"c\":3}"))
        return 3;
    buffer_free(bench->buffer);
    return 0;
}

static void buffer__ends_a_line_that_was_cut_short(void **state)
{
    struct bench *bench = *state;

    assert_int_equal(run_processes(1, append_on_a_full_disk, bench), 1);
    check_content(bench, ".ready", "{\"a\":1}\n{\"b\"\n{\"c\":3}\n");
}

static int append_nothing_at_all(void *arg, size_t number)
{
    struct bench *bench = arg;

    (void)number;
    if (!limit_file_size(0) || append(bench->buffer, "{}") != TEL_E_IO)
        return 1;
    buffer_free(bench->buffer);
    return 0;
}

static void buffer__leaves_no_file_behind_in_which_is_nothing(void **state)
{
    struct bench *bench = *state;

    assert_int_equal(run_processes(1, append_nothing_at_all, bench), 1);
    assert_int_equal(count_files(bench), 0);
}

/* ---- Processes --------------------------------------------------------------------------------- */

static int append_and_die(void *arg, size_t number)
{
    struct bench *bench = arg;

    (void)number;
    if (append(bench->buffer, "{\"a\":1}") || append(bench->buffer, "{\"b\":2}"))
        return 1;
    (void)raise(SIGKILL);
    return 2;
}

static void buffer__of_a_killed_writer_is_whole_and_unlocked(void **state)
{
    struct bench *bench = *state;
    CLEANUP(freep) char *path = NULL;

    assert_int_equal(run_processes(1, append_and_die, bench), 0);
    check_content(bench, ".active", "{\"a\":1}\n{\"b\":2}\n");
    path = active_path(bench);
    assert_false(is_locked(path));
}

static int append_as_child(void *arg, size_t number)
{
    struct bench *bench = arg;
    char line[32];

    (void)alarm(SECONDS_TILL_STUCK);
    (void)snprintf(line, sizeof line, "{\"child\":%zu}", number);
    if (append(bench->buffer, line))
        return 1;
    buffer_free(bench->buffer);
    return 0;
}

static void buffer__of_a_forked_child_is_its_own(void **state)
{
    struct bench *bench = *state;
    CLEANUP(freep) char *path = NULL;

    append_ok(bench->buffer, "{\"parent\":1}");
    path = active_path(bench);
    assert_int_equal(run_processes(3, append_as_child, bench), 3);
    assert_true(is_locked(path));
    append_ok(bench->buffer, "{\"parent\":2}");
    check_content(bench, ".active", "{\"parent\":1}\n{\"parent\":2}\n");
    assert_int_equal(count_files(bench), 4);
    {
        CLEANUP(freep) char *ready = scratch_read_all(bench->directory, ".ready");

        assert_int_equal(count_lines(ready), 3);
        for (int i = 0; i < 3; i++) {
            char line[32];

            (void)snprintf(line, sizeof line, "{\"child\":%d}\n", i);
            assert_int_equal(count_of(ready, line), 1);
        }
    }
}

static int free_as_child(void *arg, size_t number)
{
    struct bench *bench = arg;

    (void)number;
    buffer_free(bench->buffer);
    return 0;
}

static void buffer_free__in_a_forked_child_lets_the_parents_file_alone(void **state)
{
    struct bench *bench = *state;
    CLEANUP(freep) char *path = NULL;

    append_ok(bench->buffer, "{}");
    assert_int_equal(run_processes(1, free_as_child, bench), 1);
    check_content(bench, ".active", "{}\n");
    path = active_path(bench);
    assert_true(is_locked(path));
}

/* Append, fork a child that appends too and then stays, and die. */
static int die_before_child(struct bench *bench, int ready, int stay)
{
    char byte;

    if (append(bench->buffer, "{\"parent\":1}"))
        return 1;
    if (fork() == 0) {
        (void)alarm(SECONDS_TILL_STUCK);
        byte = append(bench->buffer, "{\"child\":1}") ? 'n' : 'y';
        if (write(ready, &byte, 1) == 1)
            (void)!read(stay, &byte, 1);
        _exit(0);
    }
    (void)raise(SIGKILL);
    return 2;
}

static void buffer__of_a_dead_parent_is_not_kept_locked_by_its_child(void **state)
{
    struct bench *bench = *state;
    int ready[2];
    int stay[2];
    pid_t parent;
    char byte;

    assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
    assert_int_equal(pipe2(stay, O_CLOEXEC), 0);
    parent = fork();
    assert_true(parent >= 0);
    if (parent == 0)
        _exit(die_before_child(bench, ready[1], stay[0]));
    assert_int_equal(waitpid(parent, NULL, 0), parent);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(byte, 'y');
    assert_int_equal(count_files(bench), 2);
    {
        char mark[32];
        DIR *directory = opendir(bench->directory);
        struct dirent *entry;

        (void)snprintf(mark, sizeof mark, "-tel-%ld-", (long)parent);
        while ((entry = readdir(directory)) != NULL) {
            char *path = scratch_path(bench->directory, entry->d_name);

            if (*entry->d_name != '.')
                assert_int_equal(is_locked(path), strstr(entry->d_name, mark) == NULL);
            free(path);
        }
        (void)closedir(directory);
    }
    assert_int_equal(write(stay[1], "x", 1), 1);
    for (int i = 0; i < 2; i++) {
        (void)close(ready[i]);
        (void)close(stay[i]);
    }
}

static void buffer__made_ready_is_not_kept_locked_by_an_idle_child(void **state)
{
    struct bench *bench = *state;
    CLEANUP(freep) char *name = NULL;
    CLEANUP(freep) char *path = NULL;
    int stay[2];
    pid_t child;
    char byte;

    append_ok(bench->buffer, "{}");
    assert_int_equal(pipe2(stay, O_CLOEXEC), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)alarm(SECONDS_TILL_STUCK);
        (void)!read(stay[0], &byte, 1);
        _exit(0);
    }
    assert_int_equal(buffer_rotate(bench->buffer, NULL), TEL_OK);
    assert_int_equal(directory_each(bench->directory, buffer_name_is_ready, keep_path, &name, NULL),
                     TEL_OK);
    path = path_join(bench->directory, name);
    assert_false(is_locked(path));
    assert_int_equal(write(stay[1], "x", 1), 1);
    assert_int_equal(waitpid(child, NULL, 0), child);
    (void)close(stay[0]);
    (void)close(stay[1]);
}

/* ---- Threads ----------------------------------------------------------------------------------- */

#define THREADS 8
#define LINES_EACH 200

struct worker {
    struct buffer *buffer;
    size_t number;
    atomic_bool stop; /* with it, lines are appended until it is set */
    bool endless;
    bool failed;
};

static void *append_lines(void *arg)
{
    struct worker *worker = arg;
    char line[64];

    for (size_t i = 0; worker->endless ? !atomic_load(&worker->stop) : i < LINES_EACH; i++) {
        (void)snprintf(line, sizeof line, "{\"by\":%zu,\"line\":%zu}", worker->number, i);
        worker->failed |= append(worker->buffer, line) != TEL_OK;
    }
    return NULL;
}

static void buffer__loses_and_mixes_no_line_of_many_threads(void **state)
{
    struct bench *bench = *state;
    struct worker workers[THREADS];
    pthread_t threads[THREADS];
    CLEANUP(freep) char *text = NULL;

    bench->options.bytes_max = 2000;
    begin_anew(bench);
    for (size_t i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.buffer = bench->buffer, .number = i};
        assert_int_equal(pthread_create(&threads[i], NULL, append_lines, &workers[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_false(workers[i].failed);
    }
    begin_anew(bench);
    text = scratch_read_all(bench->directory, ".ready");
    assert_int_equal(count_lines(text), THREADS * LINES_EACH);
    for (size_t i = 0; i < THREADS; i++) {
        for (size_t j = 0; j < LINES_EACH; j++) {
            char line[64];

            (void)snprintf(line, sizeof line, "{\"by\":%zu,\"line\":%zu}\n", i, j);
            assert_int_equal(count_of(text, line), 1);
        }
    }
}

static void buffer__may_be_forked_while_another_thread_appends(void **state)
{
    struct bench *bench = *state;
    struct worker worker = {.buffer = bench->buffer, .endless = true};
    pthread_t thread;

    atomic_init(&worker.stop, false);
    assert_int_equal(pthread_create(&thread, NULL, append_lines, &worker), 0);
    for (int i = 0; i < 20; i++)
        assert_int_equal(run_processes(2, append_as_child, bench), 2);
    atomic_store(&worker.stop, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_false(worker.failed);
    {
        CLEANUP(freep) char *text = scratch_read_all(bench->directory, ".ready");

        assert_int_equal(count_of(text, "{\"child\":0}\n"), 20);
        assert_int_equal(count_of(text, "{\"child\":1}\n"), 20);
    }
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buffer_name__says_when_by_whom_and_in_which_state),
        TEST(buffer__makes_a_private_locked_file_at_the_first_append),
        TEST(buffer_append_run__writes_what_was_given),
        TEST(buffer_append_update__writes_the_fields_wanted_and_when),
        TEST(buffer__refuses_records_that_nobody_could_deliver),
        TEST(buffer__rotates_at_its_size),
        TEST(buffer__rotates_at_its_age),
        TEST(buffer_rotate__does_nothing_when_nothing_was_appended),
        TEST(buffer_free__makes_the_file_ready),
        TEST(buffer__begins_a_new_file_when_its_own_is_taken_away),
        TEST(buffer__says_what_is_in_the_way),
        TEST(buffer__ends_a_line_that_was_cut_short),
        TEST(buffer__leaves_no_file_behind_in_which_is_nothing),
        TEST(buffer__of_a_killed_writer_is_whole_and_unlocked),
        TEST(buffer__of_a_forked_child_is_its_own),
        TEST(buffer_free__in_a_forked_child_lets_the_parents_file_alone),
        TEST(buffer__of_a_dead_parent_is_not_kept_locked_by_its_child),
        TEST(buffer__made_ready_is_not_kept_locked_by_an_idle_child),
        TEST(buffer__loses_and_mixes_no_line_of_many_threads),
        TEST(buffer__may_be_forked_while_another_thread_appends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
