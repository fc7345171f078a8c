/* SPDX-License-Identifier: MIT */
#include "support/cmocka_all.h"

#include <errno.h>

#include "base/condition.h"

struct signalled {
    pthread_mutex_t mutex;
    pthread_cond_t condition;
    bool is_set;
};

static void *set(void *arg)
{
    struct signalled *signalled = arg;

    (void)pthread_mutex_lock(&signalled->mutex);
    signalled->is_set = true;
    (void)pthread_cond_signal(&signalled->condition);
    (void)pthread_mutex_unlock(&signalled->mutex);
    return NULL;
}

static void condition_wait__ends_when_signalled_or_at_the_deadline(void **state)
{
    struct signalled signalled = {.mutex = PTHREAD_MUTEX_INITIALIZER};
    struct deadline deadline = deadline_in(60000);
    pthread_t thread;

    (void)state;
    assert_int_equal(condition_init(&signalled.condition), 0);
    (void)pthread_mutex_lock(&signalled.mutex);
    assert_int_equal(condition_wait(&signalled.condition, &signalled.mutex, deadline_in(0)),
                     ETIMEDOUT);
    assert_int_equal(pthread_create(&thread, NULL, set, &signalled), 0);
    while (!signalled.is_set)
        assert_int_equal(condition_wait(&signalled.condition, &signalled.mutex, deadline), 0);
    (void)pthread_mutex_unlock(&signalled.mutex);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(pthread_cond_destroy(&signalled.condition), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(condition_wait__ends_when_signalled_or_at_the_deadline),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
