/* SPDX-License-Identifier: MIT */
#include "support/cmocka_all.h"

#include <sys/epoll.h>
#include <unistd.h>

#include "http/gzip.h"
#include "http/logger.h"
#include "http/rest.h"
#include "support/together.h"

static void count(void *arg)
{
    ++*(size_t *)arg;
}

static void rest_later__is_for_threads_that_wait_for_requests(void **state)
{
    size_t calls = 0;

    (void)state;
    rest_now();
    assert_false(rest_later(count, &calls));
    rest_before_waiting();
    assert_int_equal(calls, 0);
    assert_true(rest_later(count, &calls));
    rest_now();
    assert_int_equal(calls, 1);
    assert_true(rest_later(count, &calls));
    rest_before_waiting();
    assert_int_equal(calls, 2);
}

static void rest__lets_go_once_of_what_was_given_last(void **state)
{
    size_t calls[2] = {0};

    (void)state;
    rest_before_waiting();
    assert_true(rest_later(count, &calls[0]));
    assert_true(rest_later(count, &calls[1]));
    rest_now();
    rest_now();
    rest_before_waiting();
    assert_int_equal(calls[0], 0);
    assert_int_equal(calls[1], 1);
}

/* By the function that the HTTP library calls, which is ours. */
static void rest__comes_before_a_thread_waits(void **state)
{
    int fd = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event events[2];
    size_t calls = 0;

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(epoll_wait(fd, events, 2, 0), 0);
        assert_int_equal(calls, i);
        assert_true(rest_later(count, &calls));
    }
    assert_int_equal(close(fd), 0);
    rest_now();
}

static void rest__comes_before_a_body_is_packed_or_unpacked(void **state)
{
    struct strbuf packed = STRBUF(1000);
    struct strbuf unpacked = STRBUF(1000);
    size_t calls = 0;

    (void)state;
    rest_before_waiting();
    assert_true(rest_later(count, &calls));
    gzip_pack(&packed, "text", 4);
    assert_int_equal(calls, 1);
    assert_true(rest_later(count, &calls));
    assert_int_equal(gzip_unpack(&unpacked, packed.text, packed.length, NULL), TEL_OK);
    assert_int_equal(calls, 2);
    strbuf_clear(&packed);
    strbuf_clear(&unpacked);
}

/* Whoever should take the log may be slow. */
static void rest__comes_before_a_line_of_the_log(void **state)
{
    struct logger logger = {.level = TEL_LOG_ERROR};
    size_t calls = 0;

    (void)state;
    rest_before_waiting();
    assert_true(rest_later(count, &calls));
    logger_event(&logger, TEL_LOG_WARNING, "is not written", NULL);
    assert_int_equal(calls, 0);
    logger_event(&logger, TEL_LOG_ERROR, "is written", NULL);
    assert_int_equal(calls, 1);
}

static void keep_and_rest(void *arg, size_t number)
{
    size_t *calls = (size_t *)arg + number;

    for (int i = 0; i < 1000; i++) {
        rest_before_waiting();
        if (rest_later(count, calls))
            rest_now();
    }
}

static void rest__concerns_its_own_thread_alone(void **state)
{
    size_t calls[3] = {0};

    (void)state;
    rest_before_waiting();
    assert_true(rest_later(count, &calls[2]));
    together(2, keep_and_rest, calls);
    assert_int_equal(calls[0], 1000);
    assert_int_equal(calls[1], 1000);
    assert_int_equal(calls[2], 0);
    rest_now();
    assert_int_equal(calls[2], 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rest_later__is_for_threads_that_wait_for_requests),
        cmocka_unit_test(rest__lets_go_once_of_what_was_given_last),
        cmocka_unit_test(rest__comes_before_a_thread_waits),
        cmocka_unit_test(rest__comes_before_a_body_is_packed_or_unpacked),
        cmocka_unit_test(rest__comes_before_a_line_of_the_log),
        cmocka_unit_test(rest__concerns_its_own_thread_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
