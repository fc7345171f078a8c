/* SPDX-License-Identifier: MIT
 *
 * Runs from start to end, in embedded mode: what is in the audit trail and in the database.
 */
#include "support/cmocka_all.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "client/settable.h"
#include "support/client_world.h"
#include "support/database.h"
#include "support/scratch.h"

static tel_client *embedded(struct world *world)
{
    return world_connect(world, "TELEMETRY_MODE", "embedded", NULL);
}

static void start__stores_a_running_run_with_its_defaults(void **state)
{
    struct world *world = *state;
    CLEANUP(record_clear) struct tel_record stored = RECORD();
    char host[256] = "";
    tel_run *run = NULL;

    assert_int_equal(tel_run_start(&run,
                                   world_connect(world, "TELEMETRY_MODE", "embedded", "AGENT_OWNER",
                                                 "ada", NULL),
                                   TEL_FIELDS(.agent_name = "crawler", .job_type = "nightly",
                                              .product = "words")),
                     TEL_OK);
    assert_int_equal(world_stored(world, tel_run_event_id(run), &stored), TEL_OK);
    (void)gethostname(host, sizeof host - 1);
    assert_string_equal(stored.fields.status, "running");
    assert_string_equal(stored.fields.agent_name, "crawler");
    assert_string_equal(stored.fields.job_type, "nightly");
    assert_string_equal(stored.fields.product, "words");
    assert_string_equal(stored.fields.trigger_type, "cli");
    assert_string_equal(stored.fields.agent_owner, "ada");
    assert_string_equal(stored.fields.host, host);
    assert_string_equal(stored.fields.run_id, tel_run_id(run));
    assert_non_null(strstr(stored.fields.run_id, "Z-crawler-"));
    assert_string_equal(stored.fields.start_time, stored.fields.created_at);
    assert_int_equal(stored.fields.schema_version, SCHEMA_VERSION);
    assert_null(stored.fields.end_time);
    assert_null(stored.fields.parent_run_id);
    assert_string_equal(world->log, "");
    assert_int_equal(tel_run_end(&run, NULL, NULL), TEL_OK);
}

/* A repository as git lays it out, with a secret in its remote. */
static void make_repository(const struct world *world)
{
    CLEANUP(freep) char *config = scratch_path(world->scratch, ".git/config");
    CLEANUP(freep) char *head = scratch_path(world->scratch, ".git/HEAD");
    CLEANUP(freep) char *directory = scratch_path(world->scratch, ".git");

    assert_int_equal(mkdir(directory, 0700), 0);
    scratch_write(config,
                  "[remote \"origin\"]\n\turl = https://u:ghp_secret@example.org/o/words.git\n");
    scratch_write(head, "ref: refs/heads/main\n");
}

static void start__notes_the_repository_that_the_process_is_in(void **state)
{
    struct world *world = *state;
    CLEANUP(record_clear) struct tel_record stored = RECORD();
    CLEANUP(freep) char *cwd = getcwd(NULL, 0);
    CLEANUP(freep) char *trail = NULL;
    tel_run *run = NULL;

    make_repository(world);
    assert_int_equal(chdir(world->scratch), 0);
    (void)embedded(world);
    assert_int_equal(chdir(cwd), 0);
    assert_int_equal(tel_run_start(&run, world->client,
                                   TEL_FIELDS(.agent_name = "a", .job_type = "j")),
                     TEL_OK);
    assert_int_equal(world_stored(world, tel_run_event_id(run), &stored), TEL_OK);
    assert_string_equal(stored.fields.git_repo, "https://example.org/o/words.git");
    assert_string_equal(stored.fields.git_branch, "main");
    assert_string_equal(stored.fields.git_run_tag, "words/main");
    assert_int_equal(tel_run_end(&run, NULL, NULL), TEL_OK);
    trail = world_trail(world);
    assert_null(strstr(trail, "ghp_secret"));
}

static void start__a_repository_that_is_given_wins_and_loses_its_secrets(void **state)
{
    struct world *world = *state;
    CLEANUP(record_clear) struct tel_record stored = RECORD();
    CLEANUP(freep) char *trail = NULL;
    tel_run *run = NULL;

    assert_int_equal(tel_run_start(&run, embedded(world),
                                   TEL_FIELDS(.agent_name = "a", .job_type = "j",
                                              .git_branch = "mine",
                                              .git_repo =
                                                  "https://u:ghp_secret@example.org/given")),
                     TEL_OK);
    assert_int_equal(tel_run_set(run, "git_repo", "https://ghp_secret@example.org/set"), TEL_OK);
    assert_int_equal(world_stored(world, tel_run_event_id(run), &stored), TEL_OK);
    assert_string_equal(stored.fields.git_repo, "https://example.org/given");
    assert_string_equal(stored.fields.git_branch, "mine");
    assert_int_equal(tel_run_end(&run, NULL, NULL), TEL_OK);
    trail = world_trail(world);
    assert_non_null(strstr(trail, "https://example.org/set"));
    assert_null(strstr(trail, "ghp_secret"));
}

static void end__stores_status_times_and_metrics(void **state)
{
    struct world *world = *state;
    CLEANUP(record_clear) struct tel_record stored = RECORD();
    char event_id[64];
    tel_run *run = NULL;

    assert_int_equal(tel_run_start(&run, embedded(world),
                                   TEL_FIELDS(.agent_name = "a", .job_type = "j")),
                     TEL_OK);
    (void)snprintf(event_id, sizeof event_id, "%s", tel_run_event_id(run));
    assert_int_equal(tel_run_set_metrics(run,
                                         TEL_FIELDS(.items_discovered = 7, .website = "example.org",
                                                    .metrics_json = "{\"p\": 0.5}")),
                     TEL_OK);
    assert_int_equal(tel_run_set(run, "items_failed", "2"), TEL_OK);
    assert_int_equal(tel_run_set_int(run, "items_skipped", 0), TEL_OK);
    (void)usleep(20000);
    assert_int_equal(tel_run_end(&run, "partial", TEL_FIELDS(.output_summary = "done")), TEL_OK);
    assert_null(run);
    assert_int_equal(world_stored(world, event_id, &stored), TEL_OK);
    assert_string_equal(stored.fields.status, "partial");
    assert_int_equal(stored.fields.items_discovered, 7);
    assert_int_equal(stored.fields.items_failed, 2);
    assert_string_equal(stored.fields.website, "example.org");
    assert_string_equal(stored.fields.metrics_json, "{\"p\": 0.5}");
    assert_string_equal(stored.fields.output_summary, "done");
    assert_true(strcmp(stored.fields.end_time, stored.fields.start_time) > 0);
    assert_true(stored.fields.duration_ms >= 20 && stored.fields.duration_ms < 60000);
    assert_string_equal(world->log, "");
}

static void trail__has_the_run_at_start_and_at_end_and_its_events_between(void **state)
{
    static const char *const types[] = {"run", "event", "event", "event", "run"};
    struct world *world = *state;
    CLEANUP(freep) char *trail = NULL;
    tel_run *run = NULL;
    char *rest = NULL;
    size_t count = 0;

    tel_run_start(&run, embedded(world), TEL_FIELDS(.agent_name = "a", .job_type = "j"));
    assert_int_equal(tel_run_log_event(run, "page_done", "{\"url\": \"x\"}"), TEL_OK);
    assert_int_equal(tel_run_log_event(run, "note", "no JSON \"at all\""), TEL_OK);
    assert_int_equal(tel_run_log_event(run, "mark", NULL), TEL_OK);
    tel_run_end(&run, TEL_SUCCESS, TEL_FIELDS(.items_succeeded = 1));
    trail = world_trail(world);
    for (char *line = strtok_r(trail, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        CLEANUP(json_releasep) json_t *json = json_parse(line, strlen(line), NULL);
        const char *type = json_string_value(json_object_get(json, "record_type"));

        assert_true(count < 5);
        assert_string_equal(type, types[count]);
        if (count == 1)
            assert_string_equal(json_string_value(json_object_get(json, "payload_json")),
                                "{\"url\": \"x\"}");
        if (count == 2)
            assert_string_equal(json_string_value(json_object_get(json, "payload_json")),
                                "\"no JSON \\\"at all\\\"\"");
        if (count == 4) {
            assert_string_equal(json_string_value(json_object_get(json, "status")), "success");
            assert_int_equal(json_integer_value(json_object_get(json, "items_succeeded")), 1);
            assert_true(json_is_null(json_object_get(json, "items_failed")));
        }
        count++;
    }
    assert_int_equal(count, 5);
}

static void start__refuses_a_run_without_agent_or_job(void **state)
{
    struct world *world = *state;
    tel_client *client = embedded(world);
    tel_run *run = (tel_run *)world;
    CLEANUP(freep) char *trail = NULL;

    assert_int_equal(tel_run_start(&run, client, TEL_FIELDS(.agent_name = "a")), TEL_E_INVALID);
    assert_null(run);
    assert_int_equal(tel_run_start(&run, client, TEL_FIELDS(.agent_name = "", .job_type = "j")),
                     TEL_E_INVALID);
    assert_int_equal(tel_run_start(&run, client, NULL), TEL_E_INVALID);
    assert_int_equal(count_of(world->log, "it needs an agent_name and a job_type"), 1);
    assert_int_equal(world_stored_count(world), 0);
    trail = world_trail(world);
    assert_string_equal(trail, "");
}

static void start__leaves_out_faulty_fields_and_says_each(void **state)
{
    struct world *world = *state;
    CLEANUP(record_clear) struct tel_record stored = RECORD();
    tel_run *run = NULL;

    assert_int_equal(tel_run_start(&run, embedded(world),
                                   TEL_FIELDS(.agent_name = "a", .job_type = "j",
                                              .items_failed = -1, .metrics_json = "{'x'}",
                                              .start_time = "soon", .status = "success",
                                              .product = "kept")),
                     TEL_OK);
    assert_int_equal(world_stored(world, tel_run_event_id(run), &stored), TEL_OK);
    assert_string_equal(stored.fields.product, "kept");
    assert_string_equal(stored.fields.status, "running");
    assert_null(stored.fields.metrics_json);
    assert_non_null(strstr(world->log, "W items_failed must be >= 0"));
    assert_non_null(strstr(world->log, "W metrics_json must be JSON text"));
    assert_non_null(strstr(world->log, "W start_time must be an RFC 3339 time"));
    assert_non_null(strstr(world->log, "W status cannot be set here"));
    tel_run_end(&run, NULL, NULL);
}

static void start__takes_a_callers_run_id_when_it_may(void **state)
{
    struct world *world = *state;
    tel_client *client = embedded(world);
    tel_run *run = NULL;
    tel_run *second = NULL;
    tel_run *third = NULL;

    tel_run_start(&run, client,
                  TEL_FIELDS(.agent_name = "a", .job_type = "j", .run_id = "nightly 7"));
    assert_string_equal(tel_run_id(run), "nightly 7");
    assert_string_equal(world->log, "");

    tel_run_start(&second, client,
                  TEL_FIELDS(.agent_name = "a", .job_type = "j", .run_id = "nightly 7"));
    assert_memory_equal(tel_run_id(second), "nightly 7-duplicate-", 20);
    assert_non_null(strstr(world->log, "\"nightly 7\" is active already"));

    tel_run_start(&third, client, TEL_FIELDS(.agent_name = "a", .job_type = "j", .run_id = "a/b"));
    assert_non_null(strstr(tel_run_id(third), "Z-a-"));
    assert_non_null(strstr(world->log, "it has a '/' or '\\'"));

    tel_run_end(&run, NULL, NULL);
    tel_run_end(&second, NULL, NULL);
    tel_run_end(&third, NULL, NULL);
    tel_run_start(&run, client,
                  TEL_FIELDS(.agent_name = "a", .job_type = "j", .run_id = "nightly 7"));
    assert_string_equal(tel_run_id(run), "nightly 7"); /* not active any more */
    tel_run_end(&run, NULL, NULL);
    assert_int_equal(world_stored_count(world), 4);
}

static void start__belongs_to_the_run_of_its_process(void **state)
{
    struct world *world = *state;
    tel_client *client =
        world_connect(world, "TELEMETRY_MODE", "embedded", "TELEMETRY_RUN_ID", "the-parent", NULL);
    CLEANUP(record_clear) struct tel_record stored = RECORD();
    tel_run *run = NULL;
    tel_run *other = NULL;

    tel_run_start(&run, client, TEL_FIELDS(.agent_name = "a", .job_type = "j"));
    tel_run_start(&other, client,
                  TEL_FIELDS(.agent_name = "a", .job_type = "j", .parent_run_id = "mine"));
    world_stored(world, tel_run_event_id(run), &stored);
    assert_string_equal(stored.fields.parent_run_id, "the-parent");
    world_stored(world, tel_run_event_id(other), &stored);
    assert_string_equal(stored.fields.parent_run_id, "mine");
    tel_run_end(&run, NULL, NULL);
    tel_run_end(&other, NULL, NULL);
}

static void start__keeps_a_start_time_and_an_event_id_that_were_given(void **state)
{
    struct world *world = *state;
    CLEANUP(record_clear) struct tel_record stored = RECORD();
    tel_run *run = NULL;

    tel_run_start(&run, embedded(world),
                  TEL_FIELDS(.agent_name = "a", .job_type = "j", .event_id = "my/event",
                             .start_time = "2020-01-01T01:00:00+01:00"));
    assert_string_equal(tel_run_event_id(run), "my/event");
    tel_run_end(&run, NULL, TEL_FIELDS(.end_time = "2020-01-01T00:00:02.5Z"));
    assert_int_equal(world_stored(world, "my/event", &stored), TEL_OK);
    assert_string_equal(stored.fields.start_time, "2020-01-01T00:00:00.000000+00:00");
    assert_int_equal(stored.fields.duration_ms, 2500);
}

static void end__takes_aliases_and_calls_what_is_no_status_a_failure(void **state)
{
    static const struct {
        const char *given;
        const char *stored;
        tel_error error;
    } cases[] = {
        {NULL, "success", TEL_OK},
        {"Completed", "success", TEL_OK},
        {"failed", "failure", TEL_OK},
        {"canceled", "cancelled", TEL_OK},
        {"done", "failure", TEL_E_INVALID},
        {"", "failure", TEL_E_INVALID},
        {"running", "failure", TEL_E_INVALID},
    };
    struct world *world = *state;
    tel_client *client = embedded(world);

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        CLEANUP(record_clear) struct tel_record stored = RECORD();
        char event_id[64];
        tel_run *run = NULL;

        tel_run_start(&run, client, TEL_FIELDS(.agent_name = "a", .job_type = "j"));
        (void)snprintf(event_id, sizeof event_id, "%s", tel_run_event_id(run));
        assert_int_equal(tel_run_end(&run, cases[i].given, NULL), cases[i].error);
        assert_int_equal(world_stored(world, event_id, &stored), TEL_OK);
        assert_string_equal(stored.fields.status, cases[i].stored);
    }
    assert_int_equal(count_of(world->log, "is no status to end a run with"), 1);
}

static void end__a_status_set_before_holds_unless_the_end_gives_one(void **state)
{
    struct world *world = *state;
    tel_client *client = embedded(world);
    CLEANUP(record_clear) struct tel_record stored = RECORD();
    tel_run *run = NULL;
    char event_id[64];

    tel_run_start(&run, client, TEL_FIELDS(.agent_name = "a", .job_type = "j"));
    (void)snprintf(event_id, sizeof event_id, "%s", tel_run_event_id(run));
    assert_int_equal(tel_run_set(run, "status", "partial"), TEL_OK);
    tel_run_end(&run, NULL, NULL);
    world_stored(world, event_id, &stored);
    assert_string_equal(stored.fields.status, "partial");

    tel_run_start(&run, client, TEL_FIELDS(.agent_name = "a", .job_type = "j"));
    (void)snprintf(event_id, sizeof event_id, "%s", tel_run_event_id(run));
    tel_run_set(run, "status", "partial");
    tel_run_end(&run, TEL_TIMEOUT, NULL);
    world_stored(world, event_id, &stored);
    assert_string_equal(stored.fields.status, "timeout");
}

/* A value that a field may have, other than its default. */
static const char *sample(int index)
{
    switch (run_fields[index].kind) {
    case KIND_COUNT:
        return "7";
    case KIND_BOOL:
        return "1";
    case KIND_JSON:
        return "{\"a\":1.50}";
    case KIND_STATUS:
        return "partial";
    case KIND_SOURCE:
        return "llm";
    default:
        return run_fields[index].name;
    }
}

static void assert_has_samples(struct world *world, const char *event_id)
{
    CLEANUP(record_clear) struct tel_record stored = RECORD();
    char number[24];

    assert_int_equal(world_stored(world, event_id, &stored), TEL_OK);
    for (int i = 0; i < RUN_FIELD_COUNT; i++) {
        const char *text = record_text(&stored, i);

        if (!(SETTABLE & FIELD_BIT(i)))
            continue;
        (void)snprintf(number, sizeof number, "%lld", (long long)record_int(&stored, i));
        if (strcmp(text ? text : number, sample(i)) != 0)
            fail_msg("%s is \"%s\"", run_fields[i].name, text ? text : number);
    }
}

static void set__takes_every_field_of_an_active_run_by_member_and_by_name(void **state)
{
    static const char *const named[] = {"items_discovered", "items_succeeded", "items_failed",
                                        "input_summary",    "output_summary",  "error_summary",
                                        "metrics_json",     "insight_id",      "product",
                                        "platform",         "product_family",  "subdomain",
                                        "git_repo",         "git_branch",      "git_run_tag",
                                        "items_skipped",    "context_json",    "website",
                                        "website_section"};
    struct world *world = *state;
    CLEANUP(record_clear) struct tel_record given = RECORD();
    tel_client *client = embedded(world);
    tel_run *run = NULL;
    tel_run *other = NULL;

    for (size_t i = 0; i < sizeof named / sizeof *named; i++)
        assert_true(SETTABLE & FIELD_BIT(run_field_find(named[i])));
    assert_int_equal(tel_run_start(&run, client,
                                   TEL_FIELDS(.agent_name = "a", .job_type = "j",
                                              .event_id = "by member")),
                     TEL_OK);
    assert_int_equal(tel_run_start(&other, client,
                                   TEL_FIELDS(.agent_name = "a", .job_type = "j",
                                              .event_id = "by name")),
                     TEL_OK);
    for (int i = 0; i < RUN_FIELD_COUNT; i++) {
        if (!(SETTABLE & FIELD_BIT(i)))
            continue;
        assert_int_equal(record_parse(&given, i, sample(i), NULL), TEL_OK);
        assert_int_equal(tel_run_set(other, run_fields[i].name, sample(i)), TEL_OK);
    }
    assert_int_equal(tel_run_set_metrics(run, &given.fields), TEL_OK);
    assert_int_equal(tel_run_end(&run, NULL, NULL), TEL_OK);
    assert_int_equal(tel_run_end(&other, NULL, NULL), TEL_OK);
    assert_has_samples(world, "by member");
    assert_has_samples(world, "by name");
    assert_string_equal(world->log, "");
}

static void set__an_unknown_name_is_a_warning_and_no_error(void **state)
{
    struct world *world = *state;
    tel_run *run = NULL;

    tel_run_start(&run, embedded(world), TEL_FIELDS(.agent_name = "a", .job_type = "j"));
    assert_int_equal(tel_run_set(run, "colour", "red"), TEL_OK);
    assert_int_equal(tel_run_set(run, "colour", "blue"), TEL_OK);
    assert_int_equal(tel_run_set_int(run, "items", 3), TEL_OK);
    assert_int_equal(count_of(world->log, "W a run has no field \"colour\""), 1);
    assert_int_equal(count_of(world->log, "W a run has no field \"items\""), 1);
    tel_run_end(&run, NULL, NULL);
}

static void log__has_what_is_as_grave_as_its_level(void **state)
{
    static const struct {
        const char *level;
        bool has_warnings;
    } cases[] = {{"debug", true}, {"INFO", true}, {"Warning", true}, {"ERROR", false}};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct world *world = *state;
        tel_client *client = world_connect(world, "TELEMETRY_LOG_LEVEL", cases[i].level,
                                           "TELEMETRY_API_URL", "http://127.0.0.1:1", NULL);
        tel_run *run = NULL;

        *world->log = '\0';
        (void)tel_run_start(&run, client, TEL_FIELDS(.agent_name = "a", .job_type = "j"));
        (void)tel_run_set(run, "colour", "red");
        (void)tel_run_end(&run, NULL, NULL);
        assert_int_equal(count_of(world->log, "W a run has no field"), cases[i].has_warnings);
    }
}

static void set__refuses_ids_times_and_faulty_values(void **state)
{
    static const char *const fixed[] = {"id",         "event_id",   "run_id",
                                        "start_time", "end_time",   "created_at",
                                        "updated_at", "agent_name", "schema_version"};
    struct world *world = *state;
    CLEANUP(record_clear) struct tel_record stored = RECORD();
    char event_id[64];
    tel_run *run = NULL;

    tel_run_start(&run, embedded(world), TEL_FIELDS(.agent_name = "a", .job_type = "j"));
    (void)snprintf(event_id, sizeof event_id, "%s", tel_run_event_id(run));
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
        assert_int_equal(tel_run_set(run, fixed[i], "1"), TEL_E_INVALID);
    assert_int_equal(tel_run_set(run, "items_failed", "many"), TEL_E_INVALID);
    assert_int_equal(tel_run_set_int(run, "items_failed", -1), TEL_E_INVALID);
    assert_int_equal(tel_run_set_int(run, "product", 1), TEL_E_INVALID);
    assert_int_equal(tel_run_set_metrics(run, TEL_FIELDS(.run_id = "other", .items_failed = -2,
                                                         .items_succeeded = 4)),
                     TEL_OK);
    assert_non_null(strstr(world->log, "run_id cannot be set here"));
    assert_int_equal(tel_run_end(&run, NULL, NULL), TEL_OK);
    world_stored(world, event_id, &stored);
    assert_int_equal(stored.fields.items_succeeded, 4);
    assert_int_equal(stored.fields.items_failed, 0);
    assert_string_not_equal(stored.fields.run_id, "other");
}

static void set__null_takes_a_value_back_that_was_not_recorded_yet(void **state)
{
    struct world *world = *state;
    CLEANUP(record_clear) struct tel_record stored = RECORD();
    char event_id[64];
    tel_run *run = NULL;

    tel_run_start(&run, embedded(world), TEL_FIELDS(.agent_name = "a", .job_type = "j"));
    (void)snprintf(event_id, sizeof event_id, "%s", tel_run_event_id(run));
    tel_run_set(run, "error_summary", "oops");
    assert_int_equal(tel_run_set(run, "error_summary", NULL), TEL_OK);
    assert_int_equal(tel_run_end(&run, NULL, NULL), TEL_OK);
    world_stored(world, event_id, &stored);
    assert_null(stored.fields.error_summary);
}

static void run__is_addressed_by_its_id_as_well(void **state)
{
    struct world *world = *state;
    tel_client *client = embedded(world);
    CLEANUP(freep) char *trail = NULL;
    char run_id[TEL_RUN_ID_SIZE];

    assert_int_equal(tel_client_start_run(client, run_id, "a", "j",
                                          TEL_FIELDS(.trigger_type = "web")),
                     TEL_OK);
    assert_int_equal(tel_client_log_event(client, run_id, "page_done", "{}"), TEL_OK);
    assert_int_equal(tel_client_end_run(client, run_id, "failed",
                                        TEL_FIELDS(.error_summary = "no")),
                     TEL_OK);
    assert_int_equal(tel_client_end_run(client, run_id, NULL, NULL), TEL_E_NOT_FOUND);
    trail = world_trail(world);
    assert_int_equal(count_lines(trail), 3);
    assert_int_equal(count_of(trail, run_id), 3);
    assert_int_equal(count_of(trail, "\"trigger_type\":\"web\""), 2);
    assert_int_equal(world_stored_count(world), 1);
}

static void end__happens_once_whether_by_id_or_by_handle(void **state)
{
    struct world *world = *state;
    tel_client *client = embedded(world);
    CLEANUP(freep) char *trail = NULL;
    tel_run *run = NULL;

    tel_run_start(&run, client, TEL_FIELDS(.agent_name = "a", .job_type = "j"));
    assert_int_equal(tel_client_end_run(client, tel_run_id(run), NULL, NULL), TEL_OK);
    assert_int_equal(tel_run_log_event(run, "late", NULL), TEL_E_CLOSED);
    assert_int_equal(tel_run_set(run, "product", "x"), TEL_E_CLOSED);
    assert_int_equal(tel_run_set_metrics(run, TEL_FIELDS(.product = "x")), TEL_E_CLOSED);
    assert_int_equal(tel_run_end(&run, TEL_FAILURE, NULL), TEL_E_CLOSED);
    assert_null(run);
    assert_int_equal(tel_run_end(&run, TEL_FAILURE, NULL), TEL_E_INVALID);
    trail = world_trail(world);
    assert_int_equal(count_lines(trail), 2);
}

static void client_free__leaves_active_runs_running_and_their_handles_valid(void **state)
{
    struct world *world = *state;
    CLEANUP(record_clear) struct tel_record stored = RECORD();
    char run_id[TEL_RUN_ID_SIZE];
    tel_run *run = NULL;

    tel_run_start(&run, embedded(world), TEL_FIELDS(.agent_name = "a", .job_type = "j"));
    tel_client_start_run(world->client, run_id, "a", "j", NULL); /* nobody holds this one */
    tel_client_free(world->client);
    world->client = NULL;
    assert_int_equal(tel_run_log_event(run, "late", NULL), TEL_E_CLOSED);
    assert_int_equal(tel_run_set_int(run, "items_failed", 1), TEL_E_CLOSED);
    assert_int_equal(world_stored(world, tel_run_event_id(run), &stored), TEL_OK);
    assert_string_equal(stored.fields.status, "running");
    assert_int_equal(tel_run_end(&run, NULL, NULL), TEL_E_CLOSED);
    assert_null(run);
}

static void end__puts_a_run_back_that_its_database_has_lost(void **state)
{
    struct world *world = *state;
    CLEANUP(record_clear) struct tel_record stored = RECORD();
    CLEANUP(freep) char *path = scratch_path(world->scratch, "base/db/telemetry.sqlite");
    sqlite3 *database = NULL;
    tel_run *run = NULL;

    tel_run_start(&run, embedded(world),
                  TEL_FIELDS(.agent_name = "a", .job_type = "j", .event_id = "lost"));
    assert_int_equal(sqlite3_open(path, &database), SQLITE_OK);
    assert_int_equal(sqlite3_exec(database, "DELETE FROM agent_runs", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(database), SQLITE_OK);
    assert_int_equal(tel_run_end(&run, "partial", NULL), TEL_OK);
    assert_int_equal(world_stored(world, "lost", &stored), TEL_OK);
    assert_string_equal(stored.fields.status, "partial");
    assert_string_equal(stored.fields.agent_name, "a");
}

static void embedded__a_database_that_is_none_sends_runs_to_the_buffer(void **state)
{
    struct world *world = *state;
    CLEANUP(freep) char *database = scratch_path(world->scratch, "not-a-database");
    CLEANUP(freep) char *content = NULL;
    CLEANUP(freep) char *buffer = NULL;
    tel_run *run = NULL;

    scratch_write(database, "This is a text that somebody needs, and it is no database at all.\n");
    assert_int_equal(tel_run_start(&run,
                                   world_connect(world, "TELEMETRY_MODE", "embedded",
                                                 "TELEMETRY_DB_PATH", database, NULL),
                                   TEL_FIELDS(.agent_name = "a", .job_type = "j")),
                     TEL_OK);
    assert_int_equal(tel_run_end(&run, NULL, NULL), TEL_OK);
    buffer = world_buffer(world, ".active");
    assert_int_equal(count_of(buffer, "\"record_type\":\"run\""), 1);
    assert_int_equal(count_of(buffer, "\"record_type\":\"update\""), 1);
    assert_int_equal(count_of(world->log, "runs are kept in the buffer"), 1);
    content = scratch_read(database);
    assert_memory_equal(content, "This is a text", 14);
}

static void embedded__an_old_database_is_left_to_others_and_runs_wait_in_the_buffer(void **state)
{
    struct world *world = *state;
    CLEANUP(freep) char *path = scratch_path(world->scratch, "old.sqlite");
    CLEANUP(freep) char *buffer = NULL;
    tel_client *client =
        world_connect(world, "TELEMETRY_MODE", "embedded", "TELEMETRY_DB_PATH", path, NULL);
    tel_run *run = NULL;

    other_exec(path, "CREATE TABLE agent_runs (run_id TEXT PRIMARY KEY, agent_name TEXT NOT NULL,"
                     " start_time TEXT NOT NULL)");
    assert_int_equal(tel_run_start(&run, client, TEL_FIELDS(.agent_name = "a", .job_type = "j")),
                     TEL_OK);
    assert_int_equal(tel_run_end(&run, NULL, NULL), TEL_OK);
    assert_non_null(strstr(world->log, "schema version 1"));
    assert_int_equal(other_int(path, "SELECT count(*) FROM sqlite_schema WHERE name LIKE 'run%'"),
                     0);
    buffer = world_buffer(world, ".active");
    assert_int_equal(count_lines(buffer), 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(start__stores_a_running_run_with_its_defaults),
        TEST(start__notes_the_repository_that_the_process_is_in),
        TEST(start__a_repository_that_is_given_wins_and_loses_its_secrets),
        TEST(end__stores_status_times_and_metrics),
        TEST(trail__has_the_run_at_start_and_at_end_and_its_events_between),
        TEST(start__refuses_a_run_without_agent_or_job),
        TEST(start__leaves_out_faulty_fields_and_says_each),
        TEST(start__takes_a_callers_run_id_when_it_may),
        TEST(start__belongs_to_the_run_of_its_process),
        TEST(start__keeps_a_start_time_and_an_event_id_that_were_given),
        TEST(end__takes_aliases_and_calls_what_is_no_status_a_failure),
        TEST(end__a_status_set_before_holds_unless_the_end_gives_one),
        TEST(set__takes_every_field_of_an_active_run_by_member_and_by_name),
        TEST(set__an_unknown_name_is_a_warning_and_no_error),
        TEST(log__has_what_is_as_grave_as_its_level),
        TEST(set__refuses_ids_times_and_faulty_values),
        TEST(set__null_takes_a_value_back_that_was_not_recorded_yet),
        TEST(run__is_addressed_by_its_id_as_well),
        TEST(end__happens_once_whether_by_id_or_by_handle),
        TEST(client_free__leaves_active_runs_running_and_their_handles_valid),
        TEST(end__puts_a_run_back_that_its_database_has_lost),
        TEST(embedded__a_database_that_is_none_sends_runs_to_the_buffer),
        TEST(embedded__an_old_database_is_left_to_others_and_runs_wait_in_the_buffer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
