/* SPDX-License-Identifier: MIT */
#include "support/cmocka_all.h"

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/sanitizers.h"
#include "support/peer.h"
#include "support/scratch.h"
#include "telemetry.h"

#define OK "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
#define POSTS 20

static tel_api_client *connect_to(const char *url, const char *budget_ms)
{
    tel_config *config;
    tel_api_client *client;

    assert_int_equal(tel_config_new(&config), TEL_OK);
    (void)tel_config_set(config, "GOOGLE_SHEETS_API_ENABLED", "true");
    (void)tel_config_set(config, "GOOGLE_SHEETS_API_URL", url);
    (void)tel_config_set(config, "TELEMETRY_CALL_BUDGET_MS", budget_ms);
    (void)tel_config_set(config, "timeout", "3600");
    assert_int_equal(tel_api_client_new(&client, config), TEL_OK);
    tel_config_free(config);
    return client;
}

static tel_api_payload *payload_called(const char *run_id)
{
    char json[100];
    tel_api_payload *payload;

    (void)snprintf(json, sizeof json, "{\"run_id\":\"%s\"}", run_id);
    assert_int_equal(tel_api_payload_from_json(&payload, json, NULL), TEL_OK);
    return payload;
}

/* ---- The other side ------------------------------------------------------------------------------ */

struct taken {
    pthread_mutex_t mutex;
    char bodies[8192];
};

#define TAKEN() ((struct taken){.mutex = PTHREAD_MUTEX_INITIALIZER})

static void take(struct peer *peer, int fd, void *arg)
{
    struct taken *taken = arg;
    const char *text;

    while (peer_read_request(peer, fd, &text)) {
        (void)pthread_mutex_lock(&taken->mutex);
        (void)strncat(taken->bodies, strstr(text, "\r\n\r\n") + 4,
                      sizeof taken->bodies - strlen(taken->bodies) - 1);
        (void)pthread_mutex_unlock(&taken->mutex);
        (void)peer_puts(fd, OK);
    }
}

static void stay_silent(struct peer *peer, int fd, void *arg)
{
    (void)peer;
    (void)arg;
    peer_wait(fd);
}

/* ---- Completion ---------------------------------------------------------------------------------- */

struct outcomes {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    size_t count;
    tel_error errors[POSTS];
    char message[500];
    bool signals_were_blocked;
};

#define OUTCOMES() \
    ((struct outcomes){.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER})

static void note(void *arg, tel_error error, const char *message)
{
    struct outcomes *outcomes = arg;
    sigset_t mask;

    (void)pthread_sigmask(SIG_BLOCK, NULL, &mask);
    (void)pthread_mutex_lock(&outcomes->mutex);
    outcomes->signals_were_blocked = sigismember(&mask, SIGTERM) && sigismember(&mask, SIGUSR1);
    outcomes->errors[outcomes->count++] = error;
    (void)snprintf(outcomes->message, sizeof outcomes->message, "%s", message);
    (void)pthread_cond_broadcast(&outcomes->changed);
    (void)pthread_mutex_unlock(&outcomes->mutex);
}

static void wait_for(struct outcomes *outcomes, size_t count)
{
    (void)pthread_mutex_lock(&outcomes->mutex);
    while (outcomes->count < count)
        (void)pthread_cond_wait(&outcomes->changed, &outcomes->mutex);
    (void)pthread_mutex_unlock(&outcomes->mutex);
}

/* ---- Waiting for the answer ---------------------------------------------------------------------- */

static void post_run_sync__sends_the_payload_and_says_how_it_went(void **state)
{
    struct taken taken = TAKEN();
    struct peer *peer = peer_start(take, &taken);
    tel_api_client *client = connect_to(peer_url(peer), "1");
    tel_api_payload *payload = payload_called("r");

    (void)state;
    assert_int_equal(tel_api_client_test_connection(client, NULL), TEL_OK);
    assert_int_equal(tel_api_client_post_run_sync(client, payload, NULL), TEL_OK);
    tel_api_payload_free(payload);
    tel_api_client_free(client);
    peer_stop(peer);
    assert_string_equal(taken.bodies, "{\"run_id\":\"r\"}");
}

static void client__is_configured_by_the_environment_and_off_by_default(void **state)
{
    tel_api_client *client;
    tel_api_payload *payload = payload_called("r");
    struct outcomes outcomes = OUTCOMES();
    tel_fault fault = {0};

    (void)state;
    assert_int_equal(tel_api_client_new(&client, NULL), TEL_OK);
    assert_int_equal(tel_api_client_post_run_sync(client, payload, &fault), TEL_E_SKIPPED);
    assert_string_equal(fault.text, "not exported: GOOGLE_SHEETS_API_ENABLED is off");
    assert_int_equal(tel_api_client_post_run_async(client, payload, note, &outcomes, &fault),
                     TEL_E_SKIPPED);
    assert_int_equal(tel_api_client_test_connection(client, &fault), TEL_E_SKIPPED);
    tel_api_client_free(client);
    assert_int_equal(outcomes.count, 0);

    assert_int_equal(setenv("GOOGLE_SHEETS_API_ENABLED", "yes", 1), 0);
    assert_int_equal(setenv("GOOGLE_SHEETS_API_URL", "http://example.org/", 1), 0);
    assert_int_equal(tel_api_client_new(&client, NULL), TEL_OK);
    assert_int_equal(tel_api_client_post_run_sync(client, payload, &fault), TEL_E_INVALID);
    assert_string_equal(fault.text, "GOOGLE_SHEETS_API_URL must begin with https:// (http:// only "
                                    "for this machine)");
    tel_api_client_free(client);
    assert_int_equal(unsetenv("GOOGLE_SHEETS_API_ENABLED"), 0);
    assert_int_equal(unsetenv("GOOGLE_SHEETS_API_URL"), 0);
    tel_api_payload_free(payload);
}

static void client__takes_null(void **state)
{
    tel_api_client *client = connect_to("http://127.0.0.1:1/", "1");
    tel_api_payload *payload = payload_called("r");
    tel_fault fault = {0};

    (void)state;
    assert_int_equal(tel_api_client_new(NULL, NULL), TEL_E_INVALID);
    assert_int_equal(tel_api_client_post_run_sync(NULL, payload, &fault), TEL_E_INVALID);
    assert_string_equal(fault.text, "client must not be NULL");
    assert_int_equal(tel_api_client_post_run_sync(client, NULL, &fault), TEL_E_INVALID);
    assert_string_equal(fault.text, "payload must not be NULL");
    assert_int_equal(tel_api_client_post_run_async(NULL, payload, note, NULL, NULL), TEL_E_INVALID);
    assert_int_equal(tel_api_client_post_run_async(client, NULL, note, NULL, NULL), TEL_E_INVALID);
    assert_int_equal(tel_api_client_test_connection(NULL, NULL), TEL_E_INVALID);
    tel_api_client_free(NULL);
    tel_api_client_free(client);
    tel_api_payload_free(payload);
}

/* ---- Not waiting --------------------------------------------------------------------------------- */

static void post_run_async__sends_all_in_order_and_tells_each_once(void **state)
{
    struct taken taken = TAKEN();
    struct peer *peer = peer_start(take, &taken);
    tel_api_client *client = connect_to(peer_url(peer), "60000");
    struct outcomes outcomes = OUTCOMES();
    char expected[1000] = "";

    (void)state;
    for (int i = 0; i < POSTS; i++) {
        char name[20];
        tel_api_payload *payload;

        (void)snprintf(name, sizeof name, "run-%d", i);
        (void)snprintf(expected + strlen(expected), 40, "{\"run_id\":\"%s\"}", name);
        payload = payload_called(name);
        assert_int_equal(tel_api_client_post_run_async(client, payload, i % 2 ? note : NULL,
                                                       &outcomes, NULL),
                         TEL_OK);
        tel_api_payload_free(payload);
    }
    tel_api_client_free(client); /* waits for what can be sent within the budget */
    peer_stop(peer);
    assert_string_equal(taken.bodies, expected);
    assert_int_equal(outcomes.count, POSTS / 2);
    for (size_t i = 0; i < outcomes.count; i++)
        assert_int_equal(outcomes.errors[i], TEL_OK);
    assert_string_equal(outcomes.message, "exported");
    assert_true(outcomes.signals_were_blocked);
}

static void free__breaks_off_what_does_not_end_and_tells_all(void **state)
{
    struct peer *silent = peer_start(stay_silent, NULL);
    tel_api_client *client = connect_to(peer_url(silent), "1");
    tel_api_payload *payload = payload_called("r");
    struct outcomes outcomes = OUTCOMES();

    (void)state;
    for (int i = 0; i < 3; i++)
        assert_int_equal(tel_api_client_post_run_async(client, payload, note, &outcomes, NULL),
                         TEL_OK);
    tel_api_payload_free(payload);
    tel_api_client_free(client);
    assert_int_equal(outcomes.count, 3);
    assert_true(outcomes.errors[0] == TEL_E_CLOSED || outcomes.errors[0] == TEL_E_SKIPPED);
    assert_int_equal(outcomes.errors[1], TEL_E_SKIPPED);
    assert_int_equal(outcomes.errors[2], TEL_E_SKIPPED);
    peer_stop(silent);
}

static char broken[] = "HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n";

static void free__breaks_off_the_pause_before_another_attempt(void **state)
{
    struct peer *peer = peer_start(peer_answer, broken);
    tel_api_client *client = connect_to(peer_url(peer), "500");
    tel_api_payload *payload = payload_called("r");
    struct outcomes outcomes = OUTCOMES();

    (void)state;
    assert_int_equal(tel_api_client_post_run_async(client, payload, note, &outcomes, NULL), TEL_OK);
    tel_api_payload_free(payload);
    tel_api_client_free(client);
    peer_stop(peer);
    assert_int_equal(outcomes.count, 1);
    assert_true(outcomes.errors[0] == TEL_E_UNAVAILABLE || outcomes.errors[0] == TEL_E_SKIPPED);
}

static void post_run_async__takes_256_at_most(void **state)
{
    struct peer *silent = peer_start(stay_silent, NULL);
    tel_api_client *client = connect_to(peer_url(silent), "1");
    tel_api_payload *payload = payload_called("r");
    tel_fault fault = {0};
    tel_error error = TEL_OK;
    int count = 0;

    (void)state;
    while (!error && count < 1000) {
        error = tel_api_client_post_run_async(client, payload, NULL, NULL, &fault);
        count += !error;
    }
    assert_int_equal(error, TEL_E_BUSY);
    assert_in_range(count, 256, 257); /* and the one under way */
    assert_string_equal(fault.text, "not exported: 256 runs are waiting already");
    tel_api_payload_free(payload);
    tel_api_client_free(client);
    peer_stop(silent);
}

struct again {
    tel_api_client *client;
    tel_api_payload *payload;
    struct outcomes *outcomes;
};

static void post_again_then_free(void *arg, tel_error error, const char *message)
{
    struct again *again = arg;

    (void)message;
    assert_int_equal(error, TEL_OK);
    assert_int_equal(tel_api_client_post_run_async(again->client, again->payload, note,
                                                   again->outcomes, NULL),
                     TEL_OK);
    tel_api_client_free(again->client);
}

static void client__may_be_used_and_freed_by_a_completion(void **state)
{
    struct taken taken = TAKEN();
    struct peer *peer = peer_start(take, &taken);
    struct outcomes outcomes = OUTCOMES();
    struct again again = {.client = connect_to(peer_url(peer), "1"),
                          .payload = payload_called("r"),
                          .outcomes = &outcomes};

    (void)state;
    assert_int_equal(tel_api_client_post_run_async(again.client, again.payload,
                                                   post_again_then_free, &again, NULL),
                     TEL_OK);
    wait_for(&outcomes, 1);
    assert_int_equal(outcomes.errors[0], TEL_E_SKIPPED);
    tel_api_payload_free(again.payload);
    peer_stop(peer);
}

/* ---- Other ends ---------------------------------------------------------------------------------- */

static void forked_child__posts_on_its_own_and_not_what_its_parent_had_waiting(void **state)
{
    struct taken taken = TAKEN();
    struct outcomes outcomes = OUTCOMES();
    struct peer *silent;
    struct peer *peer;
    tel_api_client *parents;
    tel_api_client *client;
    tel_api_payload *payload;
    int status;
    pid_t child;

    (void)state;
    if (!ALLOCATOR_SURVIVES_FORK || !CHILD_MAY_START_THREADS)
        skip();
    silent = peer_start(stay_silent, NULL);
    peer = peer_start(take, &taken);
    parents = connect_to(peer_url(silent), "1");
    client = connect_to(peer_url(peer), "60000");
    payload = payload_called("parent");
    assert_int_equal(tel_api_client_post_run_async(client, payload, note, &outcomes, NULL), TEL_OK);
    wait_for(&outcomes, 1);
    assert_int_equal(tel_api_client_post_run_async(parents, payload, NULL, NULL, NULL), TEL_OK);
    tel_api_payload_free(payload);
    child = fork();
    if (child == 0) {
        payload = payload_called("child");
        if (tel_api_client_post_run_async(client, payload, NULL, NULL, NULL))
            _exit(1);
        tel_api_client_free(client);
        tel_api_client_free(parents); /* would hang if it waited for a thread that is not there */
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    tel_api_client_free(client);
    tel_api_client_free(parents);
    peer_stop(peer);
    peer_stop(silent);
    assert_string_equal(taken.bodies, "{\"run_id\":\"parent\"}{\"run_id\":\"child\"}");
}

static void exit_in_completion(void *arg, tel_error error, const char *message)
{
    (void)arg;
    (void)error;
    (void)message;
    exit(3);
}

/* Run a program of its own, which makes a client of the peer that it starts. */
static int exit_status_of(void (*program)(tel_api_client *client, tel_api_payload *payload),
                          peer_fn *behave, void *arg)
{
    static tel_api_client *client; /* still reachable when the program ends */
    static tel_api_payload *payload;
    int status;
    pid_t child;

    (void)fflush(NULL);
    child = fork();
    if (child == 0) {
        client = connect_to(peer_url(peer_start(behave, arg)), "60000");
        payload = payload_called("r");
        program(client, payload);
        exit(4);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void end_in_completion(tel_api_client *client, tel_api_payload *payload)
{
    (void)tel_api_client_post_run_async(client, payload, exit_in_completion, NULL, NULL);
    for (;;)
        (void)pause();
}

static void end_while_posting(tel_api_client *client, tel_api_payload *payload)
{
    (void)tel_api_client_post_run_async(client, payload, NULL, NULL, NULL);
    (void)tel_api_client_post_run_async(client, payload, NULL, NULL, NULL);
}

static pthread_t freeing;
static sem_t is_breaking_off;

static void *free_when_broken_off(void *client)
{
    (void)sem_wait(&is_breaking_off);
    tel_api_client_free(client);
    return NULL;
}

static void tell_breaking_off(void *arg, tel_error error, const char *message)
{
    (void)arg;
    (void)error;
    (void)message;
    (void)sem_post(&is_breaking_off);
}

static void wait_for_freeing(void)
{
    (void)pthread_join(freeing, NULL);
}

/* At the exit the queue's handler comes first, and breaks off the post while the thread waits for that. */
static void end_while_another_thread_frees(tel_api_client *client, tel_api_payload *payload)
{
    (void)sem_init(&is_breaking_off, 0, 0);
    (void)atexit(wait_for_freeing);
    if (pthread_create(&freeing, NULL, free_when_broken_off, client))
        _exit(5);
    (void)tel_api_client_post_run_async(client, payload, tell_breaking_off, NULL, NULL);
}

static void program__may_end_at_any_time(void **state)
{
    struct taken taken = TAKEN();

    (void)state;
    assert_int_equal(exit_status_of(end_in_completion, take, &taken), 3);
    assert_int_equal(exit_status_of(end_while_posting, stay_silent, NULL), 4);
    for (int i = 0; i < 5; i++) /* either may come first */
        assert_int_equal(exit_status_of(end_while_another_thread_frees, stay_silent, NULL), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        /* Forks, so it comes before there are threads, which the thread sanitizer minds. */
        cmocka_unit_test(program__may_end_at_any_time),
        cmocka_unit_test(post_run_sync__sends_the_payload_and_says_how_it_went),
        cmocka_unit_test(client__is_configured_by_the_environment_and_off_by_default),
        cmocka_unit_test(client__takes_null),
        cmocka_unit_test(post_run_async__sends_all_in_order_and_tells_each_once),
        cmocka_unit_test(free__breaks_off_what_does_not_end_and_tells_all),
        cmocka_unit_test(free__breaks_off_the_pause_before_another_attempt),
        cmocka_unit_test(post_run_async__takes_256_at_most),
        cmocka_unit_test(client__may_be_used_and_freed_by_a_completion),
        cmocka_unit_test(forked_child__posts_on_its_own_and_not_what_its_parent_had_waiting),
    };

    return cmocka_run_group_tests(tests, scratch_set_up, scratch_tear_down);
}
