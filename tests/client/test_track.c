/* SPDX-License-Identifier: MIT */
#include "support/cmocka_all.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "support/client_world.h"

struct job {
    struct world *world;
    char event_id[64];
    int result;
    const char *error_summary;
};

static int body(tel_run *run, void *arg)
{
    struct job *job = arg;

    (void)snprintf(job->event_id, sizeof job->event_id, "%s", tel_run_event_id(run));
    tel_run_set_metrics(run, TEL_FIELDS(.items_succeeded = 3, .error_summary = job->error_summary));
    return job->result;
}

static void assert_stored(struct job *job, const char *status, const char *error_summary)
{
    CLEANUP(record_clear) struct tel_record stored = RECORD();

    assert_int_equal(world_stored(job->world, job->event_id, &stored), TEL_OK);
    assert_string_equal(stored.fields.status, status);
    assert_int_equal(stored.fields.items_succeeded, 3);
    if (error_summary)
        assert_string_equal(stored.fields.error_summary, error_summary);
    else
        assert_null(stored.fields.error_summary);
}

static void track(struct job *job)
{
    tel_client *client = world_connect(job->world, "TELEMETRY_MODE", "embedded", NULL);

    assert_int_equal(tel_client_track_run(client, "a", "j", NULL, body, job), job->result);
}

static void track_run__a_body_that_returns_0_is_a_success(void **state)
{
    struct job job = {.world = *state};

    track(&job);
    assert_stored(&job, "success", NULL);
}

static void track_run__a_body_that_returns_anything_else_is_a_failure(void **state)
{
    struct job job = {.world = *state, .result = -7};

    track(&job);
    assert_stored(&job, "failure", "body returned -7");
}

static void track_run__the_bodys_own_error_is_kept(void **state)
{
    struct job job = {.world = *state, .result = 1, .error_summary = "no network"};

    track(&job);
    assert_stored(&job, "failure", "no network");
}

static int body_partial(tel_run *run, void *arg)
{
    tel_run_set(run, "status", "partial");
    return body(run, arg);
}

static void track_run__the_body_may_choose_the_status_of_its_success(void **state)
{
    struct job job = {.world = *state};
    tel_client *client = world_connect(job.world, "TELEMETRY_MODE", "embedded", NULL);

    assert_int_equal(tel_client_track_run(client, "a", "j", NULL, body_partial, &job), 0);
    assert_stored(&job, "partial", NULL);
    job.result = 1;
    assert_int_equal(tel_client_track_run(client, "a", "j", NULL, body_partial, &job), 1);
    assert_stored(&job, "failure", "body returned 1");
}

static int body_without_end(tel_run *run, void *arg)
{
    (void)body(run, arg);
    while (pause())
        continue;
    return 0;
}

static void *run_thread(void *arg)
{
    struct job *job = arg;

    (void)tel_client_track_run(job->world->client, "a", "j", NULL, body_without_end, job);
    return NULL;
}

static void track_run__a_cancelled_thread_is_a_failure(void **state)
{
    struct job job = {.world = *state};
    pthread_t thread;
    void *result;

    world_connect(job.world, "TELEMETRY_MODE", "embedded", NULL);
    assert_int_equal(pthread_create(&thread, NULL, run_thread, &job), 0);
    while (world_stored_count(job.world) == 0)
        (void)usleep(1000);
    assert_int_equal(pthread_cancel(thread), 0);
    assert_int_equal(pthread_join(thread, &result), 0);
    assert_ptr_equal(result, PTHREAD_CANCELED);
    assert_stored(&job, "failure", "the thread was cancelled or ended inside the run");
}

static int body_ends_run(tel_run *run, void *arg)
{
    struct job *job = arg;

    (void)body(run, arg);
    assert_int_equal(tel_client_end_run(job->world->client, tel_run_id(run), TEL_CANCELLED, NULL),
                     TEL_OK);
    return 5;
}

static void track_run__an_end_within_the_body_holds(void **state)
{
    struct job job = {.world = *state};
    tel_client *client = world_connect(job.world, "TELEMETRY_MODE", "embedded", NULL);

    assert_int_equal(tel_client_track_run(client, "a", "j", NULL, body_ends_run, &job), 5);
    assert_stored(&job, "cancelled", NULL);
}

static int body_without_run(tel_run *run, void *arg)
{
    *(int *)arg += run == NULL;
    tel_run_log_event(run, "e", NULL);
    return 9;
}

static void track_run__the_body_runs_even_when_the_run_cannot_be_started(void **state)
{
    struct world *world = *state;
    tel_client *client = world_connect(world, "TELEMETRY_MODE", "embedded", NULL);
    int called = 0;

    assert_int_equal(tel_client_track_run(NULL, "a", "j", NULL, body_without_run, &called), 9);
    assert_int_equal(tel_client_track_run(client, NULL, "j", NULL, body_without_run, &called), 9);
    assert_int_equal(tel_client_track_run(client, "a", "", NULL, body_without_run, &called), 9);
    assert_int_equal(called, 3);
    assert_int_equal(tel_client_track_run(client, "a", "j", NULL, NULL, NULL), TEL_E_INVALID);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(track_run__a_body_that_returns_0_is_a_success),
        TEST(track_run__a_body_that_returns_anything_else_is_a_failure),
        TEST(track_run__the_bodys_own_error_is_kept),
        TEST(track_run__the_body_may_choose_the_status_of_its_success),
        TEST(track_run__a_cancelled_thread_is_a_failure),
        TEST(track_run__an_end_within_the_body_holds),
        TEST(track_run__the_body_runs_even_when_the_run_cannot_be_started),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
