/* SPDX-License-Identifier: MIT
 *
 * The export of runs that end. Embedded clients, unless the way of the outcome is what is tested: the
 * database then says how it went.
 */
#include "support/cmocka_all.h"

#include <dirent.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "model/record.h"
#include "support/client_world.h"
#include "support/sanitizers.h"
#include "support/peer.h"
#include "support/scratch.h"

#define NOBODY "http://127.0.0.1:1"
#define EXPORT(url) "GOOGLE_SHEETS_API_ENABLED", "true", "GOOGLE_SHEETS_API_URL", url
#define EMBEDDED "TELEMETRY_MODE", "embedded"
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)

/* ---- The sheet ------------------------------------------------------------------------------- */

struct sheet {
    const char *answer;
    atomic_int posts;
    char last[16384];
};

static void take(struct peer *peer, int fd, void *arg)
{
    struct sheet *sheet = arg;
    const char *text;

    while (peer_read_request(peer, fd, &text)) {
        (void)snprintf(sheet->last, sizeof sheet->last, "%s", text);
        atomic_fetch_add(&sheet->posts, 1);
        (void)peer_puts(fd, sheet->answer);
    }
}

static struct sheet taking = {.answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"};
static struct sheet refusing = {.answer = "HTTP/1.1 403 X\r\nContent-Length: 0\r\n\r\n"};

static void stay_silent(struct peer *peer, int fd, void *arg)
{
    (void)peer;
    (void)arg;
    peer_wait(fd);
}

/* ---- One run --------------------------------------------------------------------------------- */

static char event_id[64];

static void record_one(tel_client *client, const tel_run_fields *last)
{
    tel_run *run = NULL;

    assert_int_equal(tel_run_start(&run, client,
                                   TEL_FIELDS(.agent_name = "exporter", .job_type = "j",
                                              .items_succeeded = 3)),
                     TEL_OK);
    (void)snprintf(event_id, sizeof event_id, "%s", tel_run_event_id(run));
    assert_int_equal(tel_run_end(&run, TEL_SUCCESS, last), TEL_OK);
}

/* Free the client, which waits for the export within its long budget, and read the run. */
static struct tel_record stored(struct world *world)
{
    struct tel_record record = RECORD();

    tel_client_free(world->client);
    world->client = NULL;
    assert_int_equal(world_stored(world, event_id, &record), TEL_OK);
    return record;
}

static void end__exports_the_run_and_marks_it(void **state)
{
    struct world *world = *state;
    struct peer *peer = peer_start(take, &taking);
    CLEANUP(record_clear) struct tel_record record = RECORD();

    record_one(world_connect(world, EMBEDDED, EXPORT(peer_url(peer)), NULL),
               TEL_FIELDS(.error_summary = "=1+1"));
    record = stored(world);
    peer_stop(peer);
    assert_int_equal(record.fields.api_posted, 1);
    assert_string_equal(record.fields.status, TEL_SUCCESS);
    assert_non_null(record.fields.api_posted_at);
    assert_true(strcmp(record.fields.api_posted_at, record.fields.end_time) >= 0);
    assert_int_equal(record.fields.api_retry_count, 0);
    assert_non_null(strstr(taking.last, "\"agent_name\":\"exporter\""));
    assert_non_null(strstr(taking.last, "\"status\":\"success\""));
    assert_non_null(strstr(taking.last, "\"items_succeeded\":3"));
    assert_non_null(strstr(taking.last, "\"items_failed\":0"));
    assert_non_null(strstr(taking.last, "\"error_summary\":\"=1+1\""));
    assert_non_null(strstr(taking.last, "\"end_time\":"));
    assert_null(strstr(taking.last, "event_id"));
    assert_string_equal(world->log, "W GOOGLE_SHEETS_API_URL points to this machine, which answers "
                                    "404: give the sheet's address, or switch the export off\n");
}

static void end__that_could_not_be_exported_counts_an_attempt_and_says_why_once(void **state)
{
    struct world *world = *state;
    struct peer *peer = peer_start(take, &refusing);
    CLEANUP(record_clear) struct tel_record record = RECORD();

    world_connect(world, EMBEDDED, EXPORT(peer_url(peer)), NULL);
    record_one(world->client, NULL);
    record_one(world->client, NULL);
    record = stored(world);
    peer_stop(peer);
    assert_int_equal(record.fields.api_posted, 0);
    assert_null(record.fields.api_posted_at);
    assert_int_equal(record.fields.api_retry_count, 1);
    assert_int_equal(count_of(world->log, "answered 403; the run stays to be exported\n"), 1);
}

static void end__does_not_wait_for_the_export_and_the_client_leaves_it_pending(void **state)
{
    struct world *world = *state;
    struct peer *peer = peer_start(stay_silent, NULL);
    CLEANUP(record_clear) struct tel_record record = RECORD();

    world_connect(world, EMBEDDED, EXPORT(peer_url(peer)), "timeout", "3600",
                  "TELEMETRY_CALL_BUDGET_MS", "3000", NULL);
    record_one(world->client, NULL); /* would wait for an hour */
    record_one(world->client, NULL);
    record = stored(world);
    peer_stop(peer);
    assert_int_equal(record.fields.api_posted, 0);
    assert_in_range(record.fields.api_retry_count, 0, 1); /* 0: the thread had not come to it */
    assert_string_equal(record.fields.status, TEL_SUCCESS);
}

static void end__exports_nothing_when_that_is_off_or_done_or_mock(void **state)
{
    struct world *world = *state;
    struct peer *peer = peer_start(take, &taking);

    atomic_store(&taking.posts, 0);
    record_one(world_connect(world, EMBEDDED, EXPORT(peer_url(peer)), "TELEMETRY_TEST_MODE", "mock",
                             NULL),
               NULL);
    record_one(world_connect(world, EMBEDDED, "GOOGLE_SHEETS_API_URL", peer_url(peer), NULL), NULL);
    record_one(world_connect(world, EMBEDDED, EXPORT(peer_url(peer)), NULL),
               TEL_FIELDS(.api_posted = 1));
    tel_client_free(world->client);
    world->client = NULL;
    assert_int_equal(atomic_load(&taking.posts), 0);
    peer_stop(peer);
}

static void outcome__goes_the_way_of_the_run(void **state)
{
    struct world *world = *state;
    struct peer *peer = peer_start(take, &taking);
    char *lines;

    record_one(world_connect(world, "TELEMETRY_API_URL", NOBODY, EXPORT(peer_url(peer)), NULL),
               NULL);
    tel_client_free(world->client);
    world->client = NULL;
    peer_stop(peer);
    lines = world_buffer(world, ".ready");
    assert_int_equal(count_lines(lines), 3);
    assert_non_null(strstr(lines, "\"api_posted\":1"));
    assert_int_equal(count_of(lines, event_id), 3);
    free(lines);
}

static bool is_marked(struct world *world)
{
    CLEANUP(record_clear) struct tel_record record = RECORD();

    return world_stored(world, event_id, &record) == TEL_OK && record.fields.api_posted;
}

static void forked_child__exports_its_own_runs(void **state)
{
    struct world *world = *state;
    struct peer *peer;
    int status;
    pid_t child;

    if (!ALLOCATOR_SURVIVES_FORK || !CHILD_MAY_START_THREADS)
        skip();
    peer = peer_start(take, &taking);
    atomic_store(&taking.posts, 0);
    world_connect(world, EMBEDDED, EXPORT(peer_url(peer)), NULL);
    record_one(world->client, NULL);
    while (!is_marked(world)) /* a child would hold on to the connection of one under way */
        (void)usleep(1000);
    child = fork();
    if (child == 0) {
        record_one(world->client, NULL);
        tel_client_free(world->client);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    tel_client_free(world->client);
    world->client = NULL;
    peer_stop(peer);
    assert_int_equal(atomic_load(&taking.posts), 2);
    assert_int_equal(world_stored_count(world), 2);
}

/* ---- A host that frees the client where it is told ------------------------------------------------ */

static _Atomic(tel_client *) doomed;
static atomic_bool is_freed;

static void free_client(void *arg, tel_log_level level, const char *message)
{
    (void)arg;
    (void)level;
    if (!strstr(message, "answered 403"))
        return;
    tel_client_free(atomic_load(&doomed));
    atomic_store(&is_freed, true);
}

static size_t count_threads(void)
{
    DIR *tasks = opendir("/proc/self/task");
    size_t count = 0;

    assert_non_null(tasks);
    while (readdir(tasks))
        count++;
    (void)closedir(tasks);
    return count;
}

static void client__may_be_freed_by_the_log_of_its_export(void **state)
{
    struct peer *peer = peer_start(take, &refusing);
    size_t threads = count_threads();
    tel_config *config;
    tel_client *client;

    (void)state;
    assert_int_equal(tel_config_new(&config), TEL_OK);
    (void)tel_config_set_log(config, free_client, NULL);
    (void)tel_config_set(config, "TELEMETRY_MODE", "embedded");
    (void)tel_config_set(config, "GOOGLE_SHEETS_API_ENABLED", "true");
    (void)tel_config_set(config, "GOOGLE_SHEETS_API_URL", peer_url(peer));
    assert_int_equal(tel_client_new(&client, config), TEL_OK);
    tel_config_free(config);
    atomic_store(&doomed, client);
    record_one(client, NULL);
    while (!atomic_load(&is_freed) || count_threads() > threads) /* the last one frees the queue */
        (void)usleep(1000);
    peer_stop(peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(end__exports_the_run_and_marks_it),
        TEST(end__that_could_not_be_exported_counts_an_attempt_and_says_why_once),
        TEST(end__does_not_wait_for_the_export_and_the_client_leaves_it_pending),
        TEST(end__exports_nothing_when_that_is_off_or_done_or_mock),
        TEST(outcome__goes_the_way_of_the_run),
        TEST(forked_child__exports_its_own_runs),
        TEST(client__may_be_freed_by_the_log_of_its_export),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
