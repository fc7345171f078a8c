/* SPDX-License-Identifier: MIT */
#include "support/cmocka_all.h"

#include <stdio.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "store/lock.h"
#include "support/scratch.h"

struct place {
    char *directory;
    char *path;
};

static int setup(void **state)
{
    struct place *place = calloc(1, sizeof *place);

    if (!place)
        return -1;
    place->directory = scratch_make();
    place->path = scratch_path(place->directory, "db/writer.lock");
    *state = place;
    return 0;
}

static int teardown(void **state)
{
    struct place *place = *state;

    free(place->path);
    scratch_remove(place->directory);
    free(place);
    return 0;
}

static tel_error take(struct writer_lock *lock, const char *path, tel_fault *fault)
{
    return writer_lock_take(lock, path, FILE_OWNER_ONLY, deadline_in(0), fault);
}

static void writer_lock_take__says_in_the_file_who_has_it(void **state)
{
    struct place *place = *state;
    struct writer_lock lock = WRITER_LOCK();
    CLEANUP(freep) char *content = NULL;
    struct stat status;
    char holder[40];

    assert_int_equal(take(&lock, place->path, NULL), TEL_OK);
    assert_true(lock.fd >= 0);
    content = scratch_read(place->path);
    (void)snprintf(holder, sizeof holder, "pid %ld on host ", (long)getpid());
    assert_memory_equal(content, holder, strlen(holder));
    assert_int_equal(stat(place->path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    writer_lock_release(&lock);
    assert_int_equal(lock.fd, -1);
}

static void writer_lock_take__is_busy_and_names_the_holder_while_another_has_it(void **state)
{
    struct place *place = *state;
    struct writer_lock first = WRITER_LOCK();
    struct writer_lock second = WRITER_LOCK();
    tel_fault fault = {0};
    char holder[40];

    assert_int_equal(take(&first, place->path, NULL), TEL_OK);
    assert_int_equal(take(&second, place->path, &fault), TEL_E_BUSY);
    (void)snprintf(holder, sizeof holder, "locked by pid %ld on host ", (long)getpid());
    assert_non_null(strstr(fault.text, holder));
    assert_non_null(strstr(fault.text, place->path));
    assert_int_equal(second.fd, -1);
    writer_lock_release(&first);
    assert_int_equal(take(&second, place->path, NULL), TEL_OK);
    writer_lock_release(&second);
}

static void writer_lock_take__waits_for_the_holder_until_the_deadline(void **state)
{
    struct place *place = *state;
    struct writer_lock lock = WRITER_LOCK();
    int ready[2];
    char byte;
    pid_t pid;

    assert_int_equal(pipe(ready), 0);
    pid = fork();
    if (pid == 0) {
        bool taken = take(&lock, place->path, NULL) == TEL_OK;

        (void)!write(ready[1], "x", 1);
        (void)usleep(100000);
        _exit(taken ? 0 : 1); /* the lock goes with the process */
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(writer_lock_take(&lock, place->path, FILE_OWNER_ONLY, deadline_in(20000),
                                      NULL),
                     TEL_OK);
    writer_lock_release(&lock);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    (void)close(ready[0]);
    (void)close(ready[1]);
}

static void writer_lock_take__does_not_mind_what_a_dead_holder_left(void **state)
{
    struct place *place = *state;
    struct writer_lock lock = WRITER_LOCK();
    CLEANUP(freep) char *content = NULL;
    char long_text[600];

    assert_int_equal(take(&lock, place->path, NULL), TEL_OK);
    writer_lock_release(&lock);
    memset(long_text, 'x', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    scratch_write(place->path, long_text);
    assert_int_equal(take(&lock, place->path, NULL), TEL_OK);
    content = scratch_read(place->path);
    assert_null(strchr(content, 'x'));
    assert_int_equal(count_lines(content), 1);
    writer_lock_release(&lock);
}

static void writer_lock_take__prints_no_control_characters_from_the_file(void **state)
{
    struct place *place = *state;
    struct writer_lock first = WRITER_LOCK();
    struct writer_lock second = WRITER_LOCK();
    tel_fault fault = {0};

    assert_int_equal(take(&first, place->path, NULL), TEL_OK);
    scratch_write(place->path, "pid 1\033[2J\nforged line");
    assert_int_equal(take(&second, place->path, &fault), TEL_E_BUSY);
    assert_null(strpbrk(fault.text, "\033\n"));
    assert_non_null(strstr(fault.text, "locked by pid 1"));
    scratch_write(place->path, "");
    assert_int_equal(take(&second, place->path, &fault), TEL_E_BUSY);
    assert_non_null(strstr(fault.text, "locked by another process"));
    writer_lock_release(&first);
}

static void writer_lock_take__touches_nothing_that_is_no_file_of_its_own(void **state)
{
    struct place *place = *state;
    struct writer_lock lock = WRITER_LOCK();
    CLEANUP(freep) char *target = scratch_path(place->directory, "target");
    CLEANUP(freep) char *fifo = scratch_path(place->directory, "fifo");
    CLEANUP(freep) char *link_path = scratch_path(place->directory, "link");
    CLEANUP(freep) char *below_file = scratch_path(place->directory, "target/lock");
    CLEANUP(freep) char *content = NULL;
    tel_fault fault = {0};

    scratch_write(target, "precious");
    assert_int_equal(symlink(target, link_path), 0);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    assert_int_equal(take(&lock, link_path, &fault), TEL_E_CORRUPT);
    assert_non_null(strstr(fault.text, link_path));
    assert_int_equal(take(&lock, fifo, NULL), TEL_E_CORRUPT);
    assert_int_equal(take(&lock, place->directory, NULL), TEL_E_CORRUPT);
    assert_int_equal(take(&lock, below_file, NULL), TEL_E_IO);
    assert_int_equal(lock.fd, -1);
    content = scratch_read(target);
    assert_string_equal(content, "precious");
}

/* Some file systems of other machines have no locks. */
static int flock_error;

TEL_API int flock(int fd, int operation)
{
    errno = flock_error;
    return flock_error ? -1 : (int)syscall(SYS_flock, fd, operation);
}

static void writer_lock_take__says_so_where_there_are_no_locks(void **state)
{
    struct place *place = *state;
    struct writer_lock lock = WRITER_LOCK();
    CLEANUP(freep) char *content = NULL;
    tel_fault fault = {0};

    flock_error = ENOLCK;
    assert_int_equal(take(&lock, place->path, &fault), TEL_E_IO);
    flock_error = 0;
    assert_int_equal(lock.fd, -1);
    assert_non_null(strstr(fault.text, "cannot lock"));
    assert_non_null(strstr(fault.text, place->path));
    content = scratch_read(place->path);
    assert_string_equal(content, "");
    assert_int_equal(take(&lock, place->path, &fault), TEL_OK);
    writer_lock_release(&lock);
}

static void writer_lock_take__shares_the_file_with_the_group_when_asked(void **state)
{
    struct place *place = *state;
    struct writer_lock lock = WRITER_LOCK();
    struct stat status;

    assert_int_equal(writer_lock_take(&lock, place->path, FILE_GROUP_TOO, deadline_in(0), NULL),
                     TEL_OK);
    assert_int_equal(stat(place->path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0660);
    writer_lock_release(&lock);
}

static void writer_lock_release__does_nothing_when_it_is_not_held(void **state)
{
    struct writer_lock lock = WRITER_LOCK();

    (void)state;
    writer_lock_release(&lock);
    writer_lock_release(&lock);
    assert_int_equal(lock.fd, -1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(writer_lock_take__says_in_the_file_who_has_it),
        TEST(writer_lock_take__is_busy_and_names_the_holder_while_another_has_it),
        TEST(writer_lock_take__waits_for_the_holder_until_the_deadline),
        TEST(writer_lock_take__does_not_mind_what_a_dead_holder_left),
        TEST(writer_lock_take__prints_no_control_characters_from_the_file),
        TEST(writer_lock_take__touches_nothing_that_is_no_file_of_its_own),
        TEST(writer_lock_take__shares_the_file_with_the_group_when_asked),
        TEST(writer_lock_take__says_so_where_there_are_no_locks),
        TEST(writer_lock_release__does_nothing_when_it_is_not_held),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
