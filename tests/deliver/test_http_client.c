/* SPDX-License-Identifier: MIT
 *
 * The service as host programs see it: tel_http_client_*().
 */
#include "support/cmocka_all.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "model/record.h"
#include "support/hostile.h"
#include "support/peer.h"
#include "support/scratch.h"

#define PATIENCE_MS "60000"
#define GIVE_UP_MS 10000 /* of the tests: machines are slow, but a call that hangs takes for ever */

struct bench {
    char *scratch;
    struct peer_script script;
    struct peer *peer;
    tel_config *config;
    tel_http_client *http;
    tel_record *record;
};

static int setup(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);

    assert_non_null(bench);
    bench->scratch = scratch_make();
    assert_int_equal(tel_config_new(&bench->config), TEL_OK);
    assert_int_equal(tel_config_set(bench->config, "TELEMETRY_CALL_BUDGET_MS", PATIENCE_MS),
                     TEL_OK);
    assert_int_equal(tel_record_new(&bench->record,
                                    TEL_FIELDS(.event_id = "e", .run_id = "r", .agent_name = "a",
                                               .job_type = "j",
                                               .start_time = "2025-12-10T12:00:00Z"),
                                    NULL),
                     TEL_OK);
    *state = bench;
    return 0;
}

static int teardown(void **state)
{
    struct bench *bench = *state;

    tel_http_client_free(bench->http);
    if (bench->peer)
        peer_stop(bench->peer);
    tel_record_free(bench->record);
    tel_config_free(bench->config);
    scratch_remove(bench->scratch);
    free(bench);
    return 0;
}

static void connect_to(struct bench *bench, struct peer *peer)
{
    bench->peer = peer;
    assert_int_equal(tel_http_client_new(&bench->http, peer_url(peer), bench->config, NULL),
                     TEL_OK);
}

/* Answer with these, one after the other. */
static void serve(struct bench *bench, const char *status, const char *body, const char *second)
{
    bench->script.answers[0] = (struct peer_reply){status, body};
    if (second)
        bench->script.answers[1] = (struct peer_reply){"200 OK", second};
    connect_to(bench, peer_start(peer_follow, &bench->script));
}

static const char *requests(struct bench *bench)
{
    peer_stop(bench->peer);
    bench->peer = NULL;
    return bench->script.requests;
}

/* ---- What goes and comes ----------------------------------------------------------------------- */

static void post_event__sends_the_run_and_tells_whether_it_was_new(void **state)
{
    struct bench *bench = *state;
    int is_new = -1;

    serve(bench, "201 Created", "{\"status\":\"created\",\"event_id\":\"e\",\"run_id\":\"r\"}",
          "{\"status\":\"duplicate\",\"event_id\":\"e\"}");
    assert_int_equal(tel_http_client_post_event(bench->http, bench->record, &is_new, NULL), TEL_OK);
    assert_int_equal(is_new, 1);
    assert_int_equal(tel_http_client_post_event(bench->http, bench->record, &is_new, NULL), TEL_OK);
    assert_int_equal(is_new, 0);
    assert_int_equal(peer_connections(bench->peer), 1);
    assert_int_equal(count_of(requests(bench), "POST /api/v1/runs HTTP/1.1\r\n"), 2);
    assert_non_null(strstr(bench->script.requests, "{\"event_id\":\"e\",\"run_id\":\"r\""));
}

static void patch_event__sends_what_may_be_changed(void **state)
{
    struct bench *bench = *state;
    tel_record *changes;

    assert_int_equal(tel_record_new(&changes,
                                    TEL_FIELDS(.status = "failed", .agent_name = "another",
                                               .items_failed = 3),
                                    NULL),
                     TEL_OK);
    serve(bench, "200 OK", "{\"event_id\":\"a b\",\"updated\":true}", NULL);
    assert_int_equal(tel_http_client_patch_event(bench->http, "a b", changes, NULL), TEL_OK);
    assert_non_null(strstr(requests(bench), "PATCH /api/v1/runs/a%20b HTTP/1.1\r\n"));
    assert_non_null(
        strstr(bench->script.requests, "\r\n\r\n{\"status\":\"failure\",\"items_failed\":3}\n"));
    tel_record_free(changes);
}

static void associate_commit__sends_what_is_known_of_it(void **state)
{
    struct bench *bench = *state;

    serve(bench, "200 OK", "{\"status\":\"success\",\"event_id\":\"e\"}", NULL);
    assert_int_equal(tel_http_client_associate_commit(bench->http, "e", "0123abc", "llm", "me",
                                                      NULL, NULL),
                     TEL_OK);
    assert_non_null(strstr(requests(bench), "POST /api/v1/runs/e/associate-commit HTTP/1.1\r\n"));
    assert_non_null(strstr(bench->script.requests,
                           "\r\n\r\n{\"commit_hash\":\"0123abc\",\"commit_source\":\"llm\","
                           "\"commit_author\":\"me\"}\n"));
}

static void check_health__believes_what_the_service_says(void **state)
{
    struct bench *bench = *state;
    tel_fault fault;

    bench->script.answers[0] =
        (struct peer_reply){"200 OK", "{\"status\":\"ok\",\"db_path\":\"x\"}"};
    bench->script.answers[1] =
        (struct peer_reply){"503 X",
                            "{\"status\":\"error\",\"detail\":\"disk full\",\"db_path\":\"x\"}"};
    connect_to(bench, peer_start(peer_follow, &bench->script));
    assert_int_equal(tel_http_client_check_health(bench->http, NULL), TEL_OK);
    assert_int_equal(tel_http_client_check_health(bench->http, &fault), TEL_E_UNAVAILABLE);
    assert_non_null(strstr(fault.text, "disk full"));
}

static void get_metrics__hands_the_statistics_out_as_they_came(void **state)
{
    static const char body[] = "{\"total_runs\":3,\"agents\":{\"a\":3},\"recent_24h\":1}";
    struct bench *bench = *state;
    char *metrics = NULL;

    serve(bench, "200 OK", body, NULL);
    assert_int_equal(tel_http_client_get_metrics(&metrics, bench->http, NULL), TEL_OK);
    assert_string_equal(metrics, body);
    tel_free(metrics);
}

static void requests__carry_the_configured_token_and_nothing_of_a_proxy(void **state)
{
    struct bench *bench = *state;
    struct peer *proxy = peer_start(peer_follow, &bench->script);

    setenv("http_proxy", peer_url(proxy), 1);
    assert_int_equal(tel_config_set(bench->config, "TELEMETRY_API_AUTH_TOKEN", "s3cret"), TEL_OK);
    serve(bench, "201 Created", "{\"event_id\":\"e\"}", NULL);
    assert_int_equal(tel_http_client_post_event(bench->http, bench->record, NULL, NULL), TEL_OK);
    unsetenv("http_proxy");
    assert_int_equal(peer_connections(proxy), 0);
    peer_stop(proxy);
    assert_non_null(strstr(requests(bench), "\r\nAuthorization: Bearer s3cret\r\n"));
}

static void requests__reach_a_unix_socket_and_ipv6(void **state)
{
    struct bench *bench = *state;
    CLEANUP(freep) char *path = scratch_path(bench->scratch, "socket");
    struct peer *ipv6;

    bench->script.answers[0] = (struct peer_reply){"201 Created", "{\"event_id\":\"e\"}"};
    connect_to(bench, peer_start_at(path, peer_follow, &bench->script));
    assert_int_equal(tel_http_client_post_event(bench->http, bench->record, NULL, NULL), TEL_OK);
    ipv6 = peer_start_ipv6(peer_follow, &bench->script);
    if (!ipv6)
        return; /* the machine has none */
    (void)requests(bench);
    tel_http_client_free(bench->http);
    connect_to(bench, ipv6);
    assert_int_equal(tel_http_client_post_event(bench->http, bench->record, NULL, NULL), TEL_OK);
}

/* ---- Batches ----------------------------------------------------------------------------------- */

static void note_item(void *arg, size_t index, tel_error error, const char *reason)
{
    char *notes = arg;
    size_t used = strlen(notes);

    (void)snprintf(notes + used, 200 - used, "%zu:%d:%s ", index, (int)error, reason ? reason : "");
}

static void post_batch__tells_of_every_run(void **state)
{
    struct bench *bench = *state;
    tel_record *other;
    const tel_record *records[2] = {bench->record};
    char notes[200] = "";
    tel_fault fault;

    assert_int_equal(tel_record_new(&other, TEL_FIELDS(.event_id = "f"), NULL), TEL_OK);
    records[1] = other;
    serve(bench, "200 OK",
          "{\"results\":[{\"index\":0,\"event_id\":\"e\",\"result\":\"duplicate\"},"
          "{\"index\":1,\"event_id\":\"f\",\"result\":\"invalid\",\"reason\":\"no run_id\"}]}",
          NULL);
    assert_int_equal(tel_http_client_post_batch(bench->http, records, 2, note_item, notes, &fault),
                     TEL_E_REJECTED);
    assert_string_equal(notes, "0:0: 1:-9:no run_id ");
    assert_string_equal(fault.text, "run 1: the service refuses it: no run_id");
    assert_non_null(strstr(requests(bench), "POST /api/v1/runs/batch HTTP/1.1\r\n"));
    tel_record_free(other);
}

static void post_batch__of_one_or_none_is_fine(void **state)
{
    struct bench *bench = *state;
    const tel_record *records[] = {bench->record};
    char notes[200] = "";

    serve(bench, "201 Created", "{\"event_id\":\"e\",\"status\":\"created\"}", NULL);
    assert_int_equal(tel_http_client_post_batch(bench->http, NULL, 0, note_item, notes, NULL),
                     TEL_OK);
    assert_int_equal(tel_http_client_post_batch(bench->http, records, 1, note_item, notes, NULL),
                     TEL_OK);
    assert_string_equal(notes, "0:0: ");
}

static void post_batch__that_is_not_answered_is_told_of_nothing(void **state)
{
    struct bench *bench = *state;
    const tel_record *records[] = {bench->record, bench->record};
    char notes[200] = "";

    serve(bench, "503 X", "{}", NULL);
    assert_int_equal(tel_http_client_post_batch(bench->http, records, 2, note_item, notes, NULL),
                     TEL_E_UNAVAILABLE);
    assert_string_equal(notes, "");
}

/* ---- Outcomes ---------------------------------------------------------------------------------- */

/* Let the service answer a POST, a PATCH or a commit, and then say who it is. */
static void assert_outcome(const char *status, tel_error expected)
{
    for (int call = 0; call < 3; call++) {
        void *state = NULL;
        struct bench *bench;
        tel_fault fault = {0};
        tel_error error;

        (void)setup(&state);
        bench = state;
        serve(bench, status, "{\"detail\":\"because\"}", PEER_VERSION_BODY);
        if (call == 0)
            error = tel_http_client_post_event(bench->http, bench->record, NULL, &fault);
        else if (call == 1)
            error = tel_http_client_patch_event(bench->http, "e",
                                                (tel_record_set(bench->record, "status", "success",
                                                                NULL),
                                                 bench->record),
                                                &fault);
        else
            error = tel_http_client_associate_commit(bench->http, "e", "0123abc", "llm", NULL, NULL,
                                                     &fault);
        if (call == 0 && expected == TEL_E_NOT_FOUND) /* a POST finds nothing missing */
            assert_int_equal(error, TEL_E_UNAVAILABLE);
        else
            assert_int_equal(error, expected);
        assert_int_equal(fault.code, error);
        if (expected == TEL_E_REJECTED)
            assert_non_null(strstr(fault.text, "because"));
        (void)teardown(&state);
    }
}

static void outcome__tells_later_from_never_from_not_there(void **state)
{
    (void)state;
    assert_outcome("400 X", TEL_E_REJECTED);
    assert_outcome("413 X", TEL_E_REJECTED);
    assert_outcome("422 X", TEL_E_REJECTED);
    assert_outcome("404 X", TEL_E_NOT_FOUND);
    assert_outcome("401 X", TEL_E_UNAVAILABLE);
    assert_outcome("421 X", TEL_E_UNAVAILABLE);
    assert_outcome("429 X", TEL_E_UNAVAILABLE);
    assert_outcome("500 X", TEL_E_UNAVAILABLE);
    assert_outcome("503 X", TEL_E_UNAVAILABLE);
}

static tel_error call_any(struct bench *bench, int call)
{
    const tel_record *records[] = {bench->record, bench->record};
    char *metrics = NULL;
    tel_error error;

    switch (call) {
    case 0:
        return tel_http_client_post_event(bench->http, bench->record, NULL, NULL);
    case 1:
        return tel_http_client_post_batch(bench->http, records, 2, NULL, NULL, NULL);
    case 2:
        (void)tel_record_set(bench->record, "status", "success", NULL);
        return tel_http_client_patch_event(bench->http, "e", bench->record, NULL);
    case 3:
        return tel_http_client_associate_commit(bench->http, "e", "0123abc", "ci", NULL, NULL,
                                                NULL);
    case 4:
        return tel_http_client_check_health(bench->http, NULL);
    default:
        error = tel_http_client_get_metrics(&metrics, bench->http, NULL);
        assert_null(metrics);
        return error;
    }
}

static void outcome__is_unavailable_in_time_whatever_a_peer_does(void **state)
{
    (void)state;
    for (size_t i = 0; i < hostile_count; i++) {
        for (int call = 0; call < 6; call++) {
            void *own = NULL;
            struct bench *bench;
            int64_t start_ms;
            tel_error error;

            if (call > 0 && hostiles[i].is_silent)
                continue; /* to save time */
            (void)setup(&own);
            bench = own;
            if (hostiles[i].is_silent)
                (void)tel_config_set(bench->config, "TELEMETRY_CALL_BUDGET_MS", "100");
            connect_to(bench, hostile_start(&hostiles[i]));
            start_ms = clock_monotonic_ms();
            error = call_any(bench, call);
            if (error != TEL_E_UNAVAILABLE)
                fail_msg("a peer that %s: call %d gives %d", hostiles[i].name, call, (int)error);
            if (clock_monotonic_ms() - start_ms >= GIVE_UP_MS)
                fail_msg("a peer that %s: call %d takes too long", hostiles[i].name, call);
            (void)teardown(&own);
        }
    }
}

/* A slow machine may make one call late, but not every one of them. */
static void outcome__of_silence_comes_at_most_20_ms_after_the_budget(void **state)
{
    struct bench *bench = *state;
    int64_t best_ms = INT64_MAX;

    (void)tel_config_set(bench->config, "TELEMETRY_CALL_BUDGET_MS", NULL); /* 250 */
    connect_to(bench, hostile_start(hostile_silence));
    for (int i = 0; i < 40 && best_ms > 270; i++) {
        int64_t start_ms = clock_monotonic_ms();
        int64_t took_ms;

        assert_int_equal(tel_http_client_post_event(bench->http, bench->record, NULL, NULL),
                         TEL_E_UNAVAILABLE);
        took_ms = clock_monotonic_ms() - start_ms;
        assert_true(took_ms >= 240);
        best_ms = took_ms < best_ms ? took_ms : best_ms;
    }
    assert_in_range(best_ms, 240, 270);
}

static void outcome__of_an_answer_that_is_cut_at_any_byte_is_no_success(void **state)
{
    static const char answer[] = "HTTP/1.1 201 Created\r\nContent-Type: application/json\r\n"
                                 "Content-Length: 36\r\n\r\n"
                                 "{\"status\":\"created\",\"event_id\":\"e\"}\n";

    (void)state;
    for (size_t bytes = 0; bytes < sizeof answer - 1; bytes++) {
        struct hostile_cut cut = {.text = answer, .bytes = bytes};
        void *own = NULL;
        struct bench *bench;

        (void)setup(&own);
        bench = own;
        connect_to(bench, peer_start(hostile_reset, &cut));
        if (tel_http_client_post_event(bench->http, bench->record, NULL, NULL) != TEL_E_UNAVAILABLE)
            fail_msg("cut after %zu bytes", bytes);
        (void)teardown(&own);
    }
}

/* ---- Arguments --------------------------------------------------------------------------------- */

static void arguments__that_make_no_sense_are_refused_before_anything_is_sent(void **state)
{
    struct bench *bench = *state;
    tel_http_client *none = (tel_http_client *)state;
    const tel_record *records[] = {bench->record, NULL};
    tel_record *empty;
    tel_fault fault = {0};
    char *metrics;

    assert_int_equal(tel_record_new(&empty, NULL, NULL), TEL_OK);
    serve(bench, "200 OK", "{}", NULL);
    errno = 4242;
    assert_int_equal(tel_http_client_new(NULL, NULL, NULL, &fault), TEL_E_INVALID);
    assert_string_equal(fault.text, "out must not be NULL");
    assert_int_equal(tel_http_client_new(&none, "nonsense", bench->config, &fault), TEL_E_INVALID);
    assert_null(none);
    assert_non_null(strstr(fault.text, "http://host:port"));
    tel_http_client_free(NULL);
    assert_int_equal(tel_http_client_post_event(NULL, bench->record, NULL, NULL), TEL_E_INVALID);
    assert_int_equal(tel_http_client_post_event(bench->http, NULL, NULL, NULL), TEL_E_INVALID);
    assert_int_equal(tel_http_client_post_event(bench->http, empty, NULL, &fault), TEL_E_INVALID);
    assert_string_equal(fault.text, "a run must have an event_id to be sent");
    assert_int_equal(tel_http_client_patch_event(NULL, "e", empty, NULL), TEL_E_INVALID);
    assert_int_equal(tel_http_client_patch_event(bench->http, "e", NULL, NULL), TEL_E_INVALID);
    assert_int_equal(tel_http_client_patch_event(bench->http, "e", empty, NULL), TEL_E_INVALID);
    (void)tel_record_set(empty, "status", "success", NULL);
    assert_int_equal(tel_http_client_patch_event(bench->http, NULL, empty, NULL), TEL_E_INVALID);
    assert_int_equal(tel_http_client_patch_event(bench->http, "", empty, NULL), TEL_E_INVALID);
    assert_int_equal(tel_http_client_post_batch(NULL, records, 2, NULL, NULL, NULL), TEL_E_INVALID);
    assert_int_equal(tel_http_client_post_batch(bench->http, NULL, 2, NULL, NULL, NULL),
                     TEL_E_INVALID);
    assert_int_equal(tel_http_client_post_batch(bench->http, records, 2, NULL, NULL, &fault),
                     TEL_E_INVALID);
    assert_string_equal(fault.text, "run 1 has no event_id");
    assert_int_equal(tel_http_client_post_batch(bench->http, records, 100001, NULL, NULL, &fault),
                     TEL_E_TOO_LARGE);
    assert_int_equal(tel_http_client_associate_commit(NULL, "e", "0123abc", "ci", NULL, NULL, NULL),
                     TEL_E_INVALID);
    assert_int_equal(tel_http_client_associate_commit(bench->http, "e", NULL, "ci", NULL, NULL,
                                                      NULL),
                     TEL_E_INVALID);
    assert_int_equal(tel_http_client_associate_commit(bench->http, "e", "0123abc", NULL, NULL, NULL,
                                                      NULL),
                     TEL_E_INVALID);
    assert_int_equal(tel_http_client_associate_commit(bench->http, "e", "0123abc", "cat", NULL,
                                                      NULL, NULL),
                     TEL_E_INVALID);
    assert_int_equal(tel_http_client_associate_commit(bench->http, NULL, "0123abc", "ci", NULL,
                                                      NULL, NULL),
                     TEL_E_INVALID);
    assert_int_equal(tel_http_client_check_health(NULL, NULL), TEL_E_INVALID);
    assert_int_equal(tel_http_client_get_metrics(NULL, bench->http, NULL), TEL_E_INVALID);
    assert_int_equal(tel_http_client_get_metrics(&metrics, NULL, NULL), TEL_E_INVALID);
    assert_null(metrics);
    assert_int_equal(errno, 4242);
    assert_int_equal(peer_connections(bench->peer), 0);
    tel_record_free(empty);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(post_event__sends_the_run_and_tells_whether_it_was_new),
        TEST(patch_event__sends_what_may_be_changed),
        TEST(associate_commit__sends_what_is_known_of_it),
        TEST(check_health__believes_what_the_service_says),
        TEST(get_metrics__hands_the_statistics_out_as_they_came),
        TEST(requests__carry_the_configured_token_and_nothing_of_a_proxy),
        TEST(requests__reach_a_unix_socket_and_ipv6),
        TEST(post_batch__tells_of_every_run),
        TEST(post_batch__of_one_or_none_is_fine),
        TEST(post_batch__that_is_not_answered_is_told_of_nothing),
        cmocka_unit_test(outcome__tells_later_from_never_from_not_there),
        cmocka_unit_test(outcome__is_unavailable_in_time_whatever_a_peer_does),
        TEST(outcome__of_silence_comes_at_most_20_ms_after_the_budget),
        cmocka_unit_test(outcome__of_an_answer_that_is_cut_at_any_byte_is_no_success),
        TEST(arguments__that_make_no_sense_are_refused_before_anything_is_sent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
