/* SPDX-License-Identifier: MIT
 *
 * A disk that is full, or has room for a few more pages: a real one, small, that this program mounts
 * where nobody else sees it. Calls return, what they say they took is there, and once there is room all
 * is well.
 */
#include "support/cmocka_all.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "support/client_world.h"
#include "support/life.h"
#include "support/peer.h"
#include "support/scratch.h"

#define SKIPPED 77 /* what ctest takes for that */
#define DISK_SIZE "size=1m"
#define PAGE 4096
#define PAGES_MAX 12
#define PATIENCE_MS 60000

/* ---- The disk ---------------------------------------------------------------------------------- */

static bool put(const char *path, const char *text)
{
    CLEANUP(closep) int fd = open(path, O_WRONLY | O_CLOEXEC);

    return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
}

/* Who is not root may mount in a name space of users of his own, in which he stays who he is. */
static bool may_mount(void)
{
    char uid[40];
    char gid[40];

    (void)snprintf(uid, sizeof uid, "%u %u 1", geteuid(), geteuid());
    (void)snprintf(gid, sizeof gid, "%u %u 1", getegid(), getegid());
    if (geteuid() == 0
            ? unshare(CLONE_NEWNS)
            : unshare(CLONE_NEWUSER | CLONE_NEWNS) || !put("/proc/self/setgroups", "deny") ||
                  !put("/proc/self/uid_map", uid) || !put("/proc/self/gid_map", gid))
        return false;
    return mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("none", "/mnt", "tmpfs", 0, DISK_SIZE) == 0 && umount("/mnt") == 0;
}

static int set_up(void **state)
{
    struct world *world;
    CLEANUP(freep) char *base = NULL;

    (void)world_set_up(state);
    world = *state;
    base = scratch_path(world->scratch, "base");
    return mount("none", base, "tmpfs", 0, DISK_SIZE ",mode=0700");
}

static int tear_down(void **state)
{
    struct world *world = *state;
    CLEANUP(freep) char *base = scratch_path(world->scratch, "base");

    world_disconnect(world);
    return umount(base) ? -1 : world_tear_down(state);
}

/* Leave room for so many pages. */
static void fill(struct world *world, int pages)
{
    CLEANUP(freep) char *path = scratch_path(world->scratch, "base/filler");
    CLEANUP(closep) int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    static const char zeroes[PAGE];

    assert_true(fd >= 0);
    while (write(fd, zeroes, PAGE) == PAGE)
        continue;
    assert_int_equal(errno, ENOSPC);
    assert_int_equal(ftruncate(fd, lseek(fd, 0, SEEK_END) - (off_t)pages * PAGE), 0);
}

static void make_room(struct world *world)
{
    CLEANUP(freep) char *path = scratch_path(world->scratch, "base/filler");

    assert_int_equal(unlink(path), 0);
}

/* ---- What becomes of runs ------------------------------------------------------------------------ */

static void deliver(struct world *world)
{
    world_connect(world, "TELEMETRY_MODE", "embedded", NULL);
    assert_int_equal(tel_client_flush(world->client, PATIENCE_MS, NULL), TEL_OK);
    world_disconnect(world);
}

/* Record while the disk is full but for some pages, and when there is room again. Returns how many calls
 * failed. */
static size_t record_with_room(struct world *world, int pages, const char *mode, const char *url,
                               const char *background)
{
    tel_client_stats stats = {.size = sizeof stats};
    struct life life;
    char hard[20];
    char easy[20];
    size_t failed = 0;

    (void)snprintf(hard, sizeof hard, "hard-%d", pages);
    (void)snprintf(easy, sizeof easy, "easy-%d", pages);
    world_connect(world, "TELEMETRY_MODE", mode, "TELEMETRY_API_URL", url, "TELEMETRY_BACKGROUND",
                  background, NULL);
    fill(world, pages);
    life = life_live(world->client, hard);
    (void)tel_client_flush(world->client, 0, NULL);
    make_room(world);
    assert_int_equal(record_run(world->client, easy), TEL_OK);
    (void)tel_client_get_stats(world->client, &stats, NULL);
    world_disconnect(world);
    deliver(world);
    life_assert_kept(world, hard, &life);
    world_assert_stored(world, easy);
    failed += life.start != TEL_OK;
    failed += life.event != TEL_OK;
    failed += life.end != TEL_OK;
    if (failed)
        assert_true(stats.trail_failed > 0);
    return failed;
}

static void fill_up(struct world *world, const char *mode, const char *url, const char *background)
{
    size_t failed = 0;

    for (int pages = 0; pages <= PAGES_MAX; pages++)
        failed += record_with_room(world, pages, mode, url, background);
    assert_true(failed > 0);
}

static void full_disk__is_survived_by_an_embedded_client(void **state)
{
    fill_up(*state, "embedded", "http://127.0.0.1:1", "false");
}

static void full_disk__is_survived_by_a_client_whose_service_is_away(void **state)
{
    struct peer *refused = peer_start(NULL, NULL);

    fill_up(*state, "service", peer_url(refused), "false");
    peer_stop(refused);
}

static void full_disk__is_survived_in_the_background(void **state)
{
    fill_up(*state, "embedded", "http://127.0.0.1:1", "true");
}

static void full_disk__with_the_audit_trail_on_another_loses_nothing(void **state)
{
    struct world *world = *state;
    CLEANUP(freep) char *elsewhere = scratch_path(world->scratch, "elsewhere");
    CLEANUP(freep) char *trail = NULL;
    struct life life;

    world_connect(world, "TELEMETRY_MODE", "embedded", "TELEMETRY_NDJSON_DIR", elsewhere, NULL);
    assert_int_equal(record_run(world->client, "before"), TEL_OK);
    fill(world, 0);
    life = life_live(world->client, "hard");
    assert_int_equal(life.start, TEL_OK);
    assert_int_equal(life.event, TEL_OK);
    assert_int_equal(life.end, TEL_OK);
    make_room(world);
    trail = scratch_read_all(elsewhere, ".ndjson");
    assert_int_equal(count_of(trail, "\"event_id\":\"hard\""), 2);
    assert_int_equal(record_run(world->client, "after"), TEL_OK);
    world_assert_stored(world, "before");
    world_assert_stored(world, "after");
    assert_non_null(strstr(world->log, "full"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(full_disk__is_survived_by_an_embedded_client),
        TEST(full_disk__is_survived_by_a_client_whose_service_is_away),
        TEST(full_disk__is_survived_in_the_background),
        TEST(full_disk__with_the_audit_trail_on_another_loses_nothing),
    };

    if (!may_mount()) {
        (void)fprintf(stderr, "skipped: no file system may be mounted here\n");
        return SKIPPED;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
