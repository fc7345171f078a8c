/* SPDX-License-Identifier: MIT
 *
 * Writes to the service by HTTP, against a peer that answers as the service does, or as others do.
 */
#include "support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "deliver/remote.h"
#include "deliver/remote_ask.h"
#include "support/peer.h"
#include "support/scratch.h"

#define PATIENCE_MS 60000
#define WRITES_MAX 8

struct bench {
    struct peer_script script;
    struct peer *peer;
    struct http *http;
    struct tel_record records[WRITES_MAX];
    struct write writes[WRITES_MAX];
    struct write *list[WRITES_MAX];
};

static int setup(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);

    assert_non_null(bench);
    for (size_t i = 0; i < WRITES_MAX; i++) {
        char event_id[8];

        (void)snprintf(event_id, sizeof event_id, "e%zu", i);
        bench->records[i] = RECORD();
        assert_int_equal(record_set_text(&bench->records[i], FIELD_event_id, event_id, NULL), 0);
        assert_int_equal(record_set_text(&bench->records[i], FIELD_metrics_json, "{\"m\":1}", NULL),
                         0);
        bench->writes[i] = (struct write){.kind = WRITE_CREATE, .record = &bench->records[i]};
        bench->list[i] = &bench->writes[i];
    }
    *state = bench;
    return 0;
}

static void hang_up(struct bench *bench)
{
    if (bench->peer)
        peer_stop(bench->peer);
    bench->peer = NULL;
}

static int teardown(void **state)
{
    struct bench *bench = *state;

    hang_up(bench);
    http_free(bench->http);
    for (size_t i = 0; i < WRITES_MAX; i++)
        record_clear(&bench->records[i]);
    free(bench);
    return 0;
}

static tel_error apply(struct bench *bench, peer_fn *behave, void *arg, size_t count,
                       tel_fault *fault)
{
    struct http_options options = {0};
    tel_error error;

    bench->peer = peer_start(behave, arg);
    options.url = peer_url(bench->peer);
    assert_int_equal(http_new(&bench->http, &options, NULL), TEL_OK);
    error = remote_apply(bench->http, bench->list, count, deadline_in(PATIENCE_MS), fault);
    hang_up(bench);
    return error;
}

static tel_error apply_script(struct bench *bench, size_t count, tel_fault *fault)
{
    return apply(bench, peer_follow, &bench->script, count, fault);
}

/* ---- One ------------------------------------------------------------------------------------- */

static void single__run_is_posted_and_its_result_told(void **state)
{
    static const struct {
        struct peer_reply answer;
        enum write_result result;
    } cases[] = {
        {{"201 Created", "{\"status\":\"created\",\"event_id\":\"e0\",\"run_id\":\"r\"}"},
         WRITE_CREATED},
        {{"200 OK", "{\"status\":\"duplicate\",\"event_id\":\"e0\"}"}, WRITE_DUPLICATE},
        {{"200 OK", "{\"status\":\"duplicate\",\"event_id\":\"e0\",\"updated\":true}"},
         WRITE_UPDATED},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        void *own = NULL;
        struct bench *bench;

        (void)setup(&own);
        bench = own;
        bench->script.answers[0] = cases[i].answer;
        assert_int_equal(apply_script(bench, 1, NULL), TEL_OK);
        assert_int_equal(bench->writes[0].result, cases[i].result);
        assert_non_null(strstr(bench->script.requests, "POST /api/v1/runs HTTP/1.1\r\n"));
        assert_non_null(
            strstr(bench->script.requests, "{\"event_id\":\"e0\",\"metrics_json\":{\"m\":1}}"));
        (void)teardown(&own);
    }
}

static void single__update_is_a_patch_of_what_may_change(void **state)
{
    struct bench *bench = *state;

    bench->writes[0].kind = WRITE_UPDATE;
    bench->script.answers[0] =
        (struct peer_reply){"200 OK", "{\"event_id\":\"e0\",\"updated\":true}"};
    assert_int_equal(record_set_text(&bench->records[0], FIELD_agent_name, "a", NULL), 0);
    assert_int_equal(apply_script(bench, 1, NULL), TEL_OK);
    assert_int_equal(bench->writes[0].result, WRITE_UPDATED);
    assert_non_null(strstr(bench->script.requests, "PATCH /api/v1/runs/e0 HTTP/1.1\r\n"));
    assert_non_null(strstr(bench->script.requests, "\r\n\r\n{\"metrics_json\":{\"m\":1}}\n"));
}

static void single__update_of_an_unknown_run_is_not_found(void **state)
{
    struct bench *bench = *state;

    bench->writes[0].kind = WRITE_UPDATE;
    bench->script.answers[0] = (struct peer_reply){"404 X", "{\"detail\":\"Run not found.\"}"};
    bench->script.answers[1] = PEER_VERSION;
    assert_int_equal(apply_script(bench, 1, NULL), TEL_OK);
    assert_int_equal(bench->writes[0].result, WRITE_NOT_FOUND);
}

static void single__refusal_of_its_content_is_final_when_the_service_says_it(void **state)
{
    static const struct peer_reply refusals[] = {
        {"400 X", "{\"detail\":\"no way\"}"},
        {"413 X", "{\"detail\":\"no way\"}"},
        {"422 X", "{\"detail\":\"no way\"}"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        void *own = NULL;
        struct bench *bench;

        (void)setup(&own);
        bench = own;
        bench->script.answers[0] = refusals[i];
        bench->script.answers[1] = PEER_VERSION;
        assert_int_equal(apply_script(bench, 1, NULL), TEL_OK);
        assert_int_equal(bench->writes[0].result, WRITE_INVALID);
        assert_string_equal(bench->writes[0].reason, "no way");
        (void)teardown(&own);
    }
}

static void make_commit(struct bench *bench)
{
    bench->writes[0].kind = WRITE_UPDATE;
    bench->writes[0].cleared = FIELD_BIT(FIELD_git_commit_author);
    assert_int_equal(record_set_text(&bench->records[0], FIELD_git_commit_hash, "0123456", NULL),
                     0);
}

static void single__refusal_of_the_sender_is_worth_trying_again(void **state)
{
    static const struct peer_reply refusals[] = {
        {"401 X", "{}"}, {"403 X", "{}"}, {"421 X", "{}"}, {"429 X", "{}"}, {"503 X", "{}"},
    };

    (void)state;
    for (size_t i = 0; i < 2 * (sizeof refusals / sizeof *refusals); i++) {
        void *own = NULL;
        struct bench *bench;
        tel_fault fault = {0};

        (void)setup(&own);
        bench = own;
        if (i % 2)
            make_commit(bench);
        bench->script.answers[0] = refusals[i / 2];
        bench->script.answers[1] = PEER_VERSION;
        assert_int_equal(apply_script(bench, 1, &fault), TEL_E_UNAVAILABLE);
        assert_int_equal(fault.code, TEL_E_UNAVAILABLE);
        assert_int_equal(bench->writes[0].result, WRITE_PENDING);
        (void)teardown(&own);
    }
}

/* ---- Somebody else --------------------------------------------------------------------------- */

static void foreign__program_is_recognised_whatever_it_answers(void **state)
{
    static const struct peer_reply answers[] = {
        {"200 OK", "<html>hi</html>"},
        {"200 OK", "{}"},
        {"400 X", ""},
        {"404 X", ""},
        {"405 X", ""},
        {"422 X", ""},
        {"501 X", ""},
        {"302 X", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        for (size_t count = 1; count <= 2; count++) {
            void *own = NULL;
            struct bench *bench;
            tel_fault fault = {0};

            (void)setup(&own);
            bench = own;
            bench->script.answers[0] = answers[i]; /* to /version as well */
            assert_int_equal(apply_script(bench, count, &fault), TEL_E_UNAVAILABLE);
            assert_non_null(strstr(fault.text, "is not telemetryd; set TELEMETRY_API_URL"));
            assert_int_equal(bench->writes[0].result, WRITE_PENDING);
            assert_int_equal(bench->script.asked, 2);
            (void)teardown(&own);
        }
    }
}

static void foreign__answer_of_our_service_is_not_believed(void **state)
{
    struct bench *bench = *state;
    tel_fault fault = {0};

    bench->script.answers[0] = (struct peer_reply){"201 X", "{\"event_id\":\"another\"}"};
    bench->script.answers[1] = PEER_VERSION;
    assert_int_equal(apply_script(bench, 1, &fault), TEL_E_UNAVAILABLE);
    assert_non_null(strstr(fault.text, "does not answer as the telemetry service does"));
}

/* ---- Batches --------------------------------------------------------------------------------- */

static void batch__tells_of_each_what_became_of_it(void **state)
{
    static const char body[] =
        "{\"results\":[{\"index\":0,\"event_id\":\"e0\",\"result\":\"created\"},"
        "{\"index\":1,\"event_id\":\"e1\",\"result\":\"duplicate\"},"
        "{\"index\":2,\"event_id\":\"e2\",\"result\":\"updated\"},"
        "{\"index\":3,\"event_id\":\"e3\",\"result\":\"not_found\",\"reason\":\"run not found\"},"
        "{\"index\":4,\"event_id\":\"e4\",\"result\":\"invalid\",\"reason\":\"too odd\"}]}";
    struct bench *bench = *state;

    bench->script.answers[0] = (struct peer_reply){"200 OK", body};
    bench->writes[2].kind = bench->writes[3].kind = WRITE_LATE_UPDATE;
    assert_int_equal(apply_script(bench, 5, NULL), TEL_OK);
    assert_int_equal(bench->writes[0].result, WRITE_CREATED);
    assert_int_equal(bench->writes[1].result, WRITE_DUPLICATE);
    assert_int_equal(bench->writes[2].result, WRITE_UPDATED);
    assert_int_equal(bench->writes[3].result, WRITE_NOT_FOUND);
    assert_int_equal(bench->writes[4].result, WRITE_INVALID);
    assert_string_equal(bench->writes[4].reason, "too odd");
    assert_non_null(strstr(bench->script.requests, "POST /api/v1/runs/batch HTTP/1.1\r\n"));
    assert_non_null(
        strstr(bench->script.requests,
               "[{\"record_type\":\"run\",\"event_id\":\"e0\",\"metrics_json\":{\"m\":1}"
               "},{\"record_type\":\"run\",\"event_id\":\"e1\""));
    assert_non_null(
        strstr(bench->script.requests, "{\"record_type\":\"update\",\"event_id\":\"e2\""));
}

static void batch__answer_that_leaves_out_an_item_is_none(void **state)
{
    static const char *const bodies[] = {
        "{\"inserted\":2,\"duplicates\":0,\"errors\":[],\"total\":2}",
        "{\"results\":[{\"index\":0,\"event_id\":\"e0\",\"result\":\"created\"}]}",
        "{\"results\":[{\"index\":0,\"event_id\":\"e0\",\"result\":\"created\"},"
        "{\"index\":1,\"event_id\":\"e0\",\"result\":\"created\"}]}",
        "{\"results\":[{\"index\":1,\"event_id\":\"e1\",\"result\":\"created\"},"
        "{\"index\":0,\"event_id\":\"e0\",\"result\":\"created\"}]}",
        "{\"results\":[{\"index\":0,\"event_id\":\"e0\",\"result\":\"created\"},"
        "{\"index\":1,\"event_id\":\"e1\",\"result\":\"eaten\"}]}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        void *own = NULL;
        struct bench *bench;

        (void)setup(&own);
        bench = own;
        bench->script.answers[0] = (struct peer_reply){"200 OK", bodies[i]};
        bench->script.answers[1] = PEER_VERSION;
        assert_int_equal(apply_script(bench, 2, NULL), TEL_E_UNAVAILABLE);
        assert_int_equal(bench->writes[0].result, WRITE_PENDING);
        (void)teardown(&own);
    }
}

/* Write the results of a batch whose items were all created, and note their order. */
static void create_all(struct strbuf *body, struct peer_script *script, const char *request)
{
    size_t index = 0;

    strbuf_puts(body, "{\"results\":[");
    for (int i = 0; i < WRITES_MAX; i++) {
        size_t noted = strlen(script->requests);
        char event_id[8];

        (void)snprintf(event_id, sizeof event_id, "\"e%d\"", i);
        if (!strstr(request, event_id))
            continue;
        strbuf_printf(body, "%s{\"index\":%zu,\"event_id\":%s,\"result\":\"created\"}",
                      index ? "," : "", index, event_id);
        (void)snprintf(script->requests + noted, sizeof script->requests - noted, "e%d ", i);
        index++;
    }
    strbuf_puts(body, "]}");
}

/* A service that cannot read any body in which "e2" is. */
static void refuse_e2(struct peer *peer, int fd, void *arg)
{
    const char *request;
    bool go_on = true;

    while (go_on && peer_read_request(peer, fd, &request)) {
        CLEANUP(strbuf_clear) struct strbuf body = STRBUF(10000);

        if (strncmp(request, "GET ", 4) == 0) {
            go_on = peer_reply(fd, "200 OK", PEER_VERSION_BODY);
        } else if (strstr(request, "\"e2\"")) {
            go_on = peer_reply(fd, "400 X", "{\"detail\":\"offset\"}");
        } else {
            create_all(&body, arg, request);
            go_on = peer_reply(fd, "200 OK", body.text);
        }
    }
}

static void batch__that_is_refused_as_a_whole_is_halved_to_find_the_item(void **state)
{
    struct bench *bench = *state;

    for (size_t i = 0; i < WRITES_MAX; i++)
        bench->writes[i].kind = i == 2 ? WRITE_LATE_UPDATE : WRITE_CREATE;
    assert_int_equal(apply(bench, refuse_e2, &bench->script, WRITES_MAX, NULL), TEL_OK);
    for (size_t i = 0; i < WRITES_MAX; i++)
        assert_int_equal(bench->writes[i].result, i == 2 ? WRITE_INVALID : WRITE_CREATED);
    assert_string_equal(bench->writes[2].reason, "offset");
    assert_string_equal(bench->script.requests, "e0 e1 e3 e4 e5 e6 e7 "); /* in order */
}

static void batch__of_what_cannot_be_in_one_is_refused(void **state)
{
    struct bench *bench = *state;

    bench->writes[1].kind = WRITE_UPDATE;
    assert_int_equal(apply_script(bench, 2, NULL), TEL_E_INTERNAL);
    assert_int_equal(bench->script.asked, 0);
}

static void batch__of_nothing_asks_nobody(void **state)
{
    struct bench *bench = *state;

    assert_int_equal(apply_script(bench, 0, NULL), TEL_OK);
    assert_int_equal(bench->script.asked, 0);
}

/* ---- Who is it ------------------------------------------------------------------------------- */

static tel_error identify(struct bench *bench, tel_fault *fault)
{
    struct http_options options = {0};
    tel_error error;

    bench->peer = peer_start(peer_follow, &bench->script);
    options.url = peer_url(bench->peer);
    assert_int_equal(http_new(&bench->http, &options, NULL), TEL_OK);
    error = remote_identify(bench->http, deadline_in(PATIENCE_MS), fault);
    hang_up(bench);
    return error;
}

static void identify__knows_the_service_by_its_version(void **state)
{
    struct bench *bench = *state;

    bench->script.answers[0] = PEER_VERSION;
    assert_int_equal(identify(bench, NULL), TEL_OK);
    assert_int_equal(bench->script.asked, 1);
}

static void identify__knows_the_service_that_wants_a_token(void **state)
{
    struct bench *bench = *state;
    tel_fault fault;

    bench->script.answers[0] = (struct peer_reply){"401 X", "{}"};
    bench->script.answers[1] =
        (struct peer_reply){"200 OK", "{\"db_path\":\"/x\",\"journal_mode\":\"DELETE\"}"};
    assert_int_equal(identify(bench, &fault), TEL_E_REJECTED);
    assert_non_null(strstr(fault.text, "wants a token; set TELEMETRY_API_AUTH_TOKEN"));
}

static void identify__takes_a_401_of_others_for_theirs(void **state)
{
    struct bench *bench = *state;
    tel_fault fault;

    bench->script.answers[0] = (struct peer_reply){"401 X", "{}"};
    assert_int_equal(identify(bench, &fault), TEL_E_UNAVAILABLE);
    assert_non_null(strstr(fault.text, "is not telemetryd"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(single__run_is_posted_and_its_result_told),
        TEST(single__update_is_a_patch_of_what_may_change),
        TEST(single__update_of_an_unknown_run_is_not_found),
        cmocka_unit_test(single__refusal_of_its_content_is_final_when_the_service_says_it),
        cmocka_unit_test(single__refusal_of_the_sender_is_worth_trying_again),
        cmocka_unit_test(foreign__program_is_recognised_whatever_it_answers),
        TEST(foreign__answer_of_our_service_is_not_believed),
        TEST(batch__tells_of_each_what_became_of_it),
        cmocka_unit_test(batch__answer_that_leaves_out_an_item_is_none),
        TEST(batch__that_is_refused_as_a_whole_is_halved_to_find_the_item),
        TEST(batch__of_what_cannot_be_in_one_is_refused),
        TEST(batch__of_nothing_asks_nobody),
        TEST(identify__knows_the_service_by_its_version),
        TEST(identify__knows_the_service_that_wants_a_token),
        TEST(identify__takes_a_401_of_others_for_theirs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
