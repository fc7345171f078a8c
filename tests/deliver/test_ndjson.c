/* SPDX-License-Identifier: MIT */
#include "support/cmocka_all.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "deliver/ndjson.h"
#include "support/database.h"
#include "support/scratch.h"

#define PATIENT_MS 60000

struct trail {
    char *scratch;
    char *directory;
    char *today; /* the path of today's file */
    struct ndjson ndjson;
    tel_ndjson *public;
};

/* Keep clear of midnight, so that a test knows which file is today's. */
static void wait_out_midnight(void)
{
    int64_t day_us = INT64_C(86400) * US_PER_SECOND;

    while (clock_now_us() % day_us > day_us - 30 * US_PER_SECOND)
        (void)sleep(1);
}

static int setup(void **state)
{
    struct trail *trail = calloc(1, sizeof *trail);
    char date[9];
    char time[7];

    assert_non_null(trail);
    wait_out_midnight();
    timestamp_compact(date, time, clock_now_us());
    trail->scratch = scratch_make();
    trail->directory = scratch_path(trail->scratch, "a/raw");
    assert_int_equal(ndjson_init(&trail->ndjson, trail->directory, FILE_OWNER_ONLY, PATIENT_MS),
                     TEL_OK);
    assert_int_equal(tel_ndjson_new(&trail->public, trail->directory, NULL), TEL_OK);
    trail->today = ndjson_path(&trail->ndjson, date);
    *state = trail;
    return 0;
}

static int teardown(void **state)
{
    struct trail *trail = *state;

    tel_ndjson_free(trail->public);
    ndjson_clear(&trail->ndjson);
    free(trail->today);
    free(trail->directory);
    scratch_remove(trail->scratch);
    free(trail);
    return 0;
}

static tel_error append(struct trail *trail, const char *line, tel_fault *fault)
{
    return ndjson_append(&trail->ndjson, clock_now_us(), line, strlen(line),
                         deadline_in(PATIENT_MS), NULL, fault);
}

static void append_ok(struct trail *trail, const char *line)
{
    assert_int_equal(append(trail, line, NULL), TEL_OK);
}

static void put_today(struct trail *trail, const char *text)
{
    assert_int_equal(directory_make(trail->directory, FILE_OWNER_ONLY, NULL), TEL_OK);
    scratch_write(trail->today, text);
}

static void check_today(struct trail *trail, const char *expected)
{
    CLEANUP(freep) char *text = scratch_read(trail->today);

    assert_string_equal(text, expected);
}

static mode_t mode_of(const char *path)
{
    struct stat status;

    assert_int_equal(lstat(path, &status), 0);
    return status.st_mode & 07777;
}

/* ---- Appending --------------------------------------------------------------------------------- */

static void ndjson_append__makes_directory_and_file_for_the_owner_alone(void **state)
{
    struct trail *trail = *state;

    append_ok(trail, "{\"a\":1}");
    append_ok(trail, "{\"b\":2}");
    check_today(trail, "{\"a\":1}\n{\"b\":2}\n");
    assert_int_equal(mode_of(trail->directory), 0700);
    assert_int_equal(mode_of(trail->today), 0600);
}

static void ndjson_append__shares_with_the_group_when_asked(void **state)
{
    struct trail *trail = *state;

    trail->ndjson.access = FILE_GROUP_TOO;
    append_ok(trail, "{}");
    assert_int_equal(mode_of(trail->directory), 0770);
    assert_int_equal(mode_of(trail->today), 0660);
}

static void ndjson_append__ends_a_torn_line_first(void **state)
{
    struct trail *trail = *state;

    put_today(trail, "{\"a\":1}\n{\"b\":");
    append_ok(trail, "{\"c\":3}");
    check_today(trail, "{\"a\":1}\n{\"b\":\n{\"c\":3}\n");
}

static void add_to_today(struct trail *trail, const char *text)
{
    CLEANUP(closep) int fd = open(trail->today, O_WRONLY | O_APPEND | O_CLOEXEC);

    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static void ndjson_append__sees_what_becomes_of_the_file_that_it_keeps_open(void **state)
{
    struct trail *trail = *state;
    CLEANUP(freep) char *moved = scratch_path(trail->scratch, "moved");
    CLEANUP(freep) char *text = NULL;

    append_ok(trail, "{\"a\":1}");
    add_to_today(trail, "{\"torn");
    append_ok(trail, "{\"b\":2}");
    append_ok(trail, "{\"c\":3}");
    check_today(trail, "{\"a\":1}\n{\"torn\n{\"b\":2}\n{\"c\":3}\n");
    assert_int_equal(truncate(trail->today, 0), 0);
    append_ok(trail, "{\"d\":4}");
    check_today(trail, "{\"d\":4}\n");
    assert_int_equal(rename(trail->today, moved), 0);
    append_ok(trail, "{\"e\":5}");
    check_today(trail, "{\"e\":5}\n");
    assert_int_equal(unlink(trail->today), 0);
    append_ok(trail, "{\"f\":6}");
    check_today(trail, "{\"f\":6}\n");
    text = scratch_read(moved);
    assert_string_equal(text, "{\"d\":4}\n");
}

static void ndjson_append__refuses_what_is_not_one_line(void **state)
{
    struct trail *trail = *state;
    CLEANUP(freep) char *long_line = malloc(FILE_LINE_BYTES_MAX + 1);
    tel_fault fault;

    assert_int_equal(append(trail, "{\n}", &fault), TEL_E_INVALID);
    assert_int_equal(append(trail, "{}\n", &fault), TEL_E_INVALID);
    assert_int_equal(append(trail, "", &fault), TEL_E_INVALID);
    memset(long_line, ' ', FILE_LINE_BYTES_MAX + 1);
    assert_int_equal(ndjson_append(&trail->ndjson, clock_now_us(), long_line,
                                   FILE_LINE_BYTES_MAX + 1, deadline_in(PATIENT_MS), NULL, &fault),
                     TEL_E_TOO_LARGE);
    check_today(trail, "");
}

static void ndjson_append__does_without_a_lock_that_it_does_not_get(void **state)
{
    struct trail *trail = *state;
    CLEANUP(closep) int holder = -1;
    bool unlocked = true;

    assert_int_equal(ndjson_append(&trail->ndjson, clock_now_us(), "{}", 2, deadline_in(0),
                                   &unlocked, NULL),
                     TEL_OK);
    assert_false(unlocked);
    holder = open(trail->today, O_RDONLY | O_CLOEXEC);
    assert_int_equal(flock(holder, LOCK_EX), 0);
    assert_int_equal(ndjson_append(&trail->ndjson, clock_now_us(), "{}", 2, deadline_in(5),
                                   &unlocked, NULL),
                     TEL_OK);
    assert_true(unlocked);
    check_today(trail, "{}\n{}\n");
}

static void ndjson_append__leaves_the_file_unlocked(void **state)
{
    struct trail *trail = *state;
    CLEANUP(closep) int fd = -1;

    append_ok(trail, "{}");
    fd = open(trail->today, O_RDONLY | O_CLOEXEC);
    assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
}

static void ndjson_append__writes_through_no_link_fifo_or_directory(void **state)
{
    struct trail *trail = *state;
    CLEANUP(freep) char *target = scratch_path(trail->scratch, "target");
    CLEANUP(freep) char *content = NULL;
    tel_fault fault;

    scratch_write(target, "precious");
    assert_int_equal(directory_make(trail->directory, FILE_OWNER_ONLY, NULL), TEL_OK);
    assert_int_equal(symlink(target, trail->today), 0);
    assert_int_equal(append(trail, "{}", &fault), TEL_E_CORRUPT);
    assert_non_null(strstr(fault.text, trail->today));
    assert_int_equal(unlink(trail->today), 0);
    assert_int_equal(mkfifo(trail->today, 0600), 0);
    assert_int_equal(append(trail, "{}", NULL), TEL_E_CORRUPT);
    assert_int_equal(unlink(trail->today), 0);
    assert_int_equal(mkdir(trail->today, 0700), 0);
    assert_int_equal(append(trail, "{}", NULL), TEL_E_CORRUPT);
    content = scratch_read(target);
    assert_string_equal(content, "precious");
}

static void ndjson_append__says_which_directory_cannot_be_made(void **state)
{
    struct trail *trail = *state;
    CLEANUP(freep) char *in_the_way = scratch_path(trail->scratch, "a");
    tel_fault fault;

    scratch_write(in_the_way, "");
    assert_int_equal(append(trail, "{}", &fault), TEL_E_IO);
    assert_non_null(strstr(fault.text, in_the_way));
}

/* In a child, whose limit ends with it. The signal that the limit raises would end the child. */
static int append_beyond_limit(void *arg, size_t number)
{
    struct trail *trail = arg;
    const struct rlimit limit = {12, 12};
    tel_fault fault;

    (void)number;
    if (signal(SIGXFSZ, SIG_DFL) == SIG_ERR || setrlimit(RLIMIT_FSIZE, &limit))
        return 1;
    if (tel_ndjson_append(trail->public, "{\"a\":1}", &fault))
        return 2;
    if (tel_ndjson_append(trail->public, "{\"b\":2}", &fault) != TEL_E_IO)
        return 3;
    if (tel_ndjson_append(trail->public, "{\"b\":2}", &fault) != TEL_E_IO)
        return 4;
    return 0;
}

static bool pread_fails;

TEL_API ssize_t pread(int fd, void *bytes, size_t count, off_t offset)
{
    errno = EIO;
    return pread_fails ? -1 : syscall(SYS_pread64, fd, bytes, count, offset);
}

/* A line behind one that may be torn would be lost with it. */
static void ndjson_append__writes_nothing_behind_an_end_that_it_cannot_read(void **state)
{
    struct trail *trail = *state;
    CLEANUP(freep) char *text = NULL;
    CLEANUP(freep) char *mended = NULL;
    tel_fault fault = {0};

    assert_int_equal(tel_ndjson_append(trail->public, "{}", NULL), TEL_OK);
    scratch_write(trail->today, "{\"torn");
    pread_fails = true;
    assert_int_equal(tel_ndjson_append(trail->public, "{}", &fault), TEL_E_IO);
    pread_fails = false;
    assert_non_null(strstr(fault.text, "cannot read the end of"));
    assert_non_null(strstr(fault.text, trail->today));
    text = scratch_read(trail->today);
    assert_string_equal(text, "{\"torn");
    assert_int_equal(tel_ndjson_append(trail->public, "{}", NULL), TEL_OK);
    mended = scratch_read(trail->today);
    assert_string_equal(mended, "{\"torn\n{}\n");
}

static void ndjson_append__reports_a_write_that_is_cut_short_and_repairs_it_later(void **state)
{
    struct trail *trail = *state;

    assert_int_equal(run_processes(1, append_beyond_limit, trail), 1);
    append_ok(trail, "{\"c\":3}");
    check_today(trail, "{\"a\":1}\n{\"b\"\n{\"c\":3}\n");
}

/* ---- Many at once ------------------------------------------------------------------------------ */

#define PROCESSES 50
#define LINES_EACH 20

static int append_lines(struct ndjson *ndjson, size_t number)
{
    CLEANUP(strbuf_clear) struct strbuf line = STRBUF(10000);

    for (size_t i = 0; i < LINES_EACH; i++) {
        strbuf_reset(&line);
        strbuf_printf(&line, "{\"by\":%zu,\"line\":%zu,\"fill\":\"%*s\"}", number, i,
                      (int)(number * 90 + i), "");
        if (ndjson_append(ndjson, clock_now_us(), line.text, line.length,
                          deadline_in(ndjson->lock_budget_ms), NULL, NULL))
            return 1;
    }
    return 0;
}

/* In a child: with a trail of its own, as a client has there. */
static int append_many(void *arg, size_t number)
{
    struct trail *trail = arg;
    struct ndjson own;
    int failed;

    if (ndjson_init(&own, trail->directory, FILE_OWNER_ONLY, trail->ndjson.lock_budget_ms))
        return 1;
    failed = append_lines(&own, number);
    ndjson_clear(&own);
    return failed;
}

struct tally {
    int seen[PROCESSES][LINES_EACH];
    size_t lines;
};

static int tally_line(void *arg, const char *line)
{
    struct tally *tally = arg;
    size_t by;
    size_t number;

    assert_int_equal(sscanf(line, "{\"by\":%zu,\"line\":%zu,", &by, &number), 2);
    assert_true(by < PROCESSES && number < LINES_EACH);
    tally->seen[by][number]++;
    tally->lines++;
    return 0;
}

static void check_all_whole(struct trail *trail, size_t processes)
{
    struct tally tally = {.lines = 0};
    size_t skipped;
    char date[9];

    (void)snprintf(date, sizeof date, "%s", strstr(trail->today, "events_") + 7);
    assert_int_equal(tel_ndjson_read_file(trail->public, date, tally_line, &tally, &skipped, NULL),
                     TEL_OK);
    assert_int_equal(skipped, 0);
    assert_int_equal(tally.lines, processes * LINES_EACH);
    for (size_t i = 0; i < processes; i++) {
        for (size_t j = 0; j < LINES_EACH; j++)
            assert_int_equal(tally.seen[i][j], 1);
    }
}

static void ndjson_append__by_50_processes_at_once_loses_and_mixes_no_line(void **state)
{
    struct trail *trail = *state;

    assert_int_equal(run_processes(PROCESSES, append_many, trail), PROCESSES);
    check_all_whole(trail, PROCESSES);
}

struct appender {
    struct trail *trail;
    size_t number;
};

static void *append_in_thread(void *arg)
{
    const struct appender *appender = arg;

    return append_lines(&appender->trail->ndjson, appender->number) ? arg : NULL;
}

static void ndjson_append__by_many_threads_at_once_loses_and_mixes_no_line(void **state)
{
    struct trail *trail = *state;
    struct appender appenders[20];
    pthread_t threads[20];

    for (size_t i = 0; i < 20; i++) {
        appenders[i] = (struct appender){trail, i};
        assert_int_equal(pthread_create(&threads[i], NULL, append_in_thread, &appenders[i]), 0);
    }
    for (size_t i = 0; i < 20; i++) {
        void *failed;

        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
    check_all_whole(trail, 20);
}

static void ndjson_append__loses_and_mixes_no_line_when_nobody_gets_the_lock(void **state)
{
    struct trail *trail = *state;
    CLEANUP(closep) int holder = -1;

    put_today(trail, "");
    holder = open(trail->today, O_RDONLY | O_CLOEXEC);
    assert_int_equal(flock(holder, LOCK_EX), 0);
    trail->ndjson.lock_budget_ms = 0;
    assert_int_equal(run_processes(20, append_many, trail), 20);
    check_all_whole(trail, 20);
}

/* ---- Runs -------------------------------------------------------------------------------------- */

static void ndjson_append_run__writes_every_column(void **state)
{
    struct trail *trail = *state;
    CLEANUP(record_clear) struct tel_record record = RECORD();
    CLEANUP(json_releasep) json_t *json = NULL;
    CLEANUP(freep) char *text = NULL;

    make_run(&record, "e1", "success");
    assert_int_equal(record_set_text(&record, FIELD_metrics_json, "{\"n\": 1.10}", NULL), TEL_OK);
    assert_int_equal(record_set_text(&record, FIELD_error_summary, "two\nlines", NULL), TEL_OK);
    assert_int_equal(ndjson_append_run(&trail->ndjson, clock_now_us(), &record,
                                       deadline_in(PATIENT_MS), NULL, NULL),
                     TEL_OK);
    text = scratch_read(trail->today);
    assert_int_equal(count_lines(text), 1);
    json = json_parse(text, strlen(text), NULL);
    assert_int_equal(json_object_size(json), RUN_FIELD_COUNT + 1);
    for (int i = 0; i < RUN_FIELD_COUNT; i++)
        assert_non_null(json_object_get(json, run_fields[i].name));
    assert_string_equal(json_string_value(json_object_get(json, "record_type")), "run");
    assert_string_equal(json_string_value(json_object_get(json, "event_id")), "e1");
    assert_string_equal(json_string_value(json_object_get(json, "metrics_json")), "{\"n\": 1.10}");
    assert_string_equal(json_string_value(json_object_get(json, "error_summary")), "two\nlines");
    assert_true(json_is_null(json_object_get(json, "product")));
}

static void ndjson_append_run__refuses_a_run_that_could_not_be_read_back(void **state)
{
    struct trail *trail = *state;
    CLEANUP(record_clear) struct tel_record record = RECORD();
    CLEANUP(freep) char *text = calloc(FILE_LINE_BYTES_MAX + 1, 1);
    tel_fault fault;

    make_run(&record, "e1", "success");
    memset(text, 'x', FILE_LINE_BYTES_MAX);
    assert_int_equal(record_set_text(&record, FIELD_error_details, text, NULL), TEL_OK);
    assert_int_equal(ndjson_append_run(&trail->ndjson, clock_now_us(), &record,
                                       deadline_in(PATIENT_MS), NULL, &fault),
                     TEL_E_TOO_LARGE);
    check_today(trail, "");
}

/* ---- For host programs ------------------------------------------------------------------------- */

static void tel_ndjson_append__brings_json_into_one_line(void **state)
{
    struct trail *trail = *state;

    assert_int_equal(tel_ndjson_append(trail->public, "{\"a\": 1.10}", NULL), TEL_OK);
    assert_int_equal(tel_ndjson_append(trail->public, "{\n  \"a\": 1,\r\n  \"b\": [\n2\n]\n}\n",
                                       NULL),
                     TEL_OK);
    assert_int_equal(tel_ndjson_append(trail->public, "{\"a\":\"caf\xe9\"}", NULL), TEL_OK);
    check_today(trail, "{\"a\": 1.10}\n{\"a\":1,\"b\":[2]}\n{\"a\":\"caf\xef\xbf\xbd\"}\n");
}

static void tel_ndjson_append__refuses_what_is_no_json_object(void **state)
{
    static const char *const none[] = {"", "x", "{", "[]", "1", "null", "{} {}", "{\"a\":NaN}"};
    struct trail *trail = *state;

    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        tel_fault fault = {0};

        assert_int_equal(tel_ndjson_append(trail->public, none[i], &fault), TEL_E_INVALID);
        assert_true(*fault.text);
    }
    check_today(trail, "");
}

static void tel_ndjson__takes_null_everywhere(void **state)
{
    struct trail *trail = *state;
    tel_ndjson *made;
    tel_file_info info;
    size_t skipped = 7;

    assert_int_equal(tel_ndjson_new(NULL, trail->directory, NULL), TEL_E_INVALID);
    assert_int_equal(tel_ndjson_new(&made, "", NULL), TEL_E_INVALID);
    assert_null(made);
    assert_int_equal(tel_ndjson_append(NULL, "{}", NULL), TEL_E_INVALID);
    assert_int_equal(tel_ndjson_append(trail->public, NULL, NULL), TEL_E_INVALID);
    assert_int_equal(tel_ndjson_read_file(NULL, "20251210", tally_line, NULL, &skipped, NULL),
                     TEL_E_INVALID);
    assert_int_equal(skipped, 0);
    assert_int_equal(tel_ndjson_read_file(trail->public, NULL, tally_line, NULL, NULL, NULL),
                     TEL_E_INVALID);
    assert_int_equal(tel_ndjson_read_file(trail->public, "20251210", NULL, NULL, NULL, NULL),
                     TEL_E_INVALID);
    assert_int_equal(tel_ndjson_list_files(NULL, tally_line, NULL, NULL), TEL_E_INVALID);
    assert_int_equal(tel_ndjson_list_files(trail->public, NULL, NULL, NULL), TEL_E_INVALID);
    assert_int_equal(tel_ndjson_get_file_info(NULL, "x", &info, NULL), TEL_E_INVALID);
    assert_int_equal(tel_ndjson_get_file_info(trail->public, NULL, &info, NULL), TEL_E_INVALID);
    assert_int_equal(tel_ndjson_get_file_info(trail->public, "x", NULL, NULL), TEL_E_INVALID);
    tel_ndjson_free(NULL);
}

static void tel_ndjson__without_a_directory_uses_the_configured_one(void **state)
{
    struct trail *trail = *state;
    CLEANUP(freep) char *directory = scratch_path(trail->scratch, "configured");
    CLEANUP(freep) char *text = NULL;
    tel_ndjson *made;

    assert_int_equal(setenv("TELEMETRY_NDJSON_DIR", directory, 1), 0);
    assert_int_equal(tel_ndjson_new(&made, NULL, NULL), TEL_OK);
    assert_int_equal(unsetenv("TELEMETRY_NDJSON_DIR"), 0);
    assert_int_equal(tel_ndjson_append(made, "{}", NULL), TEL_OK);
    tel_ndjson_free(made);
    text = scratch_read_all(directory, ".ndjson");
    assert_string_equal(text, "{}\n");
}

static int collect(void *arg, const char *text)
{
    struct strbuf *all = arg;

    strbuf_printf(all, "%s;", text);
    return strstr(text, "stop") != NULL;
}

static void tel_ndjson_read_file__skips_and_counts_what_is_no_object(void **state)
{
    static const char lines[] = "{\"a\":1}\n"
                                "garbage\n"
                                "\n"
                                "[1]\n"
                                "  {\"b\":2}  \n"
                                "{\"torn\":\n"
                                "\0\0\0\0\n"
                                "{\"c\":3}\r\n"
                                "{\"d\":4}\n"
                                "{\"e\":";
    struct trail *trail = *state;
    CLEANUP(freep) char *path = ndjson_path(&trail->ndjson, "20251210");
    CLEANUP(strbuf_clear) struct strbuf all = STRBUF(1000);
    CLEANUP(closep) int fd = -1;
    size_t skipped = 0;

    put_today(trail, "");
    assert_int_equal(file_open(&fd, path, O_WRONLY | O_CREAT, FILE_OWNER_ONLY, NULL, NULL), TEL_OK);
    assert_int_equal(file_write(fd, path, lines, sizeof lines - 1, NULL), TEL_OK);
    assert_int_equal(tel_ndjson_read_file(trail->public, "20251210", collect, &all, &skipped, NULL),
                     TEL_OK);
    assert_string_equal(all.text, "{\"a\":1};  {\"b\":2}  ;{\"c\":3}\r;{\"d\":4};");
    assert_int_equal(skipped, 5);
}

static void tel_ndjson_read_file__hands_on_a_whole_last_line_without_its_newline(void **state)
{
    struct trail *trail = *state;
    CLEANUP(freep) char *path = ndjson_path(&trail->ndjson, "20251210");
    CLEANUP(strbuf_clear) struct strbuf all = STRBUF(1000);
    size_t skipped = 0;

    put_today(trail, "");
    scratch_write(path, "{\"stop\":1}\n{\"b\":2}");
    assert_int_equal(tel_ndjson_read_file(trail->public, "20251210", collect, &all, &skipped, NULL),
                     TEL_OK);
    assert_string_equal(all.text, "{\"stop\":1};");
    scratch_write(path, "{\"a\":1}\n{\"b\":2}");
    assert_int_equal(tel_ndjson_read_file(trail->public, "20251210", collect, &all, &skipped, NULL),
                     TEL_OK);
    assert_string_equal(all.text, "{\"stop\":1};{\"a\":1};{\"b\":2};");
    assert_int_equal(skipped, 0);
}

static void append__says_which_directory_cannot_be_made(void **state)
{
    struct ndjson ndjson;
    tel_fault fault = {0};

    (void)state;
    assert_int_equal(ndjson_init(&ndjson, "/proc/nowhere", FILE_OWNER_ONLY, PATIENT_MS), TEL_OK);
    assert_int_equal(ndjson_append(&ndjson, clock_now_us(), "{}", 2, deadline_in(PATIENT_MS), NULL,
                                   &fault),
                     TEL_E_IO);
    assert_non_null(strstr(fault.text, "cannot make directory /proc/nowhere"));
    ndjson_clear(&ndjson);
}

static void
tel_ndjson_read_file__names_a_day_without_a_file_and_refuses_what_is_no_day(void **state)
{
    static const char *const none[] = {"",           "2025121",  "202512100",
                                       "2025-12-10", "../../x1", "2025121x"};
    struct trail *trail = *state;
    tel_fault fault;

    assert_int_equal(tel_ndjson_read_file(trail->public, "20251210", collect, NULL, NULL, &fault),
                     TEL_E_NOT_FOUND);
    assert_non_null(strstr(fault.text, "events_20251210.ndjson"));
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_int_equal(tel_ndjson_read_file(trail->public, none[i], collect, NULL, NULL, &fault),
                         TEL_E_INVALID);
}

static int measure(void *arg, const char *text)
{
    *(size_t *)arg = strlen(text);
    return 0;
}

static void tel_ndjson__takes_a_line_of_20_mib_and_reads_it_back(void **state)
{
    struct trail *trail = *state;
    CLEANUP(freep) char *line = calloc(FILE_LINE_BYTES_MAX + 1, 1);
    tel_file_info info;
    size_t length = 0;
    char date[9];

    memset(line, 'x', FILE_LINE_BYTES_MAX);
    memcpy(line, "{\"a\":\"", 6);
    memcpy(line + FILE_LINE_BYTES_MAX - 2, "\"}", 2);
    assert_int_equal(tel_ndjson_append(trail->public, line, NULL), TEL_OK);
    (void)snprintf(date, sizeof date, "%s", strstr(trail->today, "events_") + 7);
    assert_int_equal(tel_ndjson_read_file(trail->public, date, measure, &length, NULL, NULL),
                     TEL_OK);
    assert_int_equal(length, FILE_LINE_BYTES_MAX);
    assert_int_equal(tel_ndjson_get_file_info(trail->public, trail->today, &info, NULL), TEL_OK);
    assert_int_equal(info.bytes, FILE_LINE_BYTES_MAX + 1);
    assert_int_equal(info.lines, 1);
}

static void
tel_ndjson_read_file__skips_a_line_that_is_too_long_though_its_beginning_is_an_object(void **state)
{
    struct trail *trail = *state;
    CLEANUP(freep) char *line = malloc(FILE_LINE_BYTES_MAX + 2);
    CLEANUP(freep) char *path = ndjson_path(&trail->ndjson, "20251210");
    CLEANUP(strbuf_clear) struct strbuf all = STRBUF(1000);
    size_t skipped = 0;

    put_today(trail, "");
    memset(line, ' ', FILE_LINE_BYTES_MAX);
    memcpy(line, "{}", 2);
    memcpy(line + FILE_LINE_BYTES_MAX, "x", 2);
    scratch_write(path, line);
    assert_int_equal(tel_ndjson_read_file(trail->public, "20251210", collect, &all, &skipped, NULL),
                     TEL_OK);
    assert_int_equal(all.length, 0);
    assert_int_equal(skipped, 1);
}

static void tel_ndjson_list_files__names_daily_files_oldest_first(void **state)
{
    static const char *const names[] = {
        "events_20251231.ndjson",  "events_20251209.ndjson",  "events_20260101.ndjson",
        "events_2025123.ndjson",   "events_202512311.ndjson", "events_20251231.ndjson.gz",
        "xevents_20251231.ndjson", "events_2025123x.ndjson",  "other",
    };
    struct trail *trail = *state;
    CLEANUP(strbuf_clear) struct strbuf all = STRBUF(1000);
    CLEANUP(strbuf_clear) struct strbuf expected = STRBUF(1000);

    assert_int_equal(tel_ndjson_list_files(trail->public, collect, &all, NULL), TEL_OK);
    assert_int_equal(all.length, 0);
    assert_int_equal(directory_make(trail->directory, FILE_OWNER_ONLY, NULL), TEL_OK);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        CLEANUP(freep) char *path = scratch_path(trail->directory, names[i]);

        scratch_write(path, "");
    }
    assert_int_equal(tel_ndjson_list_files(trail->public, collect, &all, NULL), TEL_OK);
    strbuf_printf(&expected,
                  "%s/events_20251209.ndjson;%s/events_20251231.ndjson;"
                  "%s/events_20260101.ndjson;",
                  trail->directory, trail->directory, trail->directory);
    assert_string_equal(all.text, expected.text);
}

static void tel_ndjson_get_file_info__counts_bytes_and_lines(void **state)
{
    struct trail *trail = *state;
    CLEANUP(freep) char *path = ndjson_path(&trail->ndjson, "20251210");
    tel_file_info info;

    put_today(trail, "");
    scratch_write(path, "{}\n{}\n{\"torn\"");
    assert_int_equal(tel_ndjson_get_file_info(trail->public, path, &info, NULL), TEL_OK);
    assert_string_equal(info.name, "events_20251210.ndjson");
    assert_int_equal(info.bytes, 13);
    assert_int_equal(info.lines, 3);
    assert_int_equal(tel_ndjson_get_file_info(trail->public, "/nowhere", &info, NULL),
                     TEL_E_NOT_FOUND);
    assert_int_equal(info.bytes, 0);
    assert_int_equal(tel_ndjson_get_file_info(trail->public, trail->directory, &info, NULL),
                     TEL_E_CORRUPT);
}

static void tel_ndjson__keeps_errno(void **state)
{
    struct trail *trail = *state;
    tel_ndjson *made;
    tel_file_info info;

    errno = 77;
    assert_int_equal(tel_ndjson_new(&made, trail->directory, NULL), TEL_OK);
    tel_ndjson_free(made);
    (void)tel_ndjson_append(trail->public, "{}", NULL);
    (void)tel_ndjson_append(trail->public, "{", NULL);
    (void)tel_ndjson_read_file(trail->public, "20251210", collect, NULL, NULL, NULL);
    (void)tel_ndjson_get_file_info(trail->public, "/nowhere", &info, NULL);
    assert_int_equal(errno, 77);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(ndjson_append__makes_directory_and_file_for_the_owner_alone),
        TEST(ndjson_append__shares_with_the_group_when_asked),
        TEST(ndjson_append__ends_a_torn_line_first),
        TEST(ndjson_append__sees_what_becomes_of_the_file_that_it_keeps_open),
        TEST(ndjson_append__refuses_what_is_not_one_line),
        TEST(ndjson_append__does_without_a_lock_that_it_does_not_get),
        TEST(ndjson_append__leaves_the_file_unlocked),
        TEST(ndjson_append__writes_through_no_link_fifo_or_directory),
        TEST(ndjson_append__says_which_directory_cannot_be_made),
        TEST(ndjson_append__writes_nothing_behind_an_end_that_it_cannot_read),
        TEST(ndjson_append__reports_a_write_that_is_cut_short_and_repairs_it_later),
        TEST(ndjson_append__by_50_processes_at_once_loses_and_mixes_no_line),
        TEST(ndjson_append__by_many_threads_at_once_loses_and_mixes_no_line),
        TEST(ndjson_append__loses_and_mixes_no_line_when_nobody_gets_the_lock),
        TEST(ndjson_append_run__writes_every_column),
        TEST(ndjson_append_run__refuses_a_run_that_could_not_be_read_back),
        TEST(tel_ndjson_append__brings_json_into_one_line),
        TEST(tel_ndjson_append__refuses_what_is_no_json_object),
        TEST(tel_ndjson__takes_null_everywhere),
        TEST(tel_ndjson__without_a_directory_uses_the_configured_one),
        TEST(tel_ndjson_read_file__skips_and_counts_what_is_no_object),
        TEST(tel_ndjson_read_file__hands_on_a_whole_last_line_without_its_newline),
        TEST(append__says_which_directory_cannot_be_made),
        TEST(tel_ndjson_read_file__names_a_day_without_a_file_and_refuses_what_is_no_day),
        TEST(tel_ndjson__takes_a_line_of_20_mib_and_reads_it_back),
        TEST(tel_ndjson_read_file__skips_a_line_that_is_too_long_though_its_beginning_is_an_object),
        TEST(tel_ndjson_list_files__names_daily_files_oldest_first),
        TEST(tel_ndjson_get_file_info__counts_bytes_and_lines),
        TEST(tel_ndjson__keeps_errno),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
