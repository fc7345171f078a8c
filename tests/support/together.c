/* SPDX-License-Identifier: MIT */
#include "support/together.h"

#include "support/cmocka_all.h"

#include <pthread.h>

#define THREADS_MAX 64

struct start {
    together_fn *work;
    void *arg;
    pthread_barrier_t barrier;
};

struct worker {
    pthread_t thread;
    struct start *start;
    size_t number;
};

static void *run(void *arg)
{
    const struct worker *worker = arg;

    (void)pthread_barrier_wait(&worker->start->barrier);
    worker->start->work(worker->start->arg, worker->number);
    return NULL;
}

void together(size_t count, together_fn *work, void *arg)
{
    struct start start = {.work = work, .arg = arg};
    struct worker workers[THREADS_MAX];

    assert_in_range(count, 1, THREADS_MAX);
    assert_int_equal(pthread_barrier_init(&start.barrier, NULL, (unsigned)count), 0);
    for (size_t i = 0; i < count; i++) {
        workers[i] = (struct worker){.start = &start, .number = i};
        assert_int_equal(pthread_create(&workers[i].thread, NULL, run, &workers[i]), 0);
    }
    for (size_t i = 0; i < count; i++)
        assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
    (void)pthread_barrier_destroy(&start.barrier);
}
