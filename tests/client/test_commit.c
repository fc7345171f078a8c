/* SPDX-License-Identifier: MIT
 *
 * Commits, of runs that are active and of runs that have ended.
 */
#include "support/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "support/client_world.h"
#include "support/peer.h"
#include "support/scratch.h"
#include "support/service_stub.h"

#define HASH "0123456789abcdef0123456789abcdef01234567"

static tel_client *embedded(struct world *world)
{
    return world_connect(world, "TELEMETRY_MODE", "embedded", NULL);
}

static void start(tel_run **run, tel_client *client, const char *name)
{
    assert_int_equal(tel_run_start(run, client,
                                   TEL_FIELDS(.agent_name = "a", .job_type = "j", .run_id = name,
                                              .event_id = name)),
                     TEL_OK);
}

static void assert_commit(struct world *world, const char *event_id, const char *hash,
                          const char *source, const char *author)
{
    CLEANUP(record_clear) struct tel_record stored = RECORD();

    assert_int_equal(world_stored(world, event_id, &stored), TEL_OK);
    assert_string_equal(stored.fields.git_commit_hash, hash);
    assert_string_equal(stored.fields.git_commit_source, source);
    if (author)
        assert_string_equal(stored.fields.git_commit_author, author);
    else
        assert_null(stored.fields.git_commit_author);
}

static void associate_commit__of_an_active_run_is_stored_at_once_and_holds_at_its_end(void **state)
{
    struct world *world = *state;
    CLEANUP(freep) char *trail = NULL;
    tel_run *run = NULL;

    start(&run, embedded(world), "one");
    assert_int_equal(tel_run_associate_commit(run, HASH, "llm", "ada", "yesterday"), TEL_OK);
    assert_commit(world, "one", HASH, "llm", "ada");
    assert_int_equal(tel_client_associate_commit(world->client, "one", "0123456", "ci", NULL, NULL),
                     TEL_OK);
    assert_commit(world, "one", "0123456", "ci", NULL);
    tel_run_end(&run, NULL, NULL);
    assert_commit(world, "one", "0123456", "ci", NULL);
    trail = world_trail(world);
    assert_non_null(strstr(trail, "\"event_type\":\"associate_commit\""));
    assert_non_null(strstr(trail, "\"git_commit_hash\":\"0123456\""));
}

static void associate_commit__finds_a_run_that_has_ended(void **state)
{
    struct world *world = *state;
    tel_run *run = NULL;
    tel_run *kept = NULL;

    start(&run, embedded(world), "one");
    start(&kept, world->client, "kept");
    tel_client_end_run(world->client, "kept", NULL, NULL);
    tel_run_end(&run, NULL, NULL);
    assert_int_equal(tel_client_associate_commit(world->client, "one", HASH, "manual", NULL, NULL),
                     TEL_OK);
    assert_int_equal(tel_run_associate_commit(kept, HASH, "manual", NULL, NULL), TEL_OK);
    assert_commit(world, "one", HASH, "manual", NULL);
    assert_commit(world, "kept", HASH, "manual", NULL);
    tel_run_end(&kept, NULL, NULL);
    (void)embedded(world); /* which does not remember it */
    assert_int_equal(tel_client_associate_commit(world->client, "one", "abcdef0", "ci", "bob",
                                                 NULL),
                     TEL_OK);
    assert_commit(world, "one", "abcdef0", "ci", "bob");
    assert_int_equal(tel_client_associate_commit(world->client, "none", HASH, "ci", NULL, NULL),
                     TEL_E_NOT_FOUND);
}

static void associate_commit__refuses_what_is_none_and_says_so(void **state)
{
    struct world *world = *state;
    tel_run *run = NULL;

    start(&run, embedded(world), "one");
    assert_int_equal(tel_run_associate_commit(run, "012345", "ci", NULL, NULL), TEL_E_INVALID);
    assert_int_equal(tel_run_associate_commit(run, HASH "8", "ci", NULL, NULL), TEL_E_INVALID);
    assert_non_null(strstr(world->log, "must have 7 to 40 characters, not \"012345\""));
    assert_int_equal(tel_run_associate_commit(run, HASH, "cat", NULL, NULL), TEL_E_INVALID);
    assert_non_null(strstr(world->log, "manual, llm or ci"));
    assert_int_equal(tel_run_associate_commit(run, HASH, "", NULL, NULL), TEL_E_INVALID);
    assert_int_equal(tel_run_associate_commit(run, NULL, "ci", NULL, NULL), TEL_E_INVALID);
    assert_int_equal(tel_run_associate_commit(run, HASH, NULL, NULL, NULL), TEL_E_INVALID);
    assert_int_equal(tel_run_associate_commit(NULL, HASH, "ci", NULL, NULL), TEL_E_INVALID);
    assert_int_equal(tel_client_associate_commit(NULL, "one", HASH, "ci", NULL, NULL),
                     TEL_E_INVALID);
    assert_int_equal(tel_client_associate_commit(world->client, NULL, HASH, "ci", NULL, NULL),
                     TEL_E_INVALID);
    assert_int_equal(tel_client_associate_commit(world->client, "../x", HASH, "ci", NULL, NULL),
                     TEL_E_INVALID);
    tel_run_end(&run, NULL, NULL);
}

static void associate_commit__is_posted_to_the_service(void **state)
{
    struct world *world = *state;
    struct service_stub service = {.requests = STRBUF(1000000)};
    struct peer *peer = peer_start(service_stub, &service);
    tel_run *run = NULL;

    start(&run, world_connect(world, "TELEMETRY_API_URL", peer_url(peer), NULL), "one");
    tel_run_end(&run, NULL, NULL);
    assert_int_equal(tel_client_associate_commit(world->client, "one", HASH, "ci", "ada", NULL),
                     TEL_OK);
    peer_stop(peer);
    assert_non_null(strstr(service.requests.text, "POST /api/v1/runs/one/associate-commit "));
    assert_non_null(strstr(service.requests.text, "{\"commit_hash\":\"" HASH "\",\"commit_source\":"
                                                  "\"ci\",\"commit_author\":\"ada\"}"));
    strbuf_clear(&service.requests);
}

static void associate_commit__waits_in_the_buffer_while_the_service_is_away(void **state)
{
    struct world *world = *state;
    struct peer *refused = peer_start(NULL, NULL);
    tel_run *run = NULL;

    start(&run, world_connect(world, "TELEMETRY_API_URL", peer_url(refused), NULL), "one");
    tel_run_end(&run, NULL, NULL);
    assert_int_equal(tel_client_associate_commit(world->client, "one", HASH, "ci", NULL, NULL),
                     TEL_OK);
    assert_int_equal(tel_client_associate_commit(world->client, "none", HASH, "ci", NULL, NULL),
                     TEL_E_UNAVAILABLE);
    peer_stop(refused);
    (void)embedded(world);
    assert_int_equal(tel_client_flush(world->client, 60000, NULL), TEL_OK);
    assert_commit(world, "one", HASH, "ci", NULL);
}

static void associate_commit__looks_up_in_the_service_a_run_of_others(void **state)
{
    struct world *world = *state;
    struct peer_script script = {
        .answers = {{"200 OK", "[{\"event_id\":\"theirs\"}]"},
                    {"200 OK", "{\"event_id\":\"theirs\"}"},
                    {"200 OK", "[]"}},
    };
    struct peer *peer = peer_start(peer_follow, &script);

    world_connect(world, "TELEMETRY_API_URL", peer_url(peer), NULL);
    assert_int_equal(tel_client_associate_commit(world->client, "a&b", HASH, "ci", NULL, NULL),
                     TEL_OK);
    assert_int_equal(tel_client_associate_commit(world->client, "none", HASH, "ci", NULL, NULL),
                     TEL_E_NOT_FOUND);
    peer_stop(peer);
    assert_non_null(strstr(script.requests, "GET /api/v1/runs?limit=1&run_id=a%26b "));
    assert_non_null(strstr(script.requests, "POST /api/v1/runs/theirs/associate-commit "));
}

static void associate_commit__of_a_run_long_ago_is_looked_up(void **state)
{
    struct world *world = *state;
    struct peer *refused = peer_start(NULL, NULL);
    char name[32];

    world_connect(world, "TELEMETRY_API_URL", peer_url(refused), NULL);
    for (int i = 0; i < 130; i++) {
        tel_run *run = NULL;

        (void)snprintf(name, sizeof name, "run %d", i);
        start(&run, world->client, name);
        tel_run_end(&run, NULL, NULL);
    }
    assert_int_equal(tel_client_associate_commit(world->client, "run 1", HASH, "ci", NULL, NULL),
                     TEL_E_UNAVAILABLE);
    assert_int_equal(tel_client_associate_commit(world->client, "run 2", HASH, "ci", NULL, NULL),
                     TEL_OK);
    assert_int_equal(tel_client_associate_commit(world->client, name, HASH, "ci", NULL, NULL),
                     TEL_OK);
    peer_stop(refused);
}

static void
associate_commit__looks_up_a_run_whose_event_id_is_too_long_to_be_remembered(void **state)
{
    struct world *world = *state;
    struct peer *refused = peer_start(NULL, NULL);
    char event_id[1026];

    world_connect(world, "TELEMETRY_API_URL", peer_url(refused), NULL);
    for (int length = 1024; length <= 1025; length++) {
        tel_run *run = NULL;

        (void)snprintf(event_id, sizeof event_id, "%0*d", length, 0);
        assert_int_equal(tel_run_start(&run, world->client,
                                       TEL_FIELDS(.agent_name = "a", .job_type = "j", .run_id = "r",
                                                  .event_id = event_id)),
                         TEL_OK);
        tel_run_end(&run, NULL, NULL);
        assert_int_equal(tel_client_associate_commit(world->client, "r", HASH, "ci", NULL, NULL),
                         length == 1024 ? TEL_OK : TEL_E_UNAVAILABLE);
        world_connect(world, "TELEMETRY_API_URL", peer_url(refused), NULL);
    }
    peer_stop(refused);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(associate_commit__of_an_active_run_is_stored_at_once_and_holds_at_its_end),
        TEST(associate_commit__finds_a_run_that_has_ended),
        TEST(associate_commit__refuses_what_is_none_and_says_so),
        TEST(associate_commit__is_posted_to_the_service),
        TEST(associate_commit__waits_in_the_buffer_while_the_service_is_away),
        TEST(associate_commit__looks_up_in_the_service_a_run_of_others),
        TEST(associate_commit__of_a_run_long_ago_is_looked_up),
        TEST(associate_commit__looks_up_a_run_whose_event_id_is_too_long_to_be_remembered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
