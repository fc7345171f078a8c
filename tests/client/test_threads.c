/* SPDX-License-Identifier: MIT
 *
 * One client for many threads, and across fork().
 */
#include "support/cmocka_all.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "support/client_world.h"
#include "support/sanitizers.h"
#include "support/peer.h"
#include "support/scratch.h"

#define THREADS 16
#define RUNS_EACH 6

static void *record_runs(void *arg)
{
    tel_client *client = arg;

    for (int i = 0; i < RUNS_EACH; i++) {
        char run_id[TEL_RUN_ID_SIZE];
        tel_run *run = NULL;

        tel_run_start(&run, client,
                      TEL_FIELDS(.agent_name = "a", .job_type = "j", .run_id = "the same"));
        tel_run_log_event(run, "e", "{}");
        tel_run_set_metrics(run, TEL_FIELDS(.items_succeeded = 1));
        if (i % 2 == 0) {
            tel_client_end_run(client, tel_run_id(run), NULL, NULL);
            tel_run_end(&run, TEL_FAILURE, NULL);
        } else {
            tel_run_end(&run, NULL, NULL);
        }
        tel_client_start_run(client, run_id, "a", "j", NULL);
        tel_client_end_run(client, run_id, NULL, NULL);
    }
    return NULL;
}

static void in_threads(tel_client *client, void *(*work)(void *))
{
    pthread_t threads[THREADS];

    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, work, client), 0);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
}

static void threads__share_an_embedded_client(void **state)
{
    struct world *world = *state;
    CLEANUP(freep) char *trail = NULL;
    CLEANUP(freep) char *buffer = NULL;

    in_threads(world_connect(world, "TELEMETRY_MODE", "embedded", NULL), record_runs);
    trail = world_trail(world);
    buffer = world_buffer(world, ".active");
    assert_int_equal(count_of(trail, "\"record_type\":\"run\"}\n"), THREADS * RUNS_EACH * 4);
    assert_int_equal(count_of(trail, "\"record_type\":\"event\"}\n"), THREADS * RUNS_EACH);
    assert_int_equal(count_of(trail, "\"status\":\"success\""), THREADS * RUNS_EACH * 2);
    assert_string_equal(buffer, "");
    assert_int_equal(world_stored_count(world), THREADS * RUNS_EACH * 2);
}

static void threads__share_a_client_whose_service_is_away(void **state)
{
    struct world *world = *state;
    struct peer *refused = peer_start(NULL, NULL);
    CLEANUP(freep) char *buffer = NULL;

    in_threads(world_connect(world, "TELEMETRY_API_URL", peer_url(refused), NULL), record_runs);
    peer_stop(refused);
    buffer = world_buffer(world, ".active");
    assert_int_equal(count_of(buffer, "{\"record_type\":\"run\""), THREADS * RUNS_EACH * 2);
    assert_int_equal(count_of(buffer, "{\"record_type\":\"update\""), THREADS * RUNS_EACH * 2);
    assert_int_equal(count_lines(buffer), THREADS * RUNS_EACH * 4);
}

static void *note_commits_of_ended_runs(void *arg)
{
    for (int i = 0; i < RUNS_EACH; i++) {
        char run_id[TEL_RUN_ID_SIZE];

        tel_client_start_run(arg, run_id, "a", "j", NULL);
        tel_client_end_run(arg, run_id, NULL, NULL);
        tel_client_associate_commit(arg, run_id, "0123456", "ci", NULL, NULL);
    }
    return NULL;
}

static void threads__note_commits_of_runs_that_have_ended(void **state)
{
    struct world *world = *state;
    struct peer *refused = peer_start(NULL, NULL);
    CLEANUP(freep) char *buffer = NULL;

    in_threads(world_connect(world, "TELEMETRY_API_URL", peer_url(refused), NULL),
               note_commits_of_ended_runs);
    peer_stop(refused);
    buffer = world_buffer(world, ".active");
    assert_int_equal(count_of(buffer, "\"git_commit_hash\":\"0123456\""), THREADS * RUNS_EACH);
}

static void *end_each_others_runs(void *arg)
{
    for (int i = 0; i < RUNS_EACH; i++) {
        tel_run *run = NULL;

        tel_run_start(&run, arg,
                      TEL_FIELDS(.agent_name = "a", .job_type = "j", .run_id = "the same"));
        tel_client_end_run(arg, "the same", NULL, NULL);
        tel_run_end(&run, NULL, NULL);
    }
    return NULL;
}

static void threads__end_each_run_once_though_others_end_it_too(void **state)
{
    struct world *world = *state;
    CLEANUP(freep) char *trail = NULL;

    in_threads(world_connect(world, "TELEMETRY_MODE", "embedded", NULL), end_each_others_runs);
    trail = world_trail(world);
    assert_int_equal(count_of(trail, "\"status\":\"running\""), THREADS * RUNS_EACH);
    assert_int_equal(count_of(trail, "\"status\":\"success\""), THREADS * RUNS_EACH);
    assert_int_equal(world_stored_count(world), THREADS * RUNS_EACH);
}

struct shared_run {
    tel_run *run;
    atomic_int ended;
};

static void *use_one_run(void *arg)
{
    struct shared_run *shared = arg;

    for (int i = 0; i < 50; i++) {
        tel_run_set_int(shared->run, "items_succeeded", i);
        tel_run_set(shared->run, "product", i % 2 ? "x" : NULL);
        if (i == 25)
            tel_run_log_event(shared->run, "half", NULL);
        if (i % 10 == 0)
            tel_run_associate_commit(shared->run, "0123456", "ci", i ? "ada" : NULL, NULL);
    }
    return NULL;
}

static void threads__share_a_run(void **state)
{
    struct world *world = *state;
    struct shared_run shared = {0};
    pthread_t threads[THREADS];

    tel_run_start(&shared.run, world_connect(world, "TELEMETRY_MODE", "embedded", NULL),
                  TEL_FIELDS(.agent_name = "a", .job_type = "j", .event_id = "one"));
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, use_one_run, &shared), 0);
    tel_client_end_run(world->client, tel_run_id(shared.run), NULL, NULL);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(tel_run_end(&shared.run, NULL, NULL), TEL_E_CLOSED);
    assert_int_equal(world_stored_count(world), 1);
}

static void *end_when_free(void *arg)
{
    struct shared_run *shared = arg;
    tel_error error;

    do {
        error = tel_run_log_event(shared->run, "e", NULL);
    } while (error == TEL_OK);
    assert_int_equal(error, TEL_E_CLOSED);
    atomic_fetch_add(&shared->ended, 1);
    return NULL;
}

static void client_free__lets_calls_under_way_finish(void **state)
{
    struct world *world = *state;
    struct shared_run shared = {0};
    pthread_t threads[4];

    tel_run_start(&shared.run, world_connect(world, "TELEMETRY_MODE", "embedded", NULL),
                  TEL_FIELDS(.agent_name = "a", .job_type = "j"));
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, end_when_free, &shared), 0);
    tel_client_free(world->client);
    world->client = NULL;
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(atomic_load(&shared.ended), 4);
    assert_int_equal(tel_run_end(&shared.run, NULL, NULL), TEL_E_CLOSED);
}

/* ---- fork() ---------------------------------------------------------------------------------- */

/* Run `work` in a child, which must end with status 0. */
static void in_child(int (*work)(struct world *world, tel_run *run), struct world *world,
                     tel_run *run)
{
    pid_t child = fork();
    int status = -1;

    if (child == 0)
        _exit(work(world, run));
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

/* The parent's run is not the child's; its own is. */
static int child_records(struct world *world, tel_run *parents)
{
    tel_run *run = NULL;

    if (tel_run_log_event(parents, "e", NULL) != TEL_E_CLOSED ||
        tel_run_set(parents, "product", "x") != TEL_E_CLOSED ||
        tel_client_end_run(world->client, tel_run_id(parents), NULL, NULL) != TEL_E_NOT_FOUND ||
        tel_run_end(&parents, NULL, NULL) != TEL_E_CLOSED || parents)
        return 1;
    if (tel_run_start(&run, world->client, TEL_FIELDS(.agent_name = "child", .job_type = "j")) ||
        tel_run_end(&run, NULL, NULL))
        return 2;
    tel_client_free(world->client);
    return 0;
}

static void fork__parent_and_child_both_go_on_in_the_database(void **state)
{
    struct world *world = *state;
    CLEANUP(record_clear) struct tel_record stored = RECORD();
    CLEANUP(freep) char *trail = NULL;
    tel_run *run = NULL;

    tel_run_start(&run, world_connect(world, "TELEMETRY_MODE", "embedded", NULL),
                  TEL_FIELDS(.agent_name = "parent", .job_type = "j", .event_id = "parents"));
    for (int i = 0; i < 3; i++)
        in_child(child_records, world, run);
    assert_int_equal(tel_run_end(&run, "partial", NULL), TEL_OK);
    assert_int_equal(world_stored_count(world), 4);
    assert_int_equal(world_stored(world, "parents", &stored), TEL_OK);
    assert_string_equal(stored.fields.status, "partial");
    trail = world_trail(world);
    assert_int_equal(count_of(trail, "\"agent_name\":\"child\""), 6);
    assert_int_equal(count_of(trail, "\"agent_name\":\"parent\""), 2);
}

static void fork__parent_and_child_have_a_buffer_file_each(void **state)
{
    struct world *world = *state;
    struct peer *refused = peer_start(NULL, NULL);
    CLEANUP(freep) char *ready = NULL;
    CLEANUP(freep) char *active = NULL;
    tel_run *run = NULL;

    tel_run_start(&run, world_connect(world, "TELEMETRY_API_URL", peer_url(refused), NULL),
                  TEL_FIELDS(.agent_name = "parent", .job_type = "j"));
    in_child(child_records, world, run);
    tel_run_end(&run, NULL, NULL);
    ready = world_buffer(world, ".ready");
    active = world_buffer(world, ".active");
    assert_int_equal(count_lines(ready), 2);
    assert_int_equal(count_of(ready, "\"agent_name\":\"child\""), 1);
    assert_int_equal(count_lines(active), 2);
    assert_int_equal(count_of(active, "\"agent_name\":\"parent\""), 1);
    peer_stop(refused);
}

static int grandchild_records(struct world *world, tel_run *run)
{
    in_child(child_records, world, run);
    return child_records(world, run);
}

static void fork__a_childs_child_records_too(void **state)
{
    struct world *world = *state;
    tel_run *run = NULL;

    tel_run_start(&run, world_connect(world, "TELEMETRY_MODE", "embedded", NULL),
                  TEL_FIELDS(.agent_name = "parent", .job_type = "j"));
    in_child(grandchild_records, world, run);
    tel_run_end(&run, NULL, NULL);
    assert_int_equal(world_stored_count(world), 3);
}

static atomic_bool stop_recording;

static void *record_until_stopped(void *arg)
{
    while (!atomic_load(&stop_recording)) {
        tel_run *run = NULL;

        tel_run_start(&run, arg, TEL_FIELDS(.agent_name = "busy", .job_type = "j"));
        tel_run_end(&run, NULL, NULL);
    }
    return NULL;
}

static int child_records_in_time(struct world *world, tel_run *run)
{
    (void)alarm(60); /* a deadlock ends the child by SIGALRM, and the test with it */
    return child_records(world, run);
}

static void fork__in_the_middle_of_other_threads_calls_locks_nobody_up(void **state)
{
    struct world *world = *state;
    CLEANUP(freep) char *trail = NULL;
    pthread_t threads[4];
    tel_run *run = NULL;

    if (!ALLOCATOR_SURVIVES_FORK)
        skip();
    atomic_store(&stop_recording, false);
    tel_run_start(&run, world_connect(world, "TELEMETRY_MODE", "embedded", NULL),
                  TEL_FIELDS(.agent_name = "parent", .job_type = "j"));
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, record_until_stopped, world->client), 0);
    for (int i = 0; i < 10; i++)
        in_child(child_records_in_time, world, run);
    atomic_store(&stop_recording, true);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    tel_run_end(&run, NULL, NULL);
    trail = world_trail(world);
    assert_int_equal(count_of(trail, "\"agent_name\":\"child\""), 20);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(threads__share_an_embedded_client),
        TEST(threads__share_a_client_whose_service_is_away),
        TEST(threads__note_commits_of_runs_that_have_ended),
        TEST(threads__end_each_run_once_though_others_end_it_too),
        TEST(threads__share_a_run),
        TEST(client_free__lets_calls_under_way_finish),
        TEST(fork__parent_and_child_both_go_on_in_the_database),
        TEST(fork__parent_and_child_have_a_buffer_file_each),
        TEST(fork__a_childs_child_records_too),
        TEST(fork__in_the_middle_of_other_threads_calls_locks_nobody_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
