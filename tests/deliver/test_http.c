/* SPDX-License-Identifier: MIT */
#include "support/cmocka_all.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "deliver/http.h"
#include "deliver/kept_fd.h"
#include "support/peer.h"
#include "support/scratch.h"

#define BUDGET_MS 200
#define PATIENCE_MS 5000 /* of the tests: machines are slow, but a call that hangs takes for ever */

static tel_error send_once(const char *url, const char *token, const char *method, const char *body,
                           struct http_response *response, tel_fault *fault)
{
    struct http_options options = {.url = url, .token = token};
    struct http *http = NULL;
    tel_error error;

    assert_int_equal(http_new(&http, &options, fault), TEL_OK);
    error = http_send(http, method, "/api/v1/runs?limit=1", body, deadline_in(PATIENCE_MS),
                      response, fault);
    http_free(http);
    return error;
}

/* ---- What is sent ---------------------------------------------------------------------------- */

static char last_request[8192];

static void remember_request(struct peer *peer, int fd, void *arg)
{
    const char *text;

    while (peer_read_request(peer, fd, &text)) {
        (void)snprintf(last_request, sizeof last_request, "%s", text);
        if (!peer_puts(fd, arg))
            break;
    }
}

static char ok_answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{\"ok\":true}";
static char empty_answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

static void http_send__sends_method_path_headers_and_body(void **state)
{
    struct peer *peer = peer_start(remember_request, ok_answer);
    struct http_response response = {0};

    (void)state;
    assert_int_equal(send_once(peer_url(peer), "s3cret", "POST", "{\"a\":1}", &response, NULL),
                     TEL_OK);
    peer_stop(peer);
    assert_int_equal(response.status, 200);
    assert_string_equal(response.body.text, "{\"ok\":true}");
    assert_memory_equal(last_request, "POST /api/v1/runs?limit=1 HTTP/1.1\r\n", 36);
    assert_non_null(strstr(last_request, "\r\nAuthorization: Bearer s3cret\r\n"));
    assert_non_null(strstr(last_request, "\r\nAccept: application/json\r\n"));
    assert_non_null(strstr(last_request, "\r\nContent-Type: application/json\r\n"));
    assert_non_null(strstr(last_request, "\r\nUser-Agent: telemetry/"));
    assert_non_null(strstr(last_request, "\r\n\r\n{\"a\":1}"));
    assert_null(strstr(last_request, "Expect"));
    http_response_clear(&response);
}

static void http_send__sends_any_method(void **state)
{
    static const char *const methods[] = {"GET", "HEAD", "PATCH", "POST"};
    struct http_response response = {0};

    (void)state;
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        bool is_head = strcmp(methods[i], "HEAD") == 0;
        struct peer *peer = peer_start(remember_request, is_head ? empty_answer : ok_answer);

        assert_int_equal(send_once(peer_url(peer), NULL, methods[i],
                                   strcmp(methods[i], "PATCH") == 0 ? "{}" : NULL, &response, NULL),
                         TEL_OK);
        peer_stop(peer);
        assert_memory_equal(last_request, methods[i], strlen(methods[i]));
        assert_null(strstr(last_request, "Authorization"));
    }
    http_response_clear(&response);
}

static void http_send__reaches_a_unix_socket(void **state)
{
    char *path = scratch_path(*state, "socket");
    struct peer *peer = peer_start_at(path, remember_request, ok_answer);
    struct http_response response = {0};

    assert_int_equal(send_once(peer_url(peer), NULL, "GET", NULL, &response, NULL), TEL_OK);
    peer_stop(peer);
    assert_non_null(strstr(last_request, "\r\nHost: localhost\r\n"));
    http_response_clear(&response);
    free(path);
}

static void http_send__never_asks_a_proxy(void **state)
{
    struct peer *proxy = peer_start(peer_answer, ok_answer);
    struct peer *peer = peer_start(remember_request, ok_answer);
    struct http_response response = {0};

    (void)state;
    setenv("http_proxy", peer_url(proxy), 1);
    setenv("all_proxy", peer_url(proxy), 1);
    assert_int_equal(send_once(peer_url(peer), NULL, "GET", NULL, &response, NULL), TEL_OK);
    unsetenv("http_proxy");
    unsetenv("all_proxy");
    assert_int_equal(peer_connections(proxy), 0);
    assert_int_equal(peer_connections(peer), 1);
    peer_stop(peer);
    peer_stop(proxy);
    http_response_clear(&response);
}

static void http_send__keeps_the_connection_for_the_next_request(void **state)
{
    struct peer *peer = peer_start(peer_answer, ok_answer);
    struct http_options options = {.url = peer_url(peer)};
    struct http_response response = {0};
    struct http *http = NULL;

    (void)state;
    assert_int_equal(http_new(&http, &options, NULL), TEL_OK);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(http_send(http, "POST", "/", "{}", deadline_in(PATIENCE_MS), &response,
                                   NULL),
                         TEL_OK);
        assert_string_equal(response.body.text, "{\"ok\":true}");
    }
    assert_int_equal(peer_connections(peer), 1);
    http_free(http);
    peer_stop(peer);
    http_response_clear(&response);
}

/* ---- What an answer means -------------------------------------------------------------------- */

static void http_send__tells_later_from_never(void **state)
{
    static const struct {
        int status;
        tel_error error;
    } cases[] = {
        {200, TEL_OK},
        {201, TEL_OK},
        {302, TEL_E_UNAVAILABLE},
        {400, TEL_E_REJECTED},
        {401, TEL_E_REJECTED},
        {404, TEL_E_NOT_FOUND},
        {408, TEL_E_UNAVAILABLE},
        {413, TEL_E_REJECTED},
        {422, TEL_E_REJECTED},
        {429, TEL_E_UNAVAILABLE},
        {500, TEL_E_UNAVAILABLE},
        {503, TEL_E_UNAVAILABLE},
    };
    struct http_response response = {0};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char answer[100];
        struct peer *peer;
        tel_fault fault;

        (void)snprintf(answer, sizeof answer, "HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n",
                       cases[i].status);
        peer = peer_start(peer_answer, answer);
        assert_int_equal(send_once(peer_url(peer), NULL, "GET", NULL, &response, &fault),
                         cases[i].error);
        assert_int_equal(response.status, cases[i].status);
        if (cases[i].error)
            assert_int_equal(fault.code, cases[i].error);
        peer_stop(peer);
    }
    http_response_clear(&response);
}

static void http_send__says_the_services_reason_in_one_line(void **state)
{
    static const struct {
        const char *body;
        const char *reason;
    } cases[] = {
        {"{\"detail\":\"Run not\\n found\"}", " answered 422: Run not  found"},
        {"{\"detail\":[{\"loc\":[\"body\",0,\"duration_ms\"],\"msg\":\"must be >= 0\"},{}]}",
         " answered 422: body.0.duration_ms must be >= 0 (and 1 more)"},
        {"{\"detail\":[7]}", " answered 422:  is refused"},
        {"{\"detail\":{}}", " answered 422"},
        {"<html>", " answered 422"},
        {"", " answered 422"},
    };
    struct http_response response = {0};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char answer[500];
        struct peer *peer;
        tel_fault fault;

        (void)snprintf(answer, sizeof answer, "HTTP/1.1 422 X\r\nContent-Length: %zu\r\n\r\n%s",
                       strlen(cases[i].body), cases[i].body);
        peer = peer_start(peer_answer, answer);
        assert_int_equal(send_once(peer_url(peer), NULL, "GET", NULL, &response, &fault),
                         TEL_E_REJECTED);
        assert_string_equal(fault.text + strlen(peer_url(peer)), cases[i].reason);
        peer_stop(peer);
    }
    http_response_clear(&response);
}

static char redirect[200];

static void http_send__does_not_follow_a_redirect(void **state)
{
    struct peer *other = peer_start(peer_answer, ok_answer);
    struct http_response response = {0};
    struct peer *peer;

    (void)state;
    (void)snprintf(redirect, sizeof redirect,
                   "HTTP/1.1 307 X\r\nLocation: %s/\r\nContent-Length: 0\r\n\r\n", peer_url(other));
    peer = peer_start(peer_answer, redirect);
    assert_int_equal(send_once(peer_url(peer), "s3cret", "POST", "{}", &response, NULL),
                     TEL_E_UNAVAILABLE);
    assert_int_equal(peer_connections(other), 0);
    peer_stop(peer);
    peer_stop(other);
    http_response_clear(&response);
}

/* ---- Peers that misbehave -------------------------------------------------------------------- */

static void stay_silent(struct peer *peer, int fd, void *arg)
{
    (void)peer;
    (void)arg;
    peer_wait(fd);
}

static void hang_up(struct peer *peer, int fd, void *arg)
{
    (void)arg;
    (void)peer_read_request(peer, fd, NULL);
}

static void reset(struct peer *peer, int fd, void *arg)
{
    struct linger hard = {.l_onoff = 1};

    (void)arg;
    (void)peer_read_request(peer, fd, NULL);
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
}

static void say_then_wait(struct peer *peer, int fd, void *arg)
{
    if (peer_read_request(peer, fd, NULL) && peer_puts(fd, arg))
        peer_wait(fd);
}

static void say_then_hang_up(struct peer *peer, int fd, void *arg)
{
    (void)(peer_read_request(peer, fd, NULL) && peer_puts(fd, arg));
}

static void trickle(struct peer *peer, int fd, void *arg)
{
    (void)peer_read_request(peer, fd, NULL);
    for (const char *c = arg; *c && peer_send(fd, c, 1); c++)
        (void)usleep(100000);
}

static void never_end(struct peer *peer, int fd, void *arg)
{
    (void)(peer_read_request(peer, fd, NULL) && peer_puts(fd, "HTTP/1.1 200 OK\r\n"));
    while (peer_puts(fd, arg))
        continue;
}

static void http_send__returns_in_time_whatever_the_peer_does(void **state)
{
    static char garbage[] = "\x16\x03\x01\x02 SSH-2.0\r\n\r\n\x80\xff garbage";
    static char half_head[] = "HTTP/1.1 200 OK\r\nContent-Le";
    static char half_body[] = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"event";
    static char bad_chunk[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n";
    static char interim[] = "HTTP/1.1 100 Continue\r\n\r\n";
    static char header[] = "X-Filler: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n";
    static char headerless[] = "a";
    static char body[] = "\r\naaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    const struct {
        peer_fn *behave;
        char *arg;
    } cases[] = {
        {NULL, NULL},
        {stay_silent, NULL},
        {hang_up, NULL},
        {reset, NULL},
        {say_then_hang_up, garbage},
        {say_then_wait, half_head},
        {say_then_hang_up, half_head},
        {say_then_wait, half_body},
        {say_then_hang_up, half_body},
        {say_then_wait, bad_chunk},
        {say_then_wait, interim},
        {trickle, ok_answer},
        {never_end, interim},
        {never_end, header},
        {never_end, headerless},
        {never_end, body},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct peer *peer = peer_start(cases[i].behave, cases[i].arg);
        struct http_options options = {.url = peer_url(peer)};
        struct http_response response = HTTP_RESPONSE(1024 * 1024);
        struct http *http = NULL;
        int64_t start_ms = clock_monotonic_ms();
        tel_fault fault = {0};

        assert_int_equal(http_new(&http, &options, NULL), TEL_OK);
        if (http_send(http, "POST", "/", "{}", deadline_in(BUDGET_MS), &response, &fault) !=
            TEL_E_UNAVAILABLE)
            fail_msg("case %zu: status %ld, %s", i, response.status, fault.text);
        assert_true(clock_monotonic_ms() - start_ms < PATIENCE_MS);
        assert_int_equal(fault.code, TEL_E_UNAVAILABLE);
        http_free(http);
        peer_stop(peer);
        http_response_clear(&response);
    }
}

static void http_send__bounds_the_answer(void **state)
{
    struct peer *peer = peer_start(peer_answer, ok_answer);
    struct http_response response = HTTP_RESPONSE(5);
    tel_fault fault;

    (void)state;
    assert_int_equal(send_once(peer_url(peer), NULL, "GET", NULL, &response, &fault),
                     TEL_E_UNAVAILABLE);
    assert_non_null(strstr(fault.text, "larger than 5 bytes"));
    peer_stop(peer);
    http_response_clear(&response);
}

static void http_send__bounds_the_head_of_the_answer(void **state)
{
    CLEANUP(strbuf_clear) struct strbuf answer = STRBUF(200000);
    struct http_response response = HTTP_RESPONSE(5);
    struct peer *peer;

    (void)state;
    strbuf_puts(&answer, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n");
    for (int i = 0; i < 70; i++)
        strbuf_printf(&answer, "X-Header-%d: %01000d\r\n", i, i);
    strbuf_puts(&answer, "\r\n{}");
    peer = peer_start(peer_answer, answer.text);
    assert_int_equal(send_once(peer_url(peer), NULL, "GET", NULL, &response, NULL),
                     TEL_E_UNAVAILABLE);
    peer_stop(peer);
    http_response_clear(&response);
}

static void http_send__tries_once_when_the_deadline_has_passed(void **state)
{
    struct peer *peer = peer_start(stay_silent, NULL);
    struct http_options options = {.url = peer_url(peer)};
    struct http_response response = {0};
    struct http *http = NULL;

    (void)state;
    assert_int_equal(http_new(&http, &options, NULL), TEL_OK);
    assert_int_equal(http_send(http, "GET", "/", NULL, deadline_in(0), &response, NULL),
                     TEL_E_UNAVAILABLE);
    http_free(http);
    peer_stop(peer);
    http_response_clear(&response);
}

static void http_send__says_the_same_of_the_same_failure(void **state)
{
    struct peer *peer = peer_start(stay_silent, NULL);
    struct http_options options = {.url = peer_url(peer)};
    struct http_response response = {0};
    struct http *http = NULL;
    tel_fault first = {0};
    tel_fault second = {0};

    (void)state;
    assert_int_equal(http_new(&http, &options, NULL), TEL_OK);
    (void)http_send(http, "GET", "/", NULL, deadline_in(20), &response, &first);
    (void)http_send(http, "GET", "/", NULL, deadline_in(90), &response, &second);
    assert_string_equal(first.text, second.text);
    http_free(http);
    peer_stop(peer);
}

/* ---- Making one ------------------------------------------------------------------------------ */

static void http_new__refuses_what_is_no_url_of_a_service(void **state)
{
    static const char *const urls[] =
        {"",        "localhost:8765", "ftp://localhost",     "file:///etc/passwd",
         "http://", "http://a b/",    "http://localhost/?x", "unix:x"};
    struct http *http = (struct http *)state;

    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        struct http_options options = {.url = urls[i]};
        tel_fault fault = {0};

        if (http_new(&http, &options, &fault) != TEL_E_INVALID)
            fail_msg("\"%s\" was taken", urls[i]);
        assert_null(http);
        assert_non_null(strstr(fault.text, "http://host:port"));
    }
}

static void http_new__refuses_a_token_that_would_split_the_header(void **state)
{
    struct http_options options = {.url = "http://localhost", .token = "a\r\nX-Evil: 1"};
    struct http *http = (struct http *)state;
    tel_fault fault;

    assert_int_equal(http_new(&http, &options, &fault), TEL_E_INVALID);
    assert_null(http);
    assert_null(strstr(fault.text, "Evil"));
}

static void http_new__takes_ipv6_and_a_path_in_front(void **state)
{
    static const char *const urls[] = {"http://[::1]:8765", "https://host/telemetry/", "HTTP://x"};

    (void)state;
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        struct http_options options = {.url = urls[i]};
        struct http *http = NULL;

        assert_int_equal(http_new(&http, &options, NULL), TEL_OK);
        http_free(http);
    }
    http_free(NULL);
}

/* ---- Fork ------------------------------------------------------------------------------------ */

static void http_send__a_forked_child_leaves_its_parents_connection_alone(void **state)
{
    struct peer *peer = peer_start(peer_answer, ok_answer);
    struct http_options options = {.url = peer_url(peer)};
    struct http_response response = {0};
    struct http *http = NULL;
    int status;
    pid_t child;

    (void)state;
    assert_int_equal(http_new(&http, &options, NULL), TEL_OK);
    assert_int_equal(http_send(http, "GET", "/", NULL, deadline_in(PATIENCE_MS), &response, NULL),
                     TEL_OK);
    child = fork();
    if (child == 0) {
        /* The peer serves one connection at a time, and the parent's is open: so this one is not
         * answered, where a request on the parent's connection would be. */
        tel_error error =
            http_send(http, "GET", "/", NULL, deadline_in(BUDGET_MS), &response, NULL);

        http_free(http);
        _exit(error == TEL_E_UNAVAILABLE ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(http_send(http, "GET", "/", NULL, deadline_in(PATIENCE_MS), &response, NULL),
                     TEL_OK);
    assert_int_equal(peer_connections(peer), 1);
    http_free(http);
    peer_stop(peer);
    http_response_clear(&response);
}

/* ---- A host that closes all descriptors ------------------------------------------------------ */

#define NUMBERS_MAX 64

struct numbers {
    struct kept_fd taken[NUMBERS_MAX]; /* by the host */
    size_t count;
};

static void note_open(bool is_open[NUMBERS_MAX])
{
    for (int fd = 0; fd < NUMBERS_MAX; fd++)
        is_open[fd] = fcntl(fd, F_GETFD) >= 0;
}

#define ALL SIZE_MAX

/* Put files of the host's in the place of what was not open before: of all, or of the n-th. The peer's side
 * of a connection, which is in this process too, is closed before. Returns how many there were. */
static size_t take_numbers(struct numbers *numbers, const bool was_open[NUMBERS_MAX], size_t which)
{
    int hosts = open("/dev/null", O_RDWR | O_CLOEXEC);
    size_t found = 0;

    numbers->count = 0;
    for (int fd = 0; fd < NUMBERS_MAX; fd++) {
        if (was_open[fd] || fd == hosts || fcntl(fd, F_GETFD) < 0)
            continue;
        if (which != ALL && which != found++)
            continue;
        assert_int_equal(dup3(hosts, fd, O_CLOEXEC), fd);
        numbers->taken[numbers->count++] = kept_fd_of(fd);
    }
    assert_int_equal(close(hosts), 0);
    return which == ALL ? numbers->count : found;
}

static void assert_all_are_the_hosts(struct numbers *numbers)
{
    for (size_t i = 0; i < numbers->count; i++) {
        assert_true(kept_fd_is_ours(&numbers->taken[i]));
        kept_fd_close(&numbers->taken[i]);
    }
}

static struct http *connected_to(const struct peer *peer)
{
    struct http_options options = {.url = peer_url(peer)};
    struct http_response response = {0};
    struct http *http = NULL;

    assert_int_equal(http_new(&http, &options, NULL), TEL_OK);
    assert_int_equal(http_send(http, "GET", "/", NULL, deadline_in(PATIENCE_MS), &response, NULL),
                     TEL_OK);
    http_response_clear(&response);
    return http;
}

static void http__leaves_descriptors_alone_whose_numbers_the_host_has_taken(void **state)
{
    struct http_response response = {0};
    bool was_open[NUMBERS_MAX];
    struct numbers numbers;

    (void)state;
    for (size_t i = 0; i < 6; i++) { /* a socket, or one of the two that wake libcurl up */
        struct peer *peer = peer_start(peer_answer, ok_answer);
        struct http *http;

        note_open(was_open);
        http = connected_to(peer);
        peer_stop(peer);
        assert_int_equal(take_numbers(&numbers, was_open, i / 2), 3);
        assert_int_equal(numbers.count, 1);
        if (i % 2)
            assert_int_equal(http_send(http, "GET", "/", NULL, deadline_in(PATIENCE_MS), &response,
                                       NULL),
                             TEL_E_UNAVAILABLE);
        http_free(http);
        assert_all_are_the_hosts(&numbers);
    }
    http_response_clear(&response);
}

/* The pair is made by http_new(), and no other after it: a program that the host executes later, while
 * another thread asks, cannot come between the making of one and its being closed on exec. */
static void http_send__makes_no_wake_up_pair(void **state)
{
    struct peer *peer = peer_start(peer_answer, ok_answer);
    struct http_options options = {.url = peer_url(peer)};
    struct http_response too_small = HTTP_RESPONSE(5);
    struct http_response response = {0};
    struct kept_fd pair[NUMBERS_MAX];
    bool was_open[NUMBERS_MAX];
    struct http *http = NULL;
    size_t count = 0;

    (void)state;
    note_open(was_open);
    assert_int_equal(http_new(&http, &options, NULL), TEL_OK);
    for (int fd = 0; fd < NUMBERS_MAX; fd++) {
        if (!was_open[fd] && fcntl(fd, F_GETFD) >= 0)
            pair[count++] = kept_fd_of(fd);
    }
    assert_int_equal(count, 2);
    assert_true(fcntl(pair[0].fd, F_GETFD) & fcntl(pair[1].fd, F_GETFD) & FD_CLOEXEC);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(http_send(http, "GET", "/", NULL, deadline_in(PATIENCE_MS), &too_small,
                                   NULL),
                         TEL_E_UNAVAILABLE);
        assert_int_equal(http_send(http, "GET", "/", NULL, deadline_in(PATIENCE_MS), &response,
                                   NULL),
                         TEL_OK);
        assert_true(kept_fd_is_ours(&pair[0]));
        assert_true(kept_fd_is_ours(&pair[1]));
    }
    http_free(http);
    peer_stop(peer);
    http_response_clear(&too_small);
    http_response_clear(&response);
}

static void http_free__in_a_forked_child_leaves_the_childs_own_descriptors_alone(void **state)
{
    struct peer *peer = peer_start(peer_answer, ok_answer);
    struct http_response response = {0};
    bool was_open[NUMBERS_MAX];
    struct numbers numbers;
    struct http *http;
    int status;
    pid_t child;

    (void)state;
    note_open(was_open);
    http = connected_to(peer);
    child = fork();
    if (child == 0) {
        (void)take_numbers(&numbers, was_open, ALL);
        http_free(http);
        assert_all_are_the_hosts(&numbers);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(http_send(http, "GET", "/", NULL, deadline_in(PATIENCE_MS), &response, NULL),
                     TEL_OK);
    assert_int_equal(peer_connections(peer), 1);
    http_free(http);
    peer_stop(peer);
    http_response_clear(&response);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(http_send__sends_method_path_headers_and_body),
        cmocka_unit_test(http_send__sends_any_method),
        cmocka_unit_test_setup_teardown(http_send__reaches_a_unix_socket, scratch_set_up,
                                        scratch_tear_down),
        cmocka_unit_test(http_send__never_asks_a_proxy),
        cmocka_unit_test(http_send__keeps_the_connection_for_the_next_request),
        cmocka_unit_test(http_send__tells_later_from_never),
        cmocka_unit_test(http_send__says_the_services_reason_in_one_line),
        cmocka_unit_test(http_send__does_not_follow_a_redirect),
        cmocka_unit_test(http_send__returns_in_time_whatever_the_peer_does),
        cmocka_unit_test(http_send__bounds_the_answer),
        cmocka_unit_test(http_send__bounds_the_head_of_the_answer),
        cmocka_unit_test(http_send__tries_once_when_the_deadline_has_passed),
        cmocka_unit_test(http_send__says_the_same_of_the_same_failure),
        cmocka_unit_test(http_new__refuses_what_is_no_url_of_a_service),
        cmocka_unit_test(http_new__refuses_a_token_that_would_split_the_header),
        cmocka_unit_test(http_new__takes_ipv6_and_a_path_in_front),
        cmocka_unit_test(http_send__a_forked_child_leaves_its_parents_connection_alone),
        cmocka_unit_test(http__leaves_descriptors_alone_whose_numbers_the_host_has_taken),
        cmocka_unit_test(http_send__makes_no_wake_up_pair),
        cmocka_unit_test(http_free__in_a_forked_child_leaves_the_childs_own_descriptors_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
