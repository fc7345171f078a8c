/* SPDX-License-Identifier: MIT */
#include "support/cmocka_all.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "deliver/fd_window.h"

#define THREADS 4
#define ROUNDS 50
#define PATIENCE_SECONDS 60

/* Make a pair as libcurl does, in a window. Was it found, and no other? It stays open: what is closed
 * meanwhile gives others a number below their windows. */
static bool finds_its_own(void)
{
    struct fd_window window = fd_window_open();
    int made[2];
    int found[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, made))
        made[0] = made[1] = -1;
    fd_window_close(&window, found);
    return made[0] >= 0 && found[0] == made[0] && found[1] == made[1] &&
           fcntl(made[0], F_GETFD) == FD_CLOEXEC && fcntl(made[1], F_GETFD) == FD_CLOEXEC;
}

static void *make_pairs(void *arg)
{
    for (int i = 0; i < ROUNDS; i++) {
        if (!finds_its_own())
            return arg;
    }
    return NULL;
}

static void fd_window__tells_the_pairs_of_threads_apart(void **state)
{
    pthread_t threads[THREADS];
    void *failed;

    (void)state;
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, make_pairs, threads), 0);
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
}

static void fd_window__that_is_open_at_a_fork_is_not_waited_for_by_the_child(void **state)
{
    struct fd_window window = fd_window_open();
    int pair[2];
    int status;
    pid_t child = fork();

    (void)state;
    if (child == 0) {
        (void)alarm(PATIENCE_SECONDS);
        _exit(finds_its_own() ? 0 : 1);
    }
    fd_window_close(&window, pair);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fd_window__tells_the_pairs_of_threads_apart),
        cmocka_unit_test(fd_window__that_is_open_at_a_fork_is_not_waited_for_by_the_child),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
