/* SPDX-License-Identifier: MIT
 *
 * Each test runs with the signals at their default, which ends the process: surviving is the proof.
 */
#include "support/cmocka_all.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/host.h"
#include "support/scratch.h"

static bool is_pending(int signal_number)
{
    sigset_t pending;

    assert_int_equal(sigpending(&pending), 0);
    return sigismember(&pending, signal_number) == 1;
}

static bool is_blocked(int signal_number)
{
    sigset_t mask;

    assert_int_equal(pthread_sigmask(SIG_BLOCK, NULL, &mask), 0);
    return sigismember(&mask, signal_number) == 1;
}

static void write_to_closed_pipe(void)
{
    int ends[2];

    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    (void)close(ends[0]);
    assert_int_equal(write(ends[1], "x", 1), -1);
    assert_int_equal(errno, EPIPE);
    (void)close(ends[1]);
}

static void protected_write_to_closed_pipe(void)
{
    CLEANUP(host_restore) struct host_state host = host_protect();

    write_to_closed_pipe();
}

static void host__survives_a_closed_pipe_and_keeps_errno_and_mask(void **state)
{
    (void)state;
    errno = 77;
    protected_write_to_closed_pipe();
    assert_int_equal(errno, 77);
    assert_false(is_pending(SIGPIPE));
    assert_false(is_blocked(SIGPIPE));
    assert_false(is_blocked(SIGXFSZ));
}

static void host__may_be_protected_twice(void **state)
{
    (void)state;
    {
        CLEANUP(host_restore) struct host_state host = host_protect();

        protected_write_to_closed_pipe();
        assert_true(is_blocked(SIGPIPE));
        write_to_closed_pipe();
    }
    assert_false(is_pending(SIGPIPE));
    assert_false(is_blocked(SIGPIPE));
}

static void host__lets_a_signal_be_that_was_pending_before(void **state)
{
    sigset_t set;
    sigset_t old;
    int taken;

    (void)state;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGPIPE);
    assert_int_equal(pthread_sigmask(SIG_BLOCK, &set, &old), 0);
    assert_int_equal(pthread_kill(pthread_self(), SIGPIPE), 0);
    protected_write_to_closed_pipe();
    assert_true(is_pending(SIGPIPE));
    assert_true(is_blocked(SIGPIPE));
    assert_int_equal(sigwait(&set, &taken), 0);
    assert_int_equal(taken, SIGPIPE);
    assert_int_equal(pthread_sigmask(SIG_SETMASK, &old, NULL), 0);
}

/* In a child, since a limit cannot be taken back by everyone. Returns 0 when all was as it should. */
static int write_beyond_limit(const char *path)
{
    const struct rlimit limit = {16, 16};
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    if (fd < 0 || setrlimit(RLIMIT_FSIZE, &limit))
        return 1;
    errno = 77;
    {
        CLEANUP(host_restore) struct host_state host = host_protect();

        if (write(fd, "0123456789abcdef", 16) != 16)
            return 2;
        if (write(fd, "x", 1) != -1 || errno != EFBIG)
            return 3;
    }
    if (errno != 77 || is_pending(SIGXFSZ) || is_blocked(SIGXFSZ))
        return 4;
    return 0;
}

static void host__survives_a_file_size_limit(void **state)
{
    char *directory = scratch_make();
    char *path = scratch_path(directory, "file");
    pid_t child = fork();
    int status = 0;

    (void)state;
    assert_true(child >= 0);
    if (child == 0)
        _exit(write_beyond_limit(path));
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    free(path);
    scratch_remove(directory);
}

static int cancel_state(void)
{
    int state;
    int now;

    assert_int_equal(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state), 0);
    assert_int_equal(pthread_setcancelstate(state, &now), 0);
    return state;
}

static void host__is_not_cancelled_in_the_middle(void **state)
{
    (void)state;
    for (int before = 0; before <= 1; before++) {
        int expected = before ? PTHREAD_CANCEL_ENABLE : PTHREAD_CANCEL_DISABLE;

        assert_int_equal(pthread_setcancelstate(expected, NULL), 0);
        {
            CLEANUP(host_restore) struct host_state host = host_protect();

            assert_int_equal(cancel_state(), PTHREAD_CANCEL_DISABLE);
        }
        assert_int_equal(cancel_state(), expected);
    }
}

static int default_signals(void **state)
{
    (void)state;
    return signal(SIGPIPE, SIG_DFL) == SIG_ERR || signal(SIGXFSZ, SIG_DFL) == SIG_ERR;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(host__survives_a_closed_pipe_and_keeps_errno_and_mask),
        cmocka_unit_test(host__may_be_protected_twice),
        cmocka_unit_test(host__lets_a_signal_be_that_was_pending_before),
        cmocka_unit_test(host__survives_a_file_size_limit),
        cmocka_unit_test(host__is_not_cancelled_in_the_middle),
    };

    return cmocka_run_group_tests(tests, default_signals, NULL);
}
