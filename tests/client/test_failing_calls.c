/* SPDX-License-Identifier: MIT
 *
 * The n-th open, write, sync, rename and so on of a run's life fails, alone or with all that follow, for
 * each n: a status, what a call says it recorded is recorded somewhere, and all is well afterwards.
 */
#include "support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "support/calls.h"
#include "support/client_world.h"
#include "support/life.h"
#include "support/peer.h"
#include "support/scratch.h"

#define POINTS_MAX 1000
#define PATIENCE_MS 60000

static const struct failure {
    const char *call;
    int error;
} failures[] = {
    {"open", EMFILE},       {"open", EROFS},    {"open", ENOSPC},   {"write", EIO},
    {"write", ENOSPC},      {"write", EFBIG},   {"pwrite64", EIO},  {"pwrite64", ENOSPC},
    {"fsync", EIO},         {"fdatasync", EIO}, {"renameat2", EIO}, {"renameat2", EROFS},
    {"unlink", EIO},        {"ftruncate", EIO}, {"mkdir", ENOSPC},  {"mkdir", EROFS},
    {"sendto", ECONNRESET},
};

static void assert_lines_are_whole(struct world *world)
{
    CLEANUP(freep) char *trail = world_trail(world);
    char *state = NULL;

    for (char *line = strtok_r(trail, "\n", &state); line; line = strtok_r(NULL, "\n", &state))
        assert_true(json_is_valid(line));
}

static void deliver(struct world *world)
{
    world_connect(world, "TELEMETRY_MODE", "embedded", NULL);
    assert_int_equal(tel_client_flush(world->client, PATIENCE_MS, NULL), TEL_OK);
    world_disconnect(world);
}

static void forget_files(struct world *world)
{
    scratch_remove(scratch_path(world->scratch, "base"));
}

/* Live with some calls failing; false: there were not so many. */
static bool fails(struct world *world, const struct failure *failure, long from, long to,
                  const char *mode, const char *url)
{
    struct life life;
    bool reached;

    calls_arm(from, to, failure->error, failure->call);
    world_connect(world, "TELEMETRY_MODE", mode, "TELEMETRY_API_URL", url, NULL);
    life = life_live(world->client, "hard");
    (void)tel_client_flush(world->client, 0, NULL);
    reached = calls_disarm() >= from;
    assert_int_equal(record_run(world->client, "easy"), TEL_OK); /* and all is well again */
    world_disconnect(world);
    deliver(world);
    life_assert_kept(world, "hard", &life);
    assert_lines_are_whole(world);
    world_assert_stored(world, "easy");
    forget_files(world);
    return reached;
}

static void fail_everywhere(struct world *world, const char *mode, const char *url)
{
    size_t reached = 0;

    for (size_t i = 0; i < sizeof failures / sizeof *failures; i++) {
        long n = 1;

        while (n < POINTS_MAX && fails(world, &failures[i], n, n, mode, url) &&
               fails(world, &failures[i], n, LONG_MAX, mode, url))
            n++;
        assert_true(n < POINTS_MAX);
        reached += n > 1;
    }
    assert_true(reached >= 9);
}

static void calls__that_fail_are_survived_by_an_embedded_client(void **state)
{
    fail_everywhere(*state, "embedded", "http://127.0.0.1:1");
}

static void calls__that_fail_are_survived_by_a_client_whose_service_is_away(void **state)
{
    struct peer *refused = peer_start(NULL, NULL);

    fail_everywhere(*state, "service", peer_url(refused));
    peer_stop(refused);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(calls__that_fail_are_survived_by_an_embedded_client),
        TEST(calls__that_fail_are_survived_by_a_client_whose_service_is_away),
    };

    if (access("/dev/shm", W_OK) == 0) /* syncs cost nothing there */
        (void)setenv("TMPDIR", "/dev/shm", 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
