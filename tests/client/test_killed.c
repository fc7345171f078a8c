/* SPDX-License-Identifier: MIT
 *
 * The host is killed before the n-th system call that changes something, for each n until it comes to
 * its end: every record whose call had returned is delivered later, and none that nobody made.
 *
 * TELEMETRY_TEST_LONG: ten times as many runs, and so as many points (minutes).
 */
#include "support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "support/calls.h"
#include "support/client_world.h"
#include "support/peer.h"
#include "support/real_service.h"
#include "support/sanitizers.h"
#include "support/scratch.h"

#define RUNS_OF_LONG_TEST 20
#define POINTS_MAX 20000
#define PATIENCE_MS 60000
/* With a sanitizer, the end of a process takes its time. */
#define STEP (HAS_ADDRESS_SANITIZER || HAS_THREAD_SANITIZER ? 7 : 1)

struct scenario {
    struct world *world;
    struct real_service *service; /* NULL: there is none, the one who delivers is embedded */
    const char *mode;
    const char *url;
    const char *background;
    bool only_drains; /* what was recorded before, by another client */
    int runs;
};

static int runs_each = 2;

static void name_run(char out[32], long point, int run)
{
    (void)snprintf(out, 32, "run-%ld-%02d", point, run);
}

/* ---- The host ---------------------------------------------------------------------------------- */

/* Tell the test that a call has returned. */
static void tell(int fd, tel_error error)
{
    if (error || syscall(SYS_write, fd, "x", 1) != 1)
        _exit(9);
}

static void record_one(tel_client *client, const char *name, int told)
{
    tel_run *run = NULL;

    tell(told, tel_run_start(&run, client,
                             TEL_FIELDS(.agent_name = "a", .job_type = "j", .event_id = name)));
    tell(told, tel_run_log_event(run, name, NULL));
    tell(told, tel_run_end(&run, NULL, TEL_FIELDS(.items_succeeded = 7)));
}

/* Between runs the buffer is rotated. */
static void host(const struct scenario *scenario, long point, int told)
{
    tel_client *client =
        world_connect(scenario->world, "TELEMETRY_MODE", scenario->mode, "TELEMETRY_API_URL",
                      scenario->url, "TELEMETRY_BACKGROUND", scenario->background, NULL);

    for (int i = 0; i < scenario->runs && !scenario->only_drains; i++) {
        char name[32];

        name_run(name, point, i);
        record_one(client, name, told);
        (void)tel_client_flush(client, 0, NULL);
    }
    if (scenario->only_drains)
        (void)tel_client_flush(client, PATIENCE_MS, NULL);
    world_disconnect(scenario->world);
}

/* Run it, to be killed at a point. Returns whether it was; *returned counts its calls that returned. */
static bool is_killed(const struct scenario *scenario, long point, int *returned)
{
    int status = -1;
    int ends[2];
    char byte;
    pid_t child;

    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    (void)fflush(NULL);
    child = fork();
    if (child == 0) {
        (void)alarm(60);
        calls_arm(point, LONG_MAX, KILLED, NULL);
        host(scenario, point, ends[1]);
        _exit(0);
    }
    (void)close(ends[1]);
    for (*returned = 0; read(ends[0], &byte, 1) == 1; (*returned)++)
        continue;
    (void)close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    if (!WIFSIGNALED(status))
        assert_int_equal(status, 0);
    else
        assert_int_equal(WTERMSIG(status), SIGKILL);
    return WIFSIGNALED(status);
}

/* ---- What must become of it -------------------------------------------------------------------- */

static void deliver(const struct scenario *scenario)
{
    if (scenario->service)
        world_connect(scenario->world, "TELEMETRY_API_URL", scenario->url, NULL);
    else
        world_connect(scenario->world, "TELEMETRY_MODE", "embedded", NULL);
    assert_int_equal(tel_client_flush(scenario->world->client, PATIENCE_MS, NULL), TEL_OK);
    world_disconnect(scenario->world);
}

static void assert_started(struct world *world, const char *name)
{
    CLEANUP(record_clear) struct tel_record stored = RECORD();

    assert_int_equal(world_stored(world, name, &stored), TEL_OK);
}

/* What the calls that returned have recorded is there, and of the audit trail no line is double. */
static void assert_nothing_is_lost(const struct scenario *scenario, long point, int returned)
{
    CLEANUP(freep) char *trail = world_trail(scenario->world);

    for (int i = 0; i < scenario->runs; i++) {
        int made = scenario->only_drains ? 3 : returned - 3 * i; /* of this run's calls */
        char name[32];

        name_run(name, point, i);
        if (made >= 1)
            assert_started(scenario->world, name);
        if (made >= 3)
            world_assert_stored(scenario->world, name);
        assert_in_range(count_of(trail, name), made < 0 ? 0 : made > 3 ? 3 : made, 3);
    }
}

/* What was looked at need not be read again each time. */
static void forget_files(struct world *world)
{
    assert_int_equal(world_count(world, ".rejected"), 0);
    scratch_remove(scratch_path(world->scratch, "base/raw"));
    scratch_remove(scratch_path(world->scratch, "base/buffer"));
}

static void record_for(const struct scenario *scenario, long point)
{
    struct peer *refused = peer_start(NULL, NULL);
    tel_client *client =
        world_connect(scenario->world, "TELEMETRY_API_URL", peer_url(refused), NULL);

    for (int i = 0; i < scenario->runs; i++) {
        tel_run *run = NULL;
        char name[32];

        name_run(name, point, i);
        assert_int_equal(tel_run_start(&run, client,
                                       TEL_FIELDS(.agent_name = "a", .job_type = "j",
                                                  .event_id = name)),
                         TEL_OK);
        assert_int_equal(tel_run_log_event(run, name, NULL), TEL_OK);
        (void)tel_client_flush(client, 0, NULL);
        assert_int_equal(tel_run_end(&run, NULL, TEL_FIELDS(.items_succeeded = 7)), TEL_OK);
    }
    world_disconnect(scenario->world);
    peer_stop(refused);
}

static void kill_everywhere(struct world *world, struct scenario scenario)
{
    bool was_killed = true;
    long point = 0;

    scenario.world = world;
    scenario.runs = runs_each;
    while (was_killed && point < POINTS_MAX) {
        int returned;

        point += STEP;
        if (scenario.only_drains)
            record_for(&scenario, point);
        was_killed = is_killed(&scenario, point, &returned);
        deliver(&scenario);
        assert_nothing_is_lost(&scenario, point, returned);
        forget_files(world);
    }
    print_message("  %ld points\n", point / STEP);
    assert_in_range(point, 20, POINTS_MAX - 1);
    assert_in_range(world_stored_count(world), 1, point * scenario.runs);
}

static void killed__with_the_service_away(void **state)
{
    struct peer *refused = peer_start(NULL, NULL);

    kill_everywhere(*state, (struct scenario){.mode = "service",
                                              .url = peer_url(refused),
                                              .background = "false"});
    peer_stop(refused);
}

static void killed__beside_a_service(void **state)
{
    struct world *world = *state;
    struct real_service *service = real_service_start(world->scratch, NULL);

    kill_everywhere(world, (struct scenario){.service = service,
                                             .mode = "service",
                                             .url = real_service_url(service),
                                             .background = "false"});
    real_service_kill(service);
}

static void killed__in_background_delivery(void **state)
{
    struct world *world = *state;
    struct real_service *service = real_service_start(world->scratch, NULL);

    kill_everywhere(world, (struct scenario){.service = service,
                                             .mode = "service",
                                             .url = real_service_url(service),
                                             .background = "true"});
    real_service_kill(service);
}

static void killed__while_it_writes_the_database(void **state)
{
    kill_everywhere(*state, (struct scenario){.mode = "embedded",
                                              .url = "http://127.0.0.1:1",
                                              .background = "false"});
}

static void killed__while_it_empties_the_buffer(void **state)
{
    kill_everywhere(*state, (struct scenario){.mode = "embedded",
                                              .url = "http://127.0.0.1:1",
                                              .background = "false",
                                              .only_drains = true});
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(killed__with_the_service_away),       TEST(killed__beside_a_service),
        TEST(killed__in_background_delivery),      TEST(killed__while_it_writes_the_database),
        TEST(killed__while_it_empties_the_buffer),
    };

    if (getenv("TELEMETRY_TEST_LONG"))
        runs_each = RUNS_OF_LONG_TEST;
    if (access("/dev/shm", W_OK) == 0) /* syncs cost nothing there, and a kill is no power cut */
        (void)setenv("TMPDIR", "/dev/shm", 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
