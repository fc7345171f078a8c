/* SPDX-License-Identifier: MIT
 *
 * Runs that end by leaving a block, runs that fail, runs below others, and payloads by key and value.
 */
#include "support/cmocka_all.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "support/client_world.h"

static tel_client *embedded(struct world *world)
{
    return world_connect(world, "TELEMETRY_MODE", "embedded", NULL);
}

static void assert_status(struct world *world, const char *event_id, const char *status,
                          const char *error_summary)
{
    CLEANUP(record_clear) struct tel_record stored = RECORD();

    assert_int_equal(world_stored(world, event_id, &stored), TEL_OK);
    assert_string_equal(stored.fields.status, status);
    if (error_summary)
        assert_string_equal(stored.fields.error_summary, error_summary);
    else
        assert_null(stored.fields.error_summary);
}

/* Leave a scope in one of its ways. */
static int work(tel_client *client, const char *event_id, int way)
{
    TEL_RUN_SCOPE(run, client, .agent_name = "a", .job_type = "j", .event_id = event_id);

    switch (way) {
    case 0:
        return 0;
    case 1:
        tel_run_fail(run, "the site is down");
        return 1;
    case 2:
        tel_run_set(run, "status", TEL_PARTIAL);
        break;
    case 3:
        tel_run_end(&run, TEL_CANCELLED, NULL);
        break;
    default:
        goto out;
    }
    return 2;
out:
    return 3;
}

static void scope__ends_the_run_however_it_is_left(void **state)
{
    struct world *world = *state;
    tel_client *client = embedded(world);

    assert_int_equal(work(client, "returned", 0), 0);
    assert_int_equal(work(client, "failed", 1), 1);
    assert_int_equal(work(client, "partial", 2), 2);
    assert_int_equal(work(client, "ended", 3), 2);
    assert_int_equal(work(client, "jumped", 4), 3);
    assert_status(world, "returned", "success", NULL);
    assert_status(world, "failed", "failure", "the site is down");
    assert_status(world, "partial", "partial", NULL);
    assert_status(world, "ended", "cancelled", NULL);
    assert_status(world, "jumped", "success", NULL);
}

static void scope__of_a_run_that_cannot_start_does_nothing(void **state)
{
    (void)state;
    assert_int_equal(work(NULL, "never", 1), 1);
}

static void fail__gives_way_to_the_status_of_the_end(void **state)
{
    struct world *world = *state;
    tel_run *run = NULL;

    tel_run_start(&run, embedded(world),
                  TEL_FIELDS(.agent_name = "a", .job_type = "j", .event_id = "one"));
    assert_int_equal(tel_run_fail(run, "slow"), TEL_OK);
    assert_int_equal(tel_run_fail(run, NULL), TEL_OK);
    assert_int_equal(tel_run_end(&run, TEL_TIMEOUT, NULL), TEL_OK);
    assert_status(world, "one", "timeout", "slow");
    assert_int_equal(tel_run_fail(run, "x"), TEL_E_INVALID);
}

static void assert_parent(struct world *world, const char *event_id, const char *parent)
{
    CLEANUP(record_clear) struct tel_record stored = RECORD();

    assert_int_equal(world_stored(world, event_id, &stored), TEL_OK);
    assert_string_equal(stored.fields.parent_run_id, parent);
}

static void start_child__knows_its_parent(void **state)
{
    struct world *world = *state;
    tel_run *parent = NULL;
    tel_run *child = NULL;

    tel_run_start(&parent, embedded(world), TEL_FIELDS(.agent_name = "a", .job_type = "j"));
    assert_int_equal(tel_run_start_child(&child, parent,
                                         TEL_FIELDS(.agent_name = "b", .job_type = "j",
                                                    .event_id = "child", .parent_run_id = "x")),
                     TEL_OK);
    assert_parent(world, "child", tel_run_id(parent));
    tel_run_end(&child, NULL, NULL);
    tel_run_end(&parent, NULL, NULL);
    assert_int_equal(tel_run_start_child(&child, NULL, TEL_FIELDS(.agent_name = "b")),
                     TEL_E_INVALID);
    assert_null(child);
}

static void start_child__works_in_a_forked_child(void **state)
{
    struct world *world = *state;
    tel_run *parent = NULL;
    int status = -1;
    pid_t pid;

    tel_run_start(&parent, embedded(world), TEL_FIELDS(.agent_name = "a", .job_type = "j"));
    pid = fork();
    if (pid == 0) {
        tel_run *child = NULL;
        int failed = tel_run_start_child(&child, parent,
                                         TEL_FIELDS(.agent_name = "b", .job_type = "j",
                                                    .event_id = "forked"));

        tel_run_end(&child, NULL, NULL);
        _exit(failed);
    }
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_parent(world, "forked", tel_run_id(parent));
    tel_run_end(&parent, NULL, NULL);
}

static void log_pairs__builds_the_payload(void **state)
{
    struct world *world = *state;
    CLEANUP(freep) char *trail = NULL;
    tel_run *run = NULL;

    tel_run_start(&run, embedded(world), TEL_FIELDS(.agent_name = "a", .job_type = "j"));
    assert_int_equal(tel_run_log_pairs(run, "page_done",
                                       TEL_PAIRS(TEL_TEXT("url", "u"), TEL_INT("bytes", 412))),
                     TEL_OK);
    assert_int_equal(tel_client_log_pairs(world->client, "another", "page_lost",
                                          TEL_PAIRS(TEL_BOOL("again", 1))),
                     TEL_OK);
    assert_int_equal(tel_run_log_pairs(run, "bare", NULL), TEL_OK);
    tel_run_end(&run, NULL, NULL);
    trail = world_trail(world);
    assert_non_null(
        strstr(trail, "\"payload_json\":\"{\\\"url\\\":\\\"u\\\",\\\"bytes\\\":412}\""));
    assert_non_null(strstr(trail, "\"run_id\":\"another\",\"event_type\":\"page_lost\""));
    assert_non_null(strstr(trail, "\"payload_json\":\"{\\\"again\\\":true}\""));
    assert_non_null(strstr(trail, "\"event_type\":\"bare\""));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(scope__ends_the_run_however_it_is_left),
        TEST(scope__of_a_run_that_cannot_start_does_nothing),
        TEST(fail__gives_way_to_the_status_of_the_end),
        TEST(start_child__knows_its_parent),
        TEST(start_child__works_in_a_forked_child),
        TEST(log_pairs__builds_the_payload),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
