/* SPDX-License-Identifier: MIT */
#include "client/courier.h"

#include <errno.h>
#include <signal.h>

#include "base/condition.h"

#define STACK_BYTES ((size_t)512 * 1024)

void courier_init(struct courier *courier, courier_work_fn *work, courier_close_fn *close,
                  void *arg)
{
    *courier = (struct courier){.work = work, .close = close, .arg = arg};
    (void)condition_init(&courier->changed);
    (void)pthread_mutex_init(&courier->mutex, NULL);
}

/* ---- The thread ------------------------------------------------------------------------------ */

/* Sleep until there is work, or for so long (negative: for ever). */
static void sleep_for(struct courier *courier, int64_t ms)
{
    struct deadline deadline = deadline_in(ms < 0 ? 0 : ms);
    int error = 0;

    while (!courier->has_work && !courier_is_stopping(courier) && !error)
        error = ms < 0 ? pthread_cond_wait(&courier->changed, &courier->mutex)
                       : condition_wait(&courier->changed, &courier->mutex, deadline);
}

static void *run(void *arg)
{
    struct courier *courier = arg;
    int64_t pause_ms = -1;
    bool is_left;

    (void)pthread_setname_np(pthread_self(), "telemetry");
    (void)pthread_mutex_lock(&courier->mutex);
    for (;;) {
        sleep_for(courier, pause_ms);
        if (courier_is_stopping(courier))
            break;
        courier->has_work = false;
        (void)pthread_mutex_unlock(&courier->mutex);
        pause_ms = courier->work(courier->arg);
        (void)pthread_mutex_lock(&courier->mutex);
    }
    courier->is_running = false;
    is_left = courier->is_left;
    (void)pthread_cond_broadcast(&courier->changed);
    (void)pthread_mutex_unlock(&courier->mutex);
    if (is_left)
        courier->close(courier->arg);
    return NULL;
}

/* Threads inherit the mask: all signals are the host's threads' to take. */
static bool create(struct courier *courier)
{
    pthread_attr_t attributes;
    sigset_t all;
    sigset_t before;
    int error;

    if (pthread_attr_init(&attributes))
        return false;
    (void)pthread_attr_setstacksize(&attributes, STACK_BYTES);
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    error = pthread_create(&courier->thread, &attributes, run, courier);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    (void)pthread_attr_destroy(&attributes);
    return !error;
}

/* ---- Its master ------------------------------------------------------------------------------ */

bool courier_start(struct courier *courier)
{
    bool is_started;

    (void)pthread_mutex_lock(&courier->mutex);
    if (!courier->is_started && !courier_is_stopping(courier))
        courier->is_started = courier->is_running = create(courier);
    is_started = courier->is_started;
    (void)pthread_mutex_unlock(&courier->mutex);
    return is_started;
}

void courier_wake(struct courier *courier)
{
    (void)pthread_mutex_lock(&courier->mutex);
    courier->has_work = true;
    (void)pthread_cond_broadcast(&courier->changed);
    (void)pthread_mutex_unlock(&courier->mutex);
}

bool courier_is_stopping(struct courier *courier)
{
    return atomic_load(&courier->is_stopping);
}

bool courier_stop(struct courier *courier, struct deadline deadline)
{
    pthread_t thread;
    bool is_started;
    bool is_left;
    int error = 0;

    (void)pthread_mutex_lock(&courier->mutex);
    atomic_store(&courier->is_stopping, true);
    (void)pthread_cond_broadcast(&courier->changed);
    thread = courier->thread;
    is_started = courier->is_started;
    if (is_started && pthread_equal(thread, pthread_self()))
        error = EDEADLK;
    while (courier->is_running && !error)
        error = condition_wait(&courier->changed, &courier->mutex, deadline);
    is_left = courier->is_left = courier->is_running;
    if (is_left)
        (void)pthread_detach(thread);
    (void)pthread_mutex_unlock(&courier->mutex);
    if (is_started && !is_left)
        (void)pthread_join(thread, NULL);
    return !is_left;
}
