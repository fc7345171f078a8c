/* SPDX-License-Identifier: MIT
 *
 * What is sent, what the answers mean, and when it is tried again. The other side is a peer that
 * answers as told; tests/e2e/test_export.py has a strict one.
 */
#include "support/cmocka_all.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "model/payload.h"
#include "sheets/sheets.h"
#include "support/peer.h"
#include "support/rsa_key.h"
#include "support/scratch.h"

#define SHEET_PATH "/v4/spreadsheets/1a/values/Runs:append"
#define OK "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"

/* ---- The other side: one answer after the other, the last for ever ----------------------------- */

struct script {
    const char *const *answers;
    size_t next;
    atomic_size_t requests;
    char request[32768]; /* the last one, see last_request() */
};

static void follow_script(struct peer *peer, int fd, void *arg)
{
    struct script *script = arg;
    const char *text;

    while (peer_read_request(peer, fd, &text)) {
        const char *answer = script->answers[script->next];

        (void)snprintf(script->request, sizeof script->request, "%s", text);
        atomic_fetch_add(&script->requests, 1);
        if (script->answers[script->next + 1])
            script->next++;
        if (!peer_puts(fd, answer) || !strstr(answer, "Content-Length"))
            return;
    }
}

/* The peer's thread wrote it, and then counted it. */
static const char *last_request(struct script *script)
{
    return atomic_load(&script->requests) > 0 ? script->request : "";
}

#define SCRIPT(...) ((struct script){.answers = (const char *const[]){__VA_ARGS__, NULL}})

/* ---- Our side ------------------------------------------------------------------------------------ */

struct exporter {
    tel_config *config;
    struct sheets *sheets;
    int64_t pauses[16];
    size_t pause_count;
    size_t pauses_max; /* at the next it is told not to go on */
    char log[4096];
};

static bool note_pause(void *arg, int64_t ms)
{
    struct exporter *exporter = arg;

    exporter->pauses[exporter->pause_count++] = ms;
    return exporter->pause_count <= exporter->pauses_max;
}

static void note_log(void *arg, tel_log_level level, const char *message)
{
    struct exporter *exporter = arg;
    size_t used = strlen(exporter->log);

    (void)snprintf(exporter->log + used, sizeof exporter->log - used, "%d %s\n", (int)level,
                   message);
}

static void set(struct exporter *exporter, const char *key, const char *value)
{
    assert_int_equal(tel_config_set(exporter->config, key, value), TEL_OK);
}

static void open_exporter(struct exporter *exporter, const char *url, const char *path)
{
    char address[300];

    *exporter = (struct exporter){.pauses_max = 16};
    (void)snprintf(address, sizeof address, "%s%s", url, path);
    assert_int_equal(tel_config_new(&exporter->config), TEL_OK);
    set(exporter, "GOOGLE_SHEETS_API_ENABLED", "true");
    set(exporter, "GOOGLE_SHEETS_API_URL", address);
    assert_int_equal(sheets_new(&exporter->sheets,
                                &(struct sheets_options){.config = exporter->config,
                                                         .log = {note_log, exporter, 0},
                                                         .pause = note_pause,
                                                         .arg = exporter}),
                     TEL_OK);
}

static void close_exporter(struct exporter *exporter)
{
    sheets_free(exporter->sheets);
    tel_config_free(exporter->config);
}

static tel_error post(struct exporter *exporter, const tel_run_fields *fields, tel_fault *fault)
{
    CLEANUP(record_freep) struct tel_record *record = NULL;
    CLEANUP(payload_freep) struct tel_api_payload *payload = NULL;

    assert_int_equal(tel_record_new(&record, fields, NULL), TEL_OK);
    assert_int_equal(tel_api_payload_from_run_record(&payload, record), TEL_OK);
    return sheets_post(exporter->sheets, payload, fault);
}

static const char *body_of(struct script *script)
{
    return strstr(last_request(script), "\r\n\r\n") + 4;
}

/* ---- What is sent -------------------------------------------------------------------------------- */

static void post__of_a_sheet_is_one_row_of_27_raw_cells(void **state)
{
    struct script script = SCRIPT(OK);
    struct peer *peer = peer_start(follow_script, &script);
    struct exporter exporter;

    (void)state;
    open_exporter(&exporter, peer_url(peer), SHEET_PATH "?valueInputOption=USER_ENTERED");
    set(&exporter, "METRICS_API_TOKEN", "s3cret");
    assert_int_equal(post(&exporter,
                          TEL_FIELDS(.run_id = "r", .agent_name = "=HYPERLINK(\"x\")",
                                     .items_failed = 3, .host = "h"),
                          NULL),
                     TEL_OK);
    peer_stop(peer);
    assert_memory_equal(last_request(&script),
                        "POST " SHEET_PATH "?valueInputOption=RAW HTTP/1.1\r\n",
                        strlen("POST " SHEET_PATH "?valueInputOption=RAW HTTP/1.1\r\n"));
    assert_non_null(strstr(last_request(&script), "\r\nContent-Type: application/json\r\n"));
    assert_non_null(strstr(last_request(&script), "\r\nAuthorization: Bearer s3cret\r\n"));
    assert_string_equal(body_of(&script),
                        "{\"majorDimension\":\"ROWS\",\"values\":[[\"r\",\"=HYPERLINK(\\\"x\\\")\","
                        "\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\",3,\"\",\"\",\"\",\"\",\"\",\"\","
                        "\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"h\"]]}");
    assert_int_equal(exporter.pause_count, 0);
    close_exporter(&exporter);
}

static void post__of_a_webhook_is_a_flat_object_and_needs_no_token(void **state)
{
    struct script script = SCRIPT(OK);
    struct peer *peer = peer_start(follow_script, &script);
    struct exporter exporter;

    (void)state;
    open_exporter(&exporter, peer_url(peer), "/hook?key=1");
    assert_int_equal(post(&exporter, TEL_FIELDS(.run_id = "r", .items_failed = 3), NULL), TEL_OK);
    peer_stop(peer);
    assert_memory_equal(last_request(&script), "POST /hook?key=1 HTTP/1.1\r\n", 27);
    assert_null(strstr(last_request(&script), "Authorization"));
    assert_string_equal(body_of(&script), "{\"run_id\":\"r\",\"items_failed\":3}");
    close_exporter(&exporter);
}

static void post__sends_nothing_when_it_is_not_on_and_says_why(void **state)
{
    static const struct {
        const char *key;
        const char *value;
        const char *reason;
    } cases[] = {
        {"GOOGLE_SHEETS_API_ENABLED", "false", "not exported: GOOGLE_SHEETS_API_ENABLED is off"},
        {"GOOGLE_SHEETS_API_URL", NULL, "not exported: GOOGLE_SHEETS_API_URL is not set"},
        {"TELEMETRY_TEST_MODE", "mock", "not exported: TELEMETRY_TEST_MODE is mock"},
        {"METRICS_API_AUTH_REQUIRED", "true",
         "not exported: METRICS_API_AUTH_REQUIRED is on, but there is no token"},
    };
    struct script script = SCRIPT(OK);
    struct peer *peer = peer_start(follow_script, &script);

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct exporter exporter;
        tel_fault fault = {0};

        open_exporter(&exporter, peer_url(peer), "/");
        set(&exporter, cases[i].key, cases[i].value);
        assert_int_equal(post(&exporter, NULL, &fault), TEL_E_SKIPPED);
        assert_string_equal(fault.text, cases[i].reason);
        assert_int_equal(sheets_test(exporter.sheets, &fault), TEL_E_SKIPPED);
        close_exporter(&exporter);
    }
    assert_int_equal(peer_connections(peer), 0);
    peer_stop(peer);
}

/* ---- What an answer means ------------------------------------------------------------------------ */

#define STATUS(status) "HTTP/1.1 " status " X\r\nContent-Length: 0\r\n\r\n"
#define MOVED(to) ("HTTP/1.1 302 X\r\nContent-Length: 0\r\nLocation: " to "\r\n\r\n")

static void post__is_tried_again_after_1_2_and_4_seconds(void **state)
{
    static const int64_t pauses[] = {1000, 2000, 4000};
    static const char *const failures[] = {STATUS("500"), STATUS("503"), "garbage\r\n", "",
                                           "HTTP/1.1 500 X\r\nLength"};

    (void)state;
    for (size_t i = 0; i < sizeof failures / sizeof *failures; i++) {
        struct script script = SCRIPT(failures[i]);
        struct peer *peer = peer_start(follow_script, &script);
        struct exporter exporter;
        tel_fault fault = {0};

        open_exporter(&exporter, peer_url(peer), "/");
        assert_int_equal(post(&exporter, NULL, &fault), TEL_E_UNAVAILABLE);
        assert_true(*fault.text);
        assert_int_equal(script.requests, 4);
        assert_int_equal(exporter.pause_count, 3);
        assert_memory_equal(exporter.pauses, pauses, sizeof pauses);
        assert_false(sheets_refused_payload(exporter.sheets));
        close_exporter(&exporter);
        peer_stop(peer);
    }
}

static void post__ends_with_the_first_attempt_that_is_taken(void **state)
{
    struct script script = SCRIPT(STATUS("500"), "", STATUS("204"));
    struct peer *peer = peer_start(follow_script, &script);
    struct exporter exporter;

    (void)state;
    open_exporter(&exporter, peer_url(peer), "/");
    assert_int_equal(post(&exporter, NULL, NULL), TEL_OK);
    assert_int_equal(script.requests, 3);
    assert_int_equal(exporter.pause_count, 2);
    close_exporter(&exporter);
    peer_stop(peer);
}

static void post__follows_max_retries_with_a_minute_between_them_at_most(void **state)
{
    static const int64_t pauses[] = {1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000};
    struct peer *refusing = peer_start(NULL, NULL);
    struct exporter exporter;

    (void)state;
    for (int retries = 0; retries <= 8; retries += 4) {
        char text[8];

        open_exporter(&exporter, peer_url(refusing), "/");
        (void)snprintf(text, sizeof text, "%d", retries);
        set(&exporter, "max_retries", text);
        assert_int_equal(post(&exporter, NULL, NULL), TEL_E_UNAVAILABLE);
        assert_int_equal(exporter.pause_count, retries);
        assert_memory_equal(exporter.pauses, pauses, (size_t)retries * sizeof *pauses);
        close_exporter(&exporter);
    }
    peer_stop(refusing);
}

static void stay_silent(struct peer *peer, int fd, void *arg)
{
    (void)peer;
    (void)arg;
    peer_wait(fd);
}

static void post__gives_up_an_attempt_at_its_timeout(void **state)
{
    struct peer *silent = peer_start(stay_silent, NULL);
    struct exporter exporter;
    tel_fault fault = {0};

    (void)state;
    open_exporter(&exporter, peer_url(silent), "/");
    set(&exporter, "timeout", "0.05");
    assert_int_equal(post(&exporter, NULL, &fault), TEL_E_UNAVAILABLE);
    assert_non_null(strstr(fault.text, "Timeout"));
    assert_int_equal(exporter.pause_count, 3);
    close_exporter(&exporter);
    peer_stop(silent);
}

static void post__can_be_told_not_to_go_on(void **state)
{
    struct script script = SCRIPT(STATUS("500"));
    struct peer *peer = peer_start(follow_script, &script);
    struct exporter exporter;

    (void)state;
    open_exporter(&exporter, peer_url(peer), "/");
    exporter.pauses_max = 1;
    assert_int_equal(post(&exporter, NULL, NULL), TEL_E_UNAVAILABLE);
    assert_int_equal(script.requests, 2);
    close_exporter(&exporter);
    peer_stop(peer);
}

static void post__is_not_tried_again_when_it_is_refused(void **state)
{
    static const struct {
        const char *answer;
        tel_error error;
        bool for_the_payload;
    } cases[] = {
        {STATUS("400"), TEL_E_REJECTED, true},     {STATUS("401"), TEL_E_REJECTED, false},
        {STATUS("403"), TEL_E_REJECTED, false},    {STATUS("404"), TEL_E_NOT_FOUND, false},
        {STATUS("408"), TEL_E_UNAVAILABLE, false}, {STATUS("413"), TEL_E_REJECTED, true},
        {STATUS("422"), TEL_E_REJECTED, true},     {STATUS("429"), TEL_E_UNAVAILABLE, false},
        {STATUS("300"), TEL_E_UNAVAILABLE, false}, {STATUS("302"), TEL_E_UNAVAILABLE, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct script script = SCRIPT(cases[i].answer);
        struct peer *peer = peer_start(follow_script, &script);
        struct exporter exporter;

        open_exporter(&exporter, peer_url(peer), "/");
        assert_int_equal(post(&exporter, NULL, NULL), cases[i].error);
        assert_int_equal(script.requests, 1);
        assert_int_equal(exporter.pause_count, 0);
        assert_int_equal(sheets_refused_payload(exporter.sheets), cases[i].for_the_payload);
        close_exporter(&exporter);
        peer_stop(peer);
    }
}

static void post__is_done_once_it_was_taken_whatever_becomes_of_the_answer(void **state)
{
    static const char *const answers[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n<>",
        MOVED("https://script.googleusercontent.com/macros/echo?user_content_key=x"),
    };

    (void)state;
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        struct script script = SCRIPT(answers[i]);
        struct peer *peer = peer_start(follow_script, &script);
        struct exporter exporter;

        open_exporter(&exporter, peer_url(peer), "/");
        set(&exporter, "timeout", i == 0 ? "0.2" : "10");
        assert_int_equal(post(&exporter, NULL, NULL), TEL_OK);
        assert_int_equal(script.requests, 1);
        close_exporter(&exporter);
        peer_stop(peer);
    }
}

static void post__does_not_take_more_of_an_answer_than_64_KiB(void **state)
{
    size_t size = (size_t)1024 * 1024;
    char *answer = malloc(size + 100);
    int head = snprintf(answer, 100, "HTTP/1.1 403 X\r\nContent-Length: %zu\r\n\r\n", size);
    struct script script;
    struct peer *peer;
    struct exporter exporter;
    tel_fault fault = {0};

    (void)state;
    memset(answer + head, ' ', size);
    answer[(size_t)head + size] = '\0';
    script = SCRIPT(answer);
    peer = peer_start(follow_script, &script);
    open_exporter(&exporter, peer_url(peer), "/");
    assert_int_equal(post(&exporter, NULL, &fault), TEL_E_UNAVAILABLE);
    assert_non_null(strstr(fault.text, "is larger than 65536 bytes"));
    assert_int_equal(script.requests, 1);
    close_exporter(&exporter);
    peer_stop(peer);
    free(answer);
}

static void post__never_shows_the_token_even_if_the_answer_quotes_it(void **state)
{
    struct script script = SCRIPT("HTTP/1.1 403 X\r\n\r\n"
                                  "{\"error\":{\"message\":\"s3cret, s3cret: not allowed\"}}");
    struct peer *peer = peer_start(follow_script, &script);
    struct exporter exporter;
    tel_fault fault = {0};

    (void)state;
    open_exporter(&exporter, peer_url(peer), "/?key=s3cret");
    set(&exporter, "METRICS_API_TOKEN", "s3cret");
    assert_int_equal(post(&exporter, NULL, &fault), TEL_E_REJECTED);
    assert_null(strstr(fault.text, "s3cret"));
    assert_non_null(strstr(fault.text, "answered 403: ******, ******: not allowed"));
    close_exporter(&exporter);
    peer_stop(peer);
}

static void test__reads_the_spreadsheet_and_adds_nothing(void **state)
{
    struct script script = SCRIPT(OK);
    struct peer *peer = peer_start(follow_script, &script);
    struct exporter exporter;

    (void)state;
    open_exporter(&exporter, peer_url(peer), SHEET_PATH);
    assert_int_equal(sheets_test(exporter.sheets, NULL), TEL_OK);
    peer_stop(peer);
    assert_memory_equal(last_request(&script), "GET /v4/spreadsheets/1a?fields=spreadsheetId ", 45);
    close_exporter(&exporter);
}

static void test__asks_once_and_is_content_with_a_webhook_that_only_takes_post(void **state)
{
    static const struct {
        const char *answer;
        const char *path;
        tel_error error;
    } cases[] = {
        {STATUS("405"), "/hook", TEL_OK},
        {STATUS("405"), SHEET_PATH, TEL_E_REJECTED},
        {STATUS("401"), "/hook", TEL_E_REJECTED},
        {STATUS("500"), "/hook", TEL_E_UNAVAILABLE},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct script script = SCRIPT(cases[i].answer);
        struct peer *peer = peer_start(follow_script, &script);
        struct exporter exporter;

        open_exporter(&exporter, peer_url(peer), cases[i].path);
        assert_int_equal(sheets_test(exporter.sheets, NULL), cases[i].error);
        assert_int_equal(script.requests, 1);
        close_exporter(&exporter);
        peer_stop(peer);
    }
}

/* ---- A service account --------------------------------------------------------------------------- */

struct account {
    struct script script;
    struct peer *issuer;
    char *key_file;
};

static void open_account(struct account *account, char *scratch, struct script script)
{
    char url[300];

    account->script = script;
    account->issuer = peer_start(follow_script, &account->script);
    account->key_file = scratch_path(scratch, "key.json");
    (void)snprintf(url, sizeof url, "%s/token", peer_url(account->issuer));
    key_file_write(account->key_file, url);
}

static void close_account(struct account *account)
{
    peer_stop(account->issuer);
    free(account->key_file);
}

/* An answer with a token that is good for so long. */
#define TOKEN(text, seconds)                                                           \
    "HTTP/1.1 200 OK\r\n\r\n{\"access_token\":\"" text "\",\"token_type\":\"Bearer\"," \
    "\"expires_in\":" seconds "}"

static void account__makes_a_token_once_and_keeps_it(void **state)
{
    struct script script = SCRIPT(OK);
    struct peer *peer = peer_start(follow_script, &script);
    struct account account;
    struct exporter exporter;

    open_account(&account, *state, SCRIPT(TOKEN("abc", "3599"), STATUS("500")));
    open_exporter(&exporter, peer_url(peer), SHEET_PATH);
    set(&exporter, "GOOGLE_APPLICATION_CREDENTIALS", account.key_file);
    for (int i = 0; i < 3; i++)
        assert_int_equal(post(&exporter, NULL, NULL), TEL_OK);
    assert_int_equal(account.script.requests, 1);
    assert_int_equal(script.requests, 3);
    assert_non_null(strstr(last_request(&script), "\r\nAuthorization: Bearer abc\r\n"));
    assert_memory_equal(last_request(&account.script), "POST /token HTTP/1.1\r\n", 22);
    assert_non_null(strstr(last_request(&account.script),
                           "\r\nContent-Type: application/x-www-form-urlencoded\r\n"));
    assert_null(strstr(last_request(&account.script), "Authorization"));
    close_exporter(&exporter);
    peer_stop(peer);
    close_account(&account);
}

static void account__renews_a_token_that_is_about_to_run_out_or_was_withdrawn(void **state)
{
    struct script script = SCRIPT(OK, STATUS("401"), OK);
    struct peer *peer = peer_start(follow_script, &script);
    struct account account;
    struct exporter exporter;

    open_account(&account, *state,
                 SCRIPT(TOKEN("abc", "60"), TOKEN("def", "3599"), TOKEN("ghi", "3599")));
    open_exporter(&exporter, peer_url(peer), SHEET_PATH);
    set(&exporter, "GOOGLE_APPLICATION_CREDENTIALS", account.key_file);
    assert_int_equal(post(&exporter, NULL, NULL), TEL_OK);
    assert_non_null(strstr(last_request(&script), "Bearer abc\r\n"));
    assert_int_equal(post(&exporter, NULL, NULL), TEL_E_REJECTED);
    assert_non_null(strstr(last_request(&script), "Bearer def\r\n"));
    assert_int_equal(post(&exporter, NULL, NULL), TEL_OK);
    assert_non_null(strstr(last_request(&script), "Bearer ghi\r\n"));
    assert_int_equal(account.script.requests, 3);
    close_exporter(&exporter);
    peer_stop(peer);
    close_account(&account);
}

static void account__is_asked_again_while_the_issuer_is_broken(void **state)
{
    static const char *const failures[] = {STATUS("500"), "", "HTTP/1.1 200 OK\r\n\r\ngarbage"};
    struct script script = SCRIPT(OK);
    struct peer *peer = peer_start(follow_script, &script);

    for (size_t i = 0; i < sizeof failures / sizeof *failures; i++) {
        struct account account;
        struct exporter exporter;

        open_account(&account, *state, SCRIPT(failures[i], TOKEN("abc", "3599")));
        open_exporter(&exporter, peer_url(peer), SHEET_PATH);
        set(&exporter, "GOOGLE_APPLICATION_CREDENTIALS", account.key_file);
        assert_int_equal(post(&exporter, NULL, NULL), TEL_OK);
        assert_int_equal(exporter.pause_count, 1);
        assert_int_equal(account.script.requests, 2);
        close_exporter(&exporter);
        close_account(&account);
    }
    assert_int_equal(script.requests, 3);
    peer_stop(peer);
}

static void account__that_is_refused_ends_the_post_with_the_reason(void **state)
{
    struct script script = SCRIPT(OK);
    struct peer *peer = peer_start(follow_script, &script);
    struct account account;
    struct exporter exporter;
    tel_fault fault = {0};

    open_account(&account, *state,
                 SCRIPT(
                     "HTTP/1.1 400 X\r\n\r\n"
                     "{\"error\":\"invalid_grant\",\"error_description\":\"account not found\"}"));
    open_exporter(&exporter, peer_url(peer), SHEET_PATH);
    set(&exporter, "GOOGLE_APPLICATION_CREDENTIALS", account.key_file);
    assert_int_equal(post(&exporter, NULL, &fault), TEL_E_REJECTED);
    assert_non_null(strstr(fault.text, "no token for the export: "));
    assert_non_null(strstr(fault.text, "answered 400: account not found"));
    assert_false(sheets_refused_payload(exporter.sheets));
    assert_int_equal(account.script.requests, 1);
    assert_int_equal(script.requests, 0);
    close_exporter(&exporter);
    peer_stop(peer);
    close_account(&account);
}

static void account__is_not_used_when_a_token_is_given(void **state)
{
    struct script script = SCRIPT(OK);
    struct peer *peer = peer_start(follow_script, &script);
    struct account account;
    struct exporter exporter;

    open_account(&account, *state, SCRIPT(TOKEN("abc", "3599")));
    open_exporter(&exporter, peer_url(peer), SHEET_PATH);
    set(&exporter, "GOOGLE_APPLICATION_CREDENTIALS", account.key_file);
    set(&exporter, "METRICS_API_TOKEN", "given");
    assert_int_equal(post(&exporter, NULL, NULL), TEL_OK);
    assert_non_null(strstr(last_request(&script), "Bearer given\r\n"));
    assert_int_equal(account.script.requests, 0);
    close_exporter(&exporter);
    peer_stop(peer);
    close_account(&account);
}

/* ---- What can be broken off ---------------------------------------------------------------------- */

static atomic_bool cancelled;

static void cancel_then_wait(struct peer *peer, int fd, void *arg)
{
    (void)arg;
    (void)peer_read_request(peer, fd, NULL);
    atomic_store(&cancelled, true);
    peer_wait(fd);
}

static void post__is_broken_off_in_the_middle_of_a_request(void **state)
{
    struct peer *silent = peer_start(cancel_then_wait, NULL);
    struct exporter exporter;
    struct sheets *sheets;
    tel_api_payload *payload;

    (void)state;
    open_exporter(&exporter, peer_url(silent), "/");
    set(&exporter, "timeout", "3600");
    assert_int_equal(tel_api_payload_from_json(&payload, "{}", NULL), TEL_OK);
    assert_int_equal(sheets_new(&sheets, &(struct sheets_options){.config = exporter.config,
                                                                  .cancelled = &cancelled}),
                     TEL_OK);
    assert_int_equal(sheets_post(sheets, payload, NULL), TEL_E_CLOSED);
    sheets_free(sheets);
    tel_api_payload_free(payload);
    close_exporter(&exporter);
    peer_stop(silent);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(post__of_a_sheet_is_one_row_of_27_raw_cells),
        cmocka_unit_test(post__of_a_webhook_is_a_flat_object_and_needs_no_token),
        cmocka_unit_test(post__sends_nothing_when_it_is_not_on_and_says_why),
        cmocka_unit_test(post__is_tried_again_after_1_2_and_4_seconds),
        cmocka_unit_test(post__ends_with_the_first_attempt_that_is_taken),
        cmocka_unit_test(post__follows_max_retries_with_a_minute_between_them_at_most),
        cmocka_unit_test(post__gives_up_an_attempt_at_its_timeout),
        cmocka_unit_test(post__can_be_told_not_to_go_on),
        cmocka_unit_test(post__is_not_tried_again_when_it_is_refused),
        cmocka_unit_test(post__is_done_once_it_was_taken_whatever_becomes_of_the_answer),
        cmocka_unit_test(post__does_not_take_more_of_an_answer_than_64_KiB),
        cmocka_unit_test(post__never_shows_the_token_even_if_the_answer_quotes_it),
        cmocka_unit_test(test__reads_the_spreadsheet_and_adds_nothing),
        cmocka_unit_test(test__asks_once_and_is_content_with_a_webhook_that_only_takes_post),
        cmocka_unit_test(account__makes_a_token_once_and_keeps_it),
        cmocka_unit_test(account__renews_a_token_that_is_about_to_run_out_or_was_withdrawn),
        cmocka_unit_test(account__is_asked_again_while_the_issuer_is_broken),
        cmocka_unit_test(account__that_is_refused_ends_the_post_with_the_reason),
        cmocka_unit_test(account__is_not_used_when_a_token_is_given),
        cmocka_unit_test(post__is_broken_off_in_the_middle_of_a_request),
    };

    return cmocka_run_group_tests(tests, scratch_set_up, scratch_tear_down);
}
