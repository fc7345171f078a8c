/* SPDX-License-Identifier: MIT */
#include "support/cmocka_all.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "deliver/kept_fd.h"
#include "support/scratch.h"

static char *directory;
static char *path;
static struct kept_fd file;

static int setup(void **state)
{
    (void)state;
    directory = scratch_make();
    path = scratch_path(directory, "kept");
    return kept_fd_open(&file, path, O_RDWR | O_CREAT, FILE_OWNER_ONLY, NULL, NULL);
}

static int teardown(void **state)
{
    (void)state;
    kept_fd_close(&file);
    free(path);
    scratch_remove(directory);
    return 0;
}

/* As a daemon does that closes all descriptors and then opens its own. */
static int take_its_number(const char *other)
{
    int number = file.fd;

    assert_int_equal(close(number), 0);
    assert_int_equal(open(other, O_RDWR | O_CREAT | O_CLOEXEC, 0600), number);
    return number;
}

static bool is_locked(void)
{
    CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);

    return flock(fd, LOCK_EX | LOCK_NB) != 0;
}

static void kept_fd_is_at__its_path_until_that_names_something_else(void **state)
{
    CLEANUP(freep) char *moved = scratch_path(directory, "moved");
    int number = file.fd;

    (void)state;
    assert_true(kept_fd_is_at(&file, path));
    assert_int_equal(rename(path, moved), 0);
    assert_false(kept_fd_is_at(&file, path));
    assert_true(kept_fd_is_at(&file, moved));
    scratch_write(path, "another");
    assert_false(kept_fd_is_at(&file, path));
    kept_fd_close(&file);
    assert_true(fcntl(number, F_GETFD) < 0);
    assert_false(kept_fd_is_at(&file, moved));
}

static void kept_fd__whose_number_the_host_has_taken_is_left_alone(void **state)
{
    CLEANUP(freep) char *other = scratch_path(directory, "other");
    CLEANUP(closep) int hosts = take_its_number(other);

    (void)state;
    assert_int_equal(flock(hosts, LOCK_EX), 0);
    assert_false(kept_fd_is_at(&file, path));
    assert_false(kept_fd_is_at(&file, other));
    kept_fd_release(&file);
    assert_int_equal(file.fd, -1);
    assert_true(fcntl(hosts, F_GETFD) >= 0);
    free(path);
    path = strdup(other);
    assert_true(is_locked());
}

static void kept_fd_close__in_a_forked_child_leaves_the_lock(void **state)
{
    int number = file.fd;
    pid_t child;
    int status;

    (void)state;
    assert_int_equal(flock(file.fd, LOCK_EX), 0);
    child = fork();
    if (child == 0) {
        kept_fd_close(&file);
        _exit(is_locked() ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    kept_fd_release(&file);
    assert_false(is_locked());
    assert_true(fcntl(number, F_GETFD) < 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(kept_fd_is_at__its_path_until_that_names_something_else),
        TEST(kept_fd__whose_number_the_host_has_taken_is_left_alone),
        TEST(kept_fd_close__in_a_forked_child_leaves_the_lock),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
