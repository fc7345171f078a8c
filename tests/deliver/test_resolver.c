/* SPDX-License-Identifier: MIT
 *
 * A name server that hangs. It is played by the getaddrinfo() below, which libcurl finds in this
 * program before it finds the C library's.
 */
#include "support/cmocka_all.h"

#include <dlfcn.h>
#include <netdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/clock.h"
#include "deliver/http.h"

#define HUNG_NAME "telemetry.hung.example"
#define BUDGET_MS 200
#define GIVE_UP_MS 20000

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t is_over = PTHREAD_COND_INITIALIZER;
static bool over;
static atomic_int asked, answered;

static void hang(void)
{
    atomic_fetch_add(&asked, 1);
    (void)pthread_mutex_lock(&mutex);
    while (!over)
        (void)pthread_cond_wait(&is_over, &mutex);
    (void)pthread_mutex_unlock(&mutex);
    atomic_fetch_add(&answered, 1);
}

static void wake_up(void)
{
    (void)pthread_mutex_lock(&mutex);
    over = true;
    (void)pthread_cond_broadcast(&is_over);
    (void)pthread_mutex_unlock(&mutex);
}

typedef int resolver(const char *, const char *, const struct addrinfo *, struct addrinfo **);

TEL_API int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                        struct addrinfo **out)
{
    void *found = dlsym(RTLD_NEXT, "getaddrinfo");
    resolver *next;

    if (name && strcmp(name, HUNG_NAME) == 0) {
        hang();
        return EAI_AGAIN;
    }
    memcpy(&next, &found, sizeof next);
    return next(name, service, hints, out);
}

static void resolver__that_hangs_costs_the_budget_at_most(void **state)
{
    struct http_options options = {.url = "http://" HUNG_NAME ":8765"};
    struct http_response response = {0};
    struct http *http = NULL;
    int64_t start_ms = clock_monotonic_ms();
    tel_fault fault = {0};

    (void)state;
    assert_int_equal(http_new(&http, &options, NULL), TEL_OK);
    for (int i = 0; i < 3; i++)
        assert_int_equal(http_send(http, "POST", "/", "{}", deadline_in(BUDGET_MS), &response,
                                   &fault),
                         TEL_E_UNAVAILABLE);
    http_free(http); /* does not wait for it either */
    assert_true(clock_monotonic_ms() - start_ms < GIVE_UP_MS);
    assert_true(atomic_load(&asked) > 0);
    assert_int_equal(atomic_load(&answered), 0);
    wake_up();
    while (atomic_load(&answered) < atomic_load(&asked))
        deadline_sleep(deadline_in(10), 10);
    deadline_sleep(deadline_in(100), 100); /* its thread ends, and frees what it has */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resolver__that_hangs_costs_the_budget_at_most),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
