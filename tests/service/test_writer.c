/* SPDX-License-Identifier: MIT */
#include "support/cmocka_all.h"

#include <pthread.h>
#include <sched.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "service/reader.h"
#include "service/writer.h"
#include "support/scratch.h"
#include "support/slow_job.h"
#include "support/together.h"

struct fixture {
    char *directory;
    char *path;
    struct store_options options;
    struct logger logger;
    struct writer *writer;
};

static int start(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    struct store *store;
    tel_fault fault = {0};

    assert_non_null(fixture);
    fixture->directory = scratch_make();
    fixture->path = scratch_path(fixture->directory, "runs.sqlite");
    fixture->logger.level = TEL_LOG_ERROR + 1;
    fixture->options = (struct store_options){.path = fixture->path, .busy_timeout_ms = 60000};
    assert_int_equal(store_open(&store, &fixture->options, &fault), TEL_OK);
    assert_int_equal(writer_start(&fixture->writer, store, &fixture->logger, &fault), TEL_OK);
    *state = fixture;
    return 0;
}

static int end(void **state)
{
    struct fixture *fixture = *state;

    writer_stop(fixture->writer);
    writer_free(fixture->writer);
    free(fixture->path);
    scratch_remove(fixture->directory);
    free(fixture);
    return 0;
}

static void make_run(struct tel_record *record, int number)
{
    static const int fields[] = {FIELD_run_id, FIELD_agent_name, FIELD_job_type};
    char event_id[32];

    *record = RECORD();
    (void)snprintf(event_id, sizeof event_id, "event-%d", number);
    assert_int_equal(record_set_text(record, FIELD_event_id, event_id, NULL), TEL_OK);
    assert_int_equal(record_set_text(record, FIELD_start_time, "2025-01-01T00:00:00Z", NULL),
                     TEL_OK);
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        assert_int_equal(record_set_text(record, fields[i], "x", NULL), TEL_OK);
}

static void writer_apply__is_back_when_it_can_be_read(void **state)
{
    struct fixture *fixture = *state;
    struct tel_record record;
    struct tel_record found = RECORD();
    struct write write = {.kind = WRITE_CREATE, .record = &record};
    struct write *writes[] = {&write};
    struct reader *reader;
    struct store *store;

    make_run(&record, 1);
    assert_int_equal(writer_apply(fixture->writer, writes, 1, NULL), TEL_OK);
    assert_int_equal(write.result, WRITE_CREATED);
    assert_int_equal(writer_health(fixture->writer, NULL), TEL_OK);

    assert_int_equal(reader_new(&reader, &fixture->options, 1, NULL), TEL_OK);
    assert_int_equal(reader_take(reader, &store, NULL), TEL_OK);
    assert_int_equal(store_get(store, "event-1", &found, NULL), TEL_OK);
    assert_int_equal(store_apply(store, writes, 1, NULL), TEL_E_INVALID);
    reader_give(reader, store, TEL_OK);
    reader_free(reader);
    record_clear(&found);
    record_clear(&record);
}

static void stop_and_assert_done(struct writer *writer, struct slow_job *jobs, size_t count)
{
    for (size_t i = 0; i < count; i++)
        pthread_mutex_unlock(&jobs[i].gate);
    writer_stop(writer);
    for (size_t i = 0; i < count; i++) {
        assert_true(jobs[i].done);
        record_clear(&jobs[i].record);
    }
}

static void writer_stop__completes_what_was_queued_and_refuses_the_rest(void **state)
{
    struct fixture *fixture = *state;
    struct slow_job jobs[3];
    struct write write = {.kind = WRITE_CREATE, .record = &jobs[0].record};
    struct write *writes[] = {&write};

    for (int i = 0; i < 3; i++) {
        slow_job_init(&jobs[i], i);
        assert_int_equal(writer_submit(fixture->writer, &jobs[i].job, NULL), TEL_OK);
    }
    stop_and_assert_done(fixture->writer, jobs, 3);
    assert_int_equal(writer_apply(fixture->writer, writes, 1, NULL), TEL_E_UNAVAILABLE);
}

static void writer_submit__refuses_more_than_can_wait(void **state)
{
    struct fixture *fixture = *state;
    struct slow_job first;
    struct slow_job waiting;
    struct slow_job next;
    struct slow_job last;
    struct slow_job refused;
    struct write *rest[WRITER_QUEUE_MAX - 2];
    tel_fault fault = {0};

    slow_job_init(&first, 1);
    slow_job_init(&waiting, 2);
    slow_job_init(&next, 3);
    slow_job_init(&last, 4);
    slow_job_init(&refused, 5);
    /* The first is taken and held at its gate; then the queue is claimed whole. */
    assert_int_equal(writer_submit(fixture->writer, &first.job, NULL), TEL_OK);
    while (!atomic_load(&first.at_gate))
        (void)sched_yield();
    assert_int_equal(writer_submit(fixture->writer, &waiting.job, NULL), TEL_OK);
    refused.job.count = WRITER_QUEUE_MAX;
    assert_int_equal(writer_submit(fixture->writer, &refused.job, &fault), TEL_E_UNAVAILABLE);
    assert_true(*fault.text);
    assert_int_equal(writer_submit(fixture->writer, &next.job, NULL), TEL_OK);
    refused.job.count = WRITER_QUEUE_MAX - 1; /* one more than there is place for */
    assert_int_equal(writer_submit(fixture->writer, &refused.job, NULL), TEL_E_UNAVAILABLE);
    for (size_t i = 0; i < WRITER_QUEUE_MAX - 2; i++)
        rest[i] = &last.write;
    last.job.writes = rest;
    last.job.count = WRITER_QUEUE_MAX - 2;
    assert_int_equal(writer_submit(fixture->writer, &last.job, NULL), TEL_OK);
    assert_int_equal(writer_figures(fixture->writer).queued, WRITER_QUEUE_MAX);

    pthread_mutex_unlock(&first.gate);
    pthread_mutex_unlock(&waiting.gate);
    pthread_mutex_unlock(&next.gate);
    pthread_mutex_unlock(&last.gate);
    pthread_mutex_unlock(&refused.gate);
    writer_stop(fixture->writer);
    assert_true(first.done);
    assert_true(waiting.done);
    assert_true(next.done);
    assert_false(refused.done);
    assert_int_equal(writer_figures(fixture->writer).queued, 0);
    record_clear(&first.record);
    record_clear(&waiting.record);
    record_clear(&next.record);
    record_clear(&last.record);
    record_clear(&refused.record);
}

static void what_comes_while_the_database_is_waited_for__goes_along(void **state)
{
    struct fixture *fixture = *state;
    struct slow_job jobs[3];
    struct sqlite3 *other;

    assert_int_equal(sqlite3_open(fixture->path, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    for (int i = 0; i < 3; i++)
        slow_job_init(&jobs[i], i);
    assert_int_equal(writer_submit(fixture->writer, &jobs[0].job, NULL), TEL_OK);
    while (writer_figures(fixture->writer).queued)
        (void)sched_yield();
    for (int i = 1; i < 3; i++)
        assert_int_equal(writer_submit(fixture->writer, &jobs[i].job, NULL), TEL_OK);
    assert_int_equal(sqlite3_close(other), SQLITE_OK);
    stop_and_assert_done(fixture->writer, jobs, 3);
    assert_int_equal(writer_figures(fixture->writer).commits.count, 1);
}

static void writer_is_busy__from_the_first_write_until_the_last_is_done(void **state)
{
    struct fixture *fixture = *state;
    struct slow_job job;

    assert_false(writer_is_busy(fixture->writer));
    slow_job_init(&job, 1);
    assert_int_equal(writer_submit(fixture->writer, &job.job, NULL), TEL_OK);
    while (!atomic_load(&job.at_gate))
        assert_true(writer_is_busy(fixture->writer));
    assert_true(writer_is_busy(fixture->writer));
    pthread_mutex_unlock(&job.gate);
    while (writer_is_busy(fixture->writer))
        (void)sched_yield();
    assert_true(job.done);
    record_clear(&job.record);
}

/* ---- On the thread of who submits ------------------------------------------------------------ */

/* A job that notes who completed it. */
struct noted_job {
    struct write_job job;
    struct tel_record record;
    struct write write;
    struct write *writes[2];
    pthread_t thread;
    atomic_int completed;
    bool failed;
};

static void note(struct write_job *job, const tel_fault *fault)
{
    struct noted_job *noted = (struct noted_job *)job;

    noted->thread = pthread_self();
    noted->failed = fault != NULL;
    atomic_fetch_add(&noted->completed, 1);
}

static void noted_job_init(struct noted_job *noted, int number)
{
    *noted = (struct noted_job){.write = {.kind = WRITE_CREATE, .record = &noted->record}};
    make_run(&noted->record, number);
    noted->writes[0] = &noted->write;
    noted->writes[1] = &noted->write;
    noted->job = (struct write_job){.writes = noted->writes, .count = 1, .done = note};
}

static void await(struct noted_job *noted)
{
    while (!atomic_load(&noted->completed))
        (void)sched_yield();
    assert_false(noted->failed);
    assert_false(pthread_equal(noted->thread, pthread_self()));
}

static void writer_apply_here__completes_the_job_on_this_thread(void **state)
{
    struct fixture *fixture = *state;
    struct noted_job noted;
    struct writer_figures figures;

    noted_job_init(&noted, 1);
    assert_true(writer_apply_here(fixture->writer, &noted.job));
    assert_int_equal(noted.completed, 1);
    assert_true(pthread_equal(noted.thread, pthread_self()));
    assert_false(noted.failed);
    assert_int_equal(noted.write.result, WRITE_CREATED);
    assert_false(writer_is_busy(fixture->writer));
    figures = writer_figures(fixture->writer);
    assert_int_equal(figures.commits.count, 1);
    assert_int_equal(figures.results[WRITE_CREATED], 1);
    record_clear(&noted.record);
}

static void writer_apply_here__leaves_to_the_thread_what_takes_longer(void **state)
{
    struct fixture *fixture = *state;
    struct noted_job noted;
    struct sqlite3 *other;

    noted_job_init(&noted, 1);
    noted.job.count = 2;
    assert_false(writer_apply_here(fixture->writer, &noted.job));
    noted.job.count = 1;
    assert_int_equal(sqlite3_open(fixture->path, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    assert_false(writer_apply_here(fixture->writer, &noted.job));
    assert_int_equal(noted.completed, 0);
    assert_int_equal(writer_health(fixture->writer, NULL), TEL_OK);
    assert_int_equal(writer_figures(fixture->writer).failures, 0);
    /* That waits as long as it takes. */
    assert_int_equal(writer_submit(fixture->writer, &noted.job, NULL), TEL_OK);
    while (writer_figures(fixture->writer).queued)
        (void)sched_yield();
    (void)nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
    assert_int_equal(sqlite3_close(other), SQLITE_OK);
    await(&noted);
    assert_int_equal(noted.write.result, WRITE_CREATED);
    record_clear(&noted.record);
}

static void writer_apply_here__does_nothing_while_the_thread_writes(void **state)
{
    struct fixture *fixture = *state;
    struct noted_job noted;
    struct slow_job slow;

    noted_job_init(&noted, 1);
    slow_job_init(&slow, 2);
    assert_int_equal(writer_submit(fixture->writer, &slow.job, NULL), TEL_OK);
    /* It waits, or is being written. */
    assert_false(writer_apply_here(fixture->writer, &noted.job));
    while (!atomic_load(&slow.at_gate))
        (void)sched_yield();
    assert_false(writer_apply_here(fixture->writer, &noted.job));
    stop_and_assert_done(fixture->writer, &slow, 1);
    assert_false(writer_apply_here(fixture->writer, &noted.job));
    assert_int_equal(noted.completed, 0);
    record_clear(&noted.record);
}

struct here {
    struct writer *writer;
    struct slow_job slow;
};

static void *apply_here(void *arg)
{
    struct here *here = arg;

    return writer_apply_here(here->writer, &here->slow.job) ? here : NULL;
}

static void *stop_writer(void *writer)
{
    writer_stop(writer);
    return NULL;
}

static void writer_apply_here__has_the_thread_wait_until_it_is_done(void **state)
{
    struct fixture *fixture = *state;
    struct here here = {.writer = fixture->writer};
    struct noted_job noted;
    pthread_t applying;
    pthread_t stopping;
    void *applied;

    noted_job_init(&noted, 1);
    slow_job_init(&here.slow, 2);
    assert_int_equal(pthread_create(&applying, NULL, apply_here, &here), 0);
    while (!atomic_load(&here.slow.at_gate))
        (void)sched_yield();
    assert_true(writer_is_busy(fixture->writer));
    assert_int_equal(writer_submit(fixture->writer, &noted.job, NULL), TEL_OK);
    assert_int_equal(pthread_create(&stopping, NULL, stop_writer, fixture->writer), 0);
    assert_int_equal(noted.completed, 0);
    pthread_mutex_unlock(&here.slow.gate);
    assert_int_equal(pthread_join(applying, &applied), 0);
    assert_int_equal(pthread_join(stopping, NULL), 0);
    assert_non_null(applied);
    assert_true(here.slow.done);
    await(&noted);
    record_clear(&here.slow.record);
    record_clear(&noted.record);
}

/* ---- Many threads ---------------------------------------------------------------------------- */

#define WRITING 3
#define WRITTEN_EACH 10

struct crowd {
    struct writer *writer;
    struct tel_record records[WRITING][WRITTEN_EACH];
    atomic_size_t at_work;
    atomic_size_t created;
    atomic_size_t unhealthy;
};

static void write_or_ask(void *arg, size_t number)
{
    struct crowd *crowd = arg;

    if (number == WRITING) {
        while (atomic_load(&crowd->at_work)) {
            atomic_fetch_add(&crowd->unhealthy, writer_health(crowd->writer, NULL) != TEL_OK);
            (void)writer_figures(crowd->writer);
        }
        return;
    }
    for (int i = 0; i < WRITTEN_EACH; i++) {
        struct write write = {.kind = WRITE_CREATE, .record = &crowd->records[number][i]};
        struct write *writes[] = {&write};
        struct noted_job here = {.job = {.writes = writes, .count = 1, .done = note}};

        if (writer_apply_here(crowd->writer, &here.job) ||
            !writer_apply(crowd->writer, writes, 1, NULL))
            atomic_fetch_add(&crowd->created, write.result == WRITE_CREATED);
    }
    atomic_fetch_sub(&crowd->at_work, 1);
}

static void writer__may_be_asked_while_others_write(void **state)
{
    struct fixture *fixture = *state;
    struct crowd crowd = {.writer = fixture->writer, .at_work = WRITING};
    struct writer_figures figures;

    for (int i = 0; i < WRITING * WRITTEN_EACH; i++)
        make_run(&crowd.records[i % WRITING][i / WRITING], i);
    together(WRITING + 1, write_or_ask, &crowd);
    assert_int_equal(crowd.created, WRITING * WRITTEN_EACH);
    assert_int_equal(crowd.unhealthy, 0);
    figures = writer_figures(fixture->writer);
    assert_int_equal(figures.results[WRITE_CREATED], WRITING * WRITTEN_EACH);
    assert_int_equal(figures.failures, 0);
    assert_in_range(figures.commits.count, 1, WRITING * WRITTEN_EACH);
    for (int i = 0; i < WRITING * WRITTEN_EACH; i++)
        record_clear(&crowd.records[i % WRITING][i / WRITING]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(writer_apply__is_back_when_it_can_be_read, start, end),
        cmocka_unit_test_setup_teardown(writer_stop__completes_what_was_queued_and_refuses_the_rest,
                                        start, end),
        cmocka_unit_test_setup_teardown(writer_submit__refuses_more_than_can_wait, start, end),
        cmocka_unit_test_setup_teardown(what_comes_while_the_database_is_waited_for__goes_along,
                                        start, end),
        cmocka_unit_test_setup_teardown(writer_is_busy__from_the_first_write_until_the_last_is_done,
                                        start, end),
        cmocka_unit_test_setup_teardown(writer_apply_here__completes_the_job_on_this_thread, start,
                                        end),
        cmocka_unit_test_setup_teardown(writer_apply_here__leaves_to_the_thread_what_takes_longer,
                                        start, end),
        cmocka_unit_test_setup_teardown(writer_apply_here__does_nothing_while_the_thread_writes,
                                        start, end),
        cmocka_unit_test_setup_teardown(writer_apply_here__has_the_thread_wait_until_it_is_done,
                                        start, end),
        cmocka_unit_test_setup_teardown(writer__may_be_asked_while_others_write, start, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
