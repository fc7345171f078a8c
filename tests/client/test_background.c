/* SPDX-License-Identifier: MIT
 *
 * Delivery by a thread of the library's: nobody waits for it, nothing is lost, nothing comes twice.
 */
#include "support/cmocka_all.h"

#include <dirent.h>
#include <glob.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "support/client_world.h"
#include "support/peer.h"
#include "support/real_service.h"
#include "support/sanitizers.h"
#include "support/scratch.h"
#include "support/service_stub.h"

#define PATIENCE_MS 60000

static tel_client *connect_to(struct world *world, const char *url)
{
    return world_connect(world, "TELEMETRY_API_URL", url, "TELEMETRY_BACKGROUND", "true", NULL);
}

static tel_client_stats stats_of(tel_client *client)
{
    tel_client_stats stats = {.size = sizeof stats};

    (void)tel_client_get_stats(client, &stats, NULL);
    return stats;
}

static void wait_for_records(tel_client *client, int64_t count)
{
    struct deadline deadline = deadline_in(PATIENCE_MS);

    while (stats_of(client).caught_up < count && deadline_left_ms(deadline) > 0)
        deadline_sleep(deadline, 5);
    assert_true(stats_of(client).caught_up >= count);
}

/* Wait until so many runs have ended in the database, whoever brings them. */
static void wait_for_runs(struct world *world, int64_t count)
{
    struct deadline deadline = deadline_in(PATIENCE_MS);
    int64_t ended = 0;

    world_connect(world, "TELEMETRY_MODE", "embedded", NULL);
    while (ended < count && deadline_left_ms(deadline) > 0) {
        (void)tel_client_flush(world->client, 100, NULL);
        ended = stats_of(world->client).runs.success;
        deadline_sleep(deadline, 10);
    }
    assert_int_equal(ended, count);
}

/* ---- With a service, and without ------------------------------------------------------------- */

static void background__delivers_start_and_end_and_leaves_no_files_behind(void **state)
{
    struct world *world = *state;
    struct real_service *service = real_service_start(world->scratch, NULL);
    tel_client_stats stats;

    connect_to(world, real_service_url(service));
    for (int i = 0; i < 3; i++) {
        assert_int_equal(record_run(world->client, i ? NULL : "one"), TEL_OK);
        wait_for_records(world->client, 2 * (i + 1));
    }
    world_assert_stored(world, "one");
    assert_int_equal(world_stored_count(world), 3);
    stats = stats_of(world->client);
    assert_int_equal(stats.buffered, 6);
    assert_int_equal(stats.delivered, 0);
    assert_int_equal(stats.runs.success, 3);
    world_disconnect(world);
    assert_int_equal(world_count(world, ""), 0);
    real_service_kill(service);
}

static void background__of_an_embedded_client_writes_the_database(void **state)
{
    struct world *world = *state;

    world_connect(world, "TELEMETRY_MODE", "embedded", "TELEMETRY_BACKGROUND", "true", NULL);
    assert_int_equal(record_run(world->client, "one"), TEL_OK);
    wait_for_records(world->client, 2);
    world_assert_stored(world, "one");
}

static void background__catches_up_when_the_service_comes_back(void **state)
{
    struct world *world = *state;
    struct real_service *service = real_service_start(world->scratch, NULL);
    char url[100];

    (void)snprintf(url, sizeof url, "%s", real_service_url(service));
    real_service_kill(service);
    connect_to(world, url);
    assert_int_equal(record_run(world->client, "missed"), TEL_OK);
    service = real_service_start(world->scratch, url);
    wait_for_records(world->client, 2); /* by itself */
    world_assert_stored(world, "missed");
    assert_int_equal(count_lines(world->log), strstr(world->log, "cannot reach") ? 1 : 0);
    real_service_kill(service);
}

/* Record a start, which wakes the thread once, and wait until the thread could not deliver all. */
static void start_in_vain(struct world *world, tel_run **run)
{
    struct deadline deadline = deadline_in(PATIENCE_MS);

    assert_int_equal(tel_run_start(run, world->client,
                                   TEL_FIELDS(.agent_name = "a", .job_type = "j",
                                              .event_id = "missed")),
                     TEL_OK);
    while (!world_has_logged(world, "runs are kept in the buffer") &&
           deadline_left_ms(deadline) > 0)
        deadline_sleep(deadline, 5);
}

static void background__tries_again_although_nothing_else_is_to_be_done(void **state)
{
    struct world *world = *state;
    struct real_service *service = real_service_start(world->scratch, NULL);
    tel_run *run = NULL;
    char url[100];

    (void)snprintf(url, sizeof url, "%s", real_service_url(service));
    connect_to(world, url);
    assert_int_equal(record_run(world->client, "first"), TEL_OK);
    wait_for_records(world->client, 2);
    real_service_kill(service);
    start_in_vain(world, &run);
    service = real_service_start(world->scratch, url);
    wait_for_records(world->client, 3);
    assert_int_equal(tel_run_end(&run, NULL, NULL), TEL_OK);
    real_service_kill(service);
}

static void background__brings_what_others_left_in_the_directory(void **state)
{
    struct world *world = *state;
    struct real_service *service = real_service_start(world->scratch, NULL);
    struct peer *refused = peer_start(NULL, NULL);

    world_connect(world, "TELEMETRY_API_URL", peer_url(refused), NULL);
    assert_int_equal(record_run(world->client, "left"), TEL_OK);
    connect_to(world, real_service_url(service));
    assert_int_equal(record_run(world->client, "mine"), TEL_OK);
    wait_for_records(world->client, 4);
    world_assert_stored(world, "left");
    world_assert_stored(world, "mine");
    peer_stop(refused);
    real_service_kill(service);
}

static size_t count_ready(const struct world *world)
{
    CLEANUP(freep) char *pattern = scratch_path(world->scratch, "base/buffer/*.ready");
    glob_t found = {0};
    size_t count;

    (void)glob(pattern, 0, NULL, &found);
    count = found.gl_pathc;
    globfree(&found);
    return count;
}

static void background__tries_again_what_others_left_in_the_directory(void **state)
{
    struct world *world = *state;
    struct service_stub service = {.hates_batches = true, .requests = STRBUF(65536)};
    struct peer *refused = peer_start(NULL, NULL);
    struct peer *peer = peer_start(service_stub, &service);
    struct deadline deadline = deadline_in(PATIENCE_MS);
    tel_run *run = NULL;

    world_connect(world, "TELEMETRY_API_URL", peer_url(refused), NULL);
    assert_int_equal(record_run(world->client, "left"), TEL_OK);
    world_disconnect(world);
    assert_int_equal(count_ready(world), 1);
    *world->log = '\0';
    connect_to(world, peer_url(peer));
    start_in_vain(world, &run);
    service.hates_batches = false;
    while (count_ready(world) > 0 && deadline_left_ms(deadline) > 0)
        deadline_sleep(deadline, 5);
    assert_int_equal(count_ready(world), 0);
    assert_int_equal(tel_run_end(&run, NULL, NULL), TEL_OK);
    world_disconnect(world);
    peer_stop(peer);
    peer_stop(refused);
    assert_true(count_of(service.requests.text, "POST /api/v1/runs/batch ") > 1);
    strbuf_clear(&service.requests);
}

static void background__does_not_wait_for_a_service_that_hangs(void **state)
{
    struct world *world = *state;
    struct real_service *service = real_service_start(world->scratch, NULL);
    int64_t begun_ms;

    world_connect(world, "TELEMETRY_API_URL", real_service_url(service), "TELEMETRY_BACKGROUND",
                  "true", "TELEMETRY_CALL_BUDGET_MS", "100", NULL);
    real_service_signal(service, SIGSTOP);
    begun_ms = clock_monotonic_ms();
    for (int i = 0; i < 20; i++)
        assert_int_equal(record_run(world->client, i ? NULL : "first"), TEL_OK);
    world_disconnect(world);
    assert_true(clock_monotonic_ms() - begun_ms < 9000); /* its thread is at it for 10 s */
    real_service_signal(service, SIGCONT);
    wait_for_runs(world, 20); /* the thread ends its work, or leaves the file to us */
    world_assert_stored(world, "first");
    real_service_kill(service);
}

static void background__delivers_more_than_a_buffer_file_holds(void **state)
{
    struct world *world = *state;
    struct real_service *service = real_service_start(world->scratch, NULL);
    CLEANUP(freep) char *large = malloc(200001);

    memset(large, 'x', 200000);
    large[200000] = '\0';
    world_connect(world, "TELEMETRY_API_URL", real_service_url(service), "TELEMETRY_BACKGROUND",
                  "true", "TELEMETRY_BUFFER_MAX_SIZE_MB", "1", NULL);
    for (int i = 0; i < 30; i++) {
        tel_run *run = NULL;

        assert_int_equal(tel_run_start(&run, world->client,
                                       TEL_FIELDS(.agent_name = "a", .job_type = "j",
                                                  .input_summary = large)),
                         TEL_OK);
        assert_int_equal(tel_run_end(&run, NULL, NULL), TEL_OK);
    }
    assert_int_equal(tel_client_flush(world->client, PATIENCE_MS, NULL), TEL_OK);
    assert_int_equal(stats_of(world->client).runs.success, 30);
    assert_int_equal(world_count_waiting(world), 0);
    real_service_kill(service);
}

static void background__delivers_at_once_when_there_is_no_buffer(void **state)
{
    struct world *world = *state;
    struct real_service *service = real_service_start(world->scratch, NULL);

    world_connect(world, "TELEMETRY_API_URL", real_service_url(service), "TELEMETRY_BACKGROUND",
                  "true", "TELEMETRY_BUFFER_DIR", "/proc/self/none", NULL);
    assert_int_equal(record_run(world->client, "one"), TEL_OK);
    world_assert_stored(world, "one");
    assert_int_equal(stats_of(world->client).delivered, 2);
    real_service_kill(service);
}

/* ---- The host -------------------------------------------------------------------------------- */

static void *record_many(void *arg)
{
    for (int i = 0; i < 20; i++)
        (void)record_run(arg, NULL);
    return NULL;
}

static void background__serves_many_threads(void **state)
{
    struct world *world = *state;
    struct real_service *service = real_service_start(world->scratch, NULL);
    pthread_t threads[8];

    connect_to(world, real_service_url(service));
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, record_many, world->client), 0);
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(tel_client_flush(world->client, PATIENCE_MS, NULL), TEL_OK);
    assert_int_equal(stats_of(world->client).runs.total, 160);
    assert_int_equal(stats_of(world->client).runs.success, 160);
    real_service_kill(service);
}

/* What a child that was killed had recorded arrives, once. */
static void background__loses_nothing_when_the_process_is_killed(void **state)
{
    struct world *world = *state;
    struct real_service *service = real_service_start(world->scratch, NULL);
    size_t recorded = 0;

    for (int round = 0; round < 5; round++) {
        int ends[2];
        char byte;
        pid_t child;

        assert_int_equal(pipe(ends), 0);
        child = fork();
        if (child == 0) {
            connect_to(world, real_service_url(service));
            while (record_run(world->client, NULL) == TEL_OK && write(ends[1], "x", 1) == 1)
                continue;
            _exit(1);
        }
        for (int i = 0; i < 5 + round; i++) {
            assert_int_equal(read(ends[0], &byte, 1), 1);
            recorded++;
        }
        (void)kill(child, SIGKILL);
        (void)waitpid(child, NULL, 0);
        (void)close(ends[1]);
        while (read(ends[0], &byte, 1) == 1)
            recorded++;
        (void)close(ends[0]);
    }
    connect_to(world, real_service_url(service));
    assert_int_equal(tel_client_flush(world->client, PATIENCE_MS, NULL), TEL_OK);
    assert_in_range(stats_of(world->client).runs.success, recorded, recorded + 5);
    assert_in_range(stats_of(world->client).runs.total, recorded,
                    recorded + 5); /* and never twice */
    real_service_kill(service);
}

static void background__goes_on_in_parent_and_child_after_a_fork(void **state)
{
    struct world *world = *state;
    struct real_service *service;
    pid_t child;
    int status = -1;

    if (!CHILD_MAY_START_THREADS || !ALLOCATOR_SURVIVES_FORK)
        skip();
    service = real_service_start(world->scratch, NULL);
    connect_to(world, real_service_url(service));
    assert_int_equal(record_run(world->client, "before"), TEL_OK);
    child = fork();
    if (child == 0) {
        (void)alarm(60);
        status = record_run(world->client, "child");
        tel_client_free(world->client);
        _exit(status ? 1 : 0);
    }
    assert_int_equal(record_run(world->client, "after"), TEL_OK);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(tel_client_flush(world->client, PATIENCE_MS, NULL), TEL_OK);
    world_assert_stored(world, "before");
    world_assert_stored(world, "child");
    world_assert_stored(world, "after");
    assert_int_equal(world_stored_count(world), 3);
    real_service_kill(service);
}

/* Read a line of /proc/self/task/{task}/status, or "" . */
static void read_status(char *out, size_t size, const char *task, const char *name)
{
    char path[300];
    char line[200];
    FILE *file;

    *out = '\0';
    (void)snprintf(path, sizeof path, "/proc/self/task/%s/status", task);
    file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file)) {
        if (strncmp(line, name, strlen(name)) == 0)
            (void)snprintf(out, size, "%s", line + strlen(name));
    }
    if (file)
        (void)fclose(file);
}

static bool is_blocked(const char *mask, int signal_number)
{
    return strtoull(mask, NULL, 16) >> (signal_number - 1) & 1;
}

/* Count the library's threads in this process, and look at the signals that they take. */
static size_t count_couriers(void)
{
    DIR *tasks = opendir("/proc/self/task");
    const struct dirent *task;
    size_t count = 0;

    assert_non_null(tasks);
    while ((task = readdir(tasks)) != NULL) {
        char name[100];
        char mask[100];

        read_status(name, sizeof name, task->d_name, "Name:\t");
        read_status(mask, sizeof mask, task->d_name, "SigBlk:\t");
        if (strcmp(name, "telemetry\n") != 0 || !*mask) /* it has ended in between */
            continue;
        count++;
        assert_true(is_blocked(mask, SIGTERM) && is_blocked(mask, SIGINT) &&
                    is_blocked(mask, SIGUSR1) && is_blocked(mask, SIGALRM));
    }
    (void)closedir(tasks);
    return count;
}

static void background__takes_no_signal_of_the_hosts(void **state)
{
    struct world *world = *state;

    world_connect(world, "TELEMETRY_MODE", "embedded", "TELEMETRY_BACKGROUND", "true", NULL);
    assert_int_equal(count_couriers(), 0); /* nothing to do yet */
    assert_int_equal(record_run(world->client, NULL), TEL_OK);
    wait_for_records(world->client, 2);
    assert_int_equal(count_couriers(), 1);
    world_disconnect(world);
    assert_int_equal(count_couriers(), 0);
}

static void stay_silent(struct peer *peer, int fd, void *arg)
{
    (void)peer;
    (void)arg;
    peer_wait(fd);
}

static void background__that_is_at_work_when_its_client_goes_ends_after_it(void **state)
{
    struct world *world = *state;
    struct peer *silent = peer_start(stay_silent, NULL);
    struct deadline deadline = deadline_in(PATIENCE_MS);

    world_connect(world, "TELEMETRY_API_URL", peer_url(silent), "TELEMETRY_BACKGROUND", "true",
                  "TELEMETRY_CALL_BUDGET_MS", "100", NULL);
    assert_int_equal(record_run(world->client, NULL), TEL_OK);
    while (peer_connections(silent) == 0)
        deadline_sleep(deadline, 5);
    world_disconnect(world);
    peer_stop(silent);
    while (count_couriers() > 0 && deadline_left_ms(deadline) > 0)
        deadline_sleep(deadline, 5);
    assert_int_equal(count_couriers(), 0);
    assert_int_equal(world_count_waiting(world), 2);
}

static void background__in_mock_mode_has_no_thread(void **state)
{
    struct world *world = *state;

    world_connect(world, "TELEMETRY_TEST_MODE", "mock", "TELEMETRY_BACKGROUND", "true", NULL);
    assert_int_equal(record_run(world->client, NULL), TEL_OK);
    assert_int_equal(world_count(world, ".active"), 2);
    assert_int_equal(count_couriers(), 0);
}

/* ---- Its log is written by the thread --------------------------------------------------------- */

static tel_client *to_be_freed;

static void free_it(void)
{
    tel_client_free(to_be_freed);
}

static void exit_now(void *arg, tel_log_level level, const char *message)
{
    (void)level;
    if (strstr(message, "cannot reach"))
        exit(*(int *)arg);
}

static void free_now(void *arg, tel_log_level level, const char *message)
{
    (void)level;
    if (!strstr(message, "cannot reach"))
        return;
    free_it();
    _exit(*(int *)arg);
}

/* In a child: a client whose log callback, on the client's own thread, does something odd. */
static int run_with_log(struct world *world, tel_log_fn *log, const char *url)
{
    int wanted = 23;
    int status = -1;
    pid_t child = fork();

    (void)world;
    if (child == 0) {
        tel_config *config;

        (void)alarm(60);
        if (tel_config_new(&config))
            _exit(1);
        (void)tel_config_set(config, "TELEMETRY_API_URL", url);
        (void)tel_config_set(config, "TELEMETRY_BACKGROUND", "true");
        (void)tel_config_set_log(config, log, &wanted);
        if (tel_client_new(&to_be_freed, config))
            _exit(1);
        (void)atexit(free_it);
        (void)record_run(to_be_freed, NULL);
        for (;;)
            (void)pause();
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void background__survives_exit_and_free_in_a_callback(void **state)
{
    struct world *world = *state;
    struct peer *refused = peer_start(NULL, NULL);

    assert_int_equal(run_with_log(world, exit_now, peer_url(refused)), 23);
    assert_int_equal(run_with_log(world, free_now, peer_url(refused)), 23);
    peer_stop(refused);
    world_connect(world, "TELEMETRY_MODE", "embedded", NULL);
    assert_int_equal(tel_client_flush(world->client, PATIENCE_MS, NULL), TEL_OK);
    assert_int_equal(stats_of(world->client).runs.total, 2); /* both runs were kept */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(background__delivers_start_and_end_and_leaves_no_files_behind),
        TEST(background__of_an_embedded_client_writes_the_database),
        TEST(background__catches_up_when_the_service_comes_back),
        TEST(background__tries_again_although_nothing_else_is_to_be_done),
        TEST(background__brings_what_others_left_in_the_directory),
        TEST(background__tries_again_what_others_left_in_the_directory),
        TEST(background__does_not_wait_for_a_service_that_hangs),
        TEST(background__delivers_more_than_a_buffer_file_holds),
        TEST(background__delivers_at_once_when_there_is_no_buffer),
        TEST(background__serves_many_threads),
        TEST(background__loses_nothing_when_the_process_is_killed),
        TEST(background__goes_on_in_parent_and_child_after_a_fork),
        TEST(background__takes_no_signal_of_the_hosts),
        TEST(background__that_is_at_work_when_its_client_goes_ends_after_it),
        TEST(background__in_mock_mode_has_no_thread),
        TEST(background__survives_exit_and_free_in_a_callback),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
