/* SPDX-License-Identifier: MIT */
#include "support/cmocka_all.h"

#include <semaphore.h>
#include <stdio.h>
#include <sys/resource.h>

#include "base/cleanup.h"
#include "config/config.h"
#include "model/payload.h"
#include "sheets/sheets_queue.h"
#include "support/peer.h"
#include "support/sanitizers.h"

#define PATIENCE_MS 20

/* The first run's end holds up the queue. */
struct turn {
    sem_t came;
    sem_t may_go;
};

static void hold_up(void *arg, tel_error error, const tel_fault *fault)
{
    struct turn *turn = arg;

    (void)error;
    (void)fault;
    (void)sem_post(&turn->came);
    while (sem_wait(&turn->may_go))
        ;
}

struct outcome {
    tel_error error;
    tel_fault fault;
};

static void keep_outcome(void *arg, tel_error error, const tel_fault *fault)
{
    struct outcome *outcome = arg;

    outcome->error = error;
    if (error)
        outcome->fault = *fault;
}

static void take(struct sheets_queue *queue, sheets_done_fn *done, void *arg)
{
    tel_api_payload *payload;

    assert_int_equal(tel_api_payload_from_json(&payload, "{\"run_id\":\"r\"}", NULL), TEL_OK);
    assert_int_equal(sheets_queue_take(queue, payload, done, arg, NULL), TEL_OK);
}

/* The first test: a thread that has ended leaves its stack to the next one. */
static void run__without_a_thread_to_export_it_stays_the_callers(void **state)
{
    const struct sheets_queue_options options = {0};
    struct rlimit before;
    struct rlimit none;
    struct sheets_queue *queue;
    tel_api_payload *payload;
    tel_fault fault = {0};
    tel_error error;

    (void)state;
    if (!MALLOC_MAY_BE_OURS) /* the sanitizers want room for themselves */
        skip();
    assert_int_equal(sheets_queue_new(&queue, &options), TEL_OK);
    assert_int_equal(tel_api_payload_from_json(&payload, "{\"run_id\":\"r\"}", NULL), TEL_OK);
    assert_int_equal(getrlimit(RLIMIT_AS, &before), 0);
    none = before;
    none.rlim_cur = 0; /* more than there is already */
    assert_int_equal(setrlimit(RLIMIT_AS, &none), 0);
    error = sheets_queue_take(queue, payload, keep_outcome, NULL, &fault);
    assert_int_equal(setrlimit(RLIMIT_AS, &before), 0);
    assert_int_equal(error, TEL_E_NOMEM);
    assert_string_equal(fault.text, "not exported: cannot start a thread");
    tel_api_payload_free(payload);
    sheets_queue_free(queue);
}

static void run__that_waited_for_too_long_is_skipped(void **state)
{
    struct peer *peer = peer_start(peer_answer, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    struct sheets_queue_options options = {.patience_ms = PATIENCE_MS};
    struct sheets_queue *queue;
    struct turn turn;
    tel_config *config;
    struct outcome outcome = {0};

    (void)state;
    assert_int_equal(sem_init(&turn.came, 0, 0) | sem_init(&turn.may_go, 0, 0), 0);
    assert_int_equal(tel_config_new(&config), TEL_OK);
    (void)tel_config_set(config, "GOOGLE_SHEETS_API_ENABLED", "true");
    (void)tel_config_set(config, "GOOGLE_SHEETS_API_URL", peer_url(peer));
    options.config = config;
    assert_int_equal(sheets_queue_new(&queue, &options), TEL_OK);
    take(queue, hold_up, &turn);
    while (sem_wait(&turn.came))
        ;
    take(queue, keep_outcome, &outcome);
    deadline_sleep(deadline_in(PATIENCE_MS), PATIENCE_MS);
    (void)sem_post(&turn.may_go);
    sheets_queue_stop(queue, deadline_in(60000));
    assert_int_equal(outcome.error, TEL_E_SKIPPED);
    assert_string_equal(outcome.fault.text, "not exported: too many runs were waiting");
    sheets_queue_free(queue);
    tel_config_free(config);
    peer_stop(peer);
    (void)sem_destroy(&turn.came);
    (void)sem_destroy(&turn.may_go);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(run__without_a_thread_to_export_it_stays_the_callers),
        cmocka_unit_test(run__that_waited_for_too_long_is_skipped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
