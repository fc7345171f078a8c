/* SPDX-License-Identifier: MIT
 *
 * A client whose disk syncs nothing, whose directories go, or whose host has no descriptor left: the
 * host goes on, and the record goes to whatever still works. fsync() of this program is its own.
 */
#include "support/cmocka_all.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "support/client_world.h"
#include "support/peer.h"
#include "support/scratch.h"

static bool syncs_fail;

TEL_API int fsync(int fd)
{
    if (syncs_fail) {
        errno = EIO;
        return -1;
    }
    return (int)syscall(SYS_fsync, fd);
}

static char taken[] = "HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n{\"event_id\":\"e\"}";

static tel_error start(tel_client *client, tel_run **run)
{
    return tel_run_start(run, client,
                         TEL_FIELDS(.agent_name = "a", .job_type = "j", .event_id = "e"));
}

/* ---- Syncs that fail --------------------------------------------------------------------------- */

static void sync__that_fails_is_said_and_the_service_has_the_run(void **state)
{
    struct world *world = *state;
    struct peer *peer = peer_start(peer_answer, taken);
    tel_run *run = NULL;

    world_connect(world, "TELEMETRY_API_URL", peer_url(peer), NULL);
    syncs_fail = true;
    assert_int_equal(start(world->client, &run), TEL_OK);
    assert_int_equal(tel_run_log_event(run, "e", NULL), TEL_E_IO);
    assert_int_equal(tel_run_end(&run, NULL, NULL), TEL_OK);
    syncs_fail = false;
    assert_non_null(strstr(world->log, "the audit trail lacks a line"));
    assert_int_equal(world_count_waiting(world), 0);
    assert_int_equal(peer_connections(peer), 1);
    peer_stop(peer);
}

static void sync__that_fails_for_everything_is_a_status_and_no_more(void **state)
{
    struct world *world = *state;
    tel_run *run = NULL;

    world_connect(world, "TELEMETRY_API_URL", "http://127.0.0.1:1", NULL);
    syncs_fail = true;
    assert_int_equal(start(world->client, &run), TEL_E_IO);
    assert_null(run);
    syncs_fail = false;
    assert_int_equal(start(world->client, &run), TEL_OK); /* and all is well again */
    assert_int_equal(tel_run_end(&run, NULL, NULL), TEL_OK);
    assert_int_equal(world_count_waiting(world), 2);
}

/* ---- Directories that go ----------------------------------------------------------------------- */

static void directories__that_are_removed_are_made_again(void **state)
{
    struct world *world = *state;
    CLEANUP(freep) char *trail = NULL;
    char *base = scratch_path(world->scratch, "base");
    tel_run *run = NULL;

    world_connect(world, "TELEMETRY_API_URL", "http://127.0.0.1:1", NULL);
    assert_int_equal(start(world->client, &run), TEL_OK);
    scratch_remove(base);
    assert_int_equal(tel_run_end(&run, NULL, NULL), TEL_OK);
    assert_int_equal(world_count_waiting(world), 1);
    trail = world_trail(world);
    assert_int_equal(count_lines(trail), 1);
}

/* ---- No descriptor left ------------------------------------------------------------------------ */

static struct rlimit allow_descriptors(rlim_t count)
{
    struct rlimit before;
    struct rlimit limit;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    limit = before;
    limit.rlim_cur = count;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    return before;
}

static void descriptors__that_ran_out_leave_the_buffer_that_is_open(void **state)
{
    struct world *world = *state;
    struct rlimit enough;
    tel_run *first = NULL;
    tel_run *run = NULL;
    tel_error error;

    world_connect(world, "TELEMETRY_API_URL", "http://127.0.0.1:1", NULL);
    assert_int_equal(start(world->client, &first), TEL_OK);
    enough = allow_descriptors(3);
    error = start(world->client, &run);
    (void)tel_run_log_event(run, "e", NULL);
    (void)tel_run_end(&run, NULL, NULL);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &enough), 0);
    assert_int_equal(error, TEL_OK);
    assert_int_equal(world_count_waiting(world), 3);
    assert_int_equal(tel_run_end(&first, NULL, NULL), TEL_OK);
    assert_int_equal(world_count_waiting(world), 4);
}

static void descriptors__that_ran_out_before_the_first_run_are_survived(void **state)
{
    struct world *world = *state;
    struct peer *peer = peer_start(peer_answer, taken);
    struct rlimit enough;
    tel_run *run = NULL;
    tel_error error;

    world_connect(world, "TELEMETRY_API_URL", peer_url(peer), NULL);
    enough = allow_descriptors(3);
    error = start(world->client, &run);
    assert_int_equal(tel_run_end(&run, NULL, NULL), error ? TEL_E_INVALID : TEL_OK);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &enough), 0);
    assert_int_equal(error, TEL_E_IO);
    assert_int_equal(start(world->client, &run), TEL_OK);
    assert_int_equal(tel_run_end(&run, NULL, NULL), TEL_OK);
    peer_stop(peer);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(sync__that_fails_is_said_and_the_service_has_the_run),
        TEST(sync__that_fails_for_everything_is_a_status_and_no_more),
        TEST(directories__that_are_removed_are_made_again),
        TEST(descriptors__that_ran_out_leave_the_buffer_that_is_open),
        TEST(descriptors__that_ran_out_before_the_first_run_are_survived),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
