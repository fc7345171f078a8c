/* SPDX-License-Identifier: MIT */
#include "support/cmocka_all.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "support/scratch.h"

static char *directory;

static int setup(void **state)
{
    (void)state;
    directory = scratch_make();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    scratch_remove(directory);
    return 0;
}

static mode_t mode_of(const char *path)
{
    struct stat status;

    assert_int_equal(lstat(path, &status), 0);
    return status.st_mode & 07777;
}

/* ---- Paths ------------------------------------------------------------------------------------- */

static void check_join(const char *a, const char *b, const char *expected)
{
    CLEANUP(freep) char *path = path_join(a, b);

    assert_string_equal(path, expected);
}

static void check_directory(const char *path, const char *expected)
{
    CLEANUP(freep) char *parent = path_directory(path);

    assert_string_equal(parent, expected);
}

static void path__is_joined_with_one_slash_and_taken_apart(void **state)
{
    (void)state;
    check_join("/a", "b", "/a/b");
    check_join("/a//", "b", "/a/b");
    check_join("a", "b", "a/b");
    check_join("/", "b", "/b");
    check_directory("/a/b", "/a");
    check_directory("/a", "/");
    check_directory("a", ".");
    check_directory("a/b/c", "a/b");
}

/* ---- Directories ------------------------------------------------------------------------------- */

static void check_made(mode_t mask, enum file_access access, mode_t expected)
{
    CLEANUP(freep) char *outer = path_join(directory, "outer");
    CLEANUP(freep) char *inner = path_join(outer, "inner");
    mode_t old = umask(mask);
    tel_error error = directory_make(inner, access, NULL);

    (void)umask(old);
    assert_int_equal(error, TEL_OK);
    assert_int_equal(mode_of(outer), expected);
    assert_int_equal(mode_of(inner), expected);
    assert_int_equal(rmdir(inner), 0);
    assert_int_equal(rmdir(outer), 0);
}

static void directory_make__sets_the_mode_whatever_the_umask_is(void **state)
{
    (void)state;
    check_made(0, FILE_OWNER_ONLY, 0700);
    check_made(077, FILE_OWNER_ONLY, 0700);
    check_made(0777, FILE_OWNER_ONLY, 0700);
    check_made(0, FILE_GROUP_TOO, 0770);
    check_made(077, FILE_GROUP_TOO, 0770);
}

static void directory_make__lets_an_existing_one_be(void **state)
{
    CLEANUP(freep) char *slashes = path_join(directory, "/a//b/");

    (void)state;
    assert_int_equal(chmod(directory, 0755), 0);
    assert_int_equal(directory_make(directory, FILE_OWNER_ONLY, NULL), TEL_OK);
    assert_int_equal(mode_of(directory), 0755);
    assert_int_equal(directory_make(slashes, FILE_OWNER_ONLY, NULL), TEL_OK);
    assert_int_equal(directory_make(slashes, FILE_OWNER_ONLY, NULL), TEL_OK);
    assert_int_equal(directory_make("/", FILE_OWNER_ONLY, NULL), TEL_OK);
    assert_int_equal(directory_make("", FILE_OWNER_ONLY, NULL), TEL_E_INVALID);
}

static void directory_make__names_what_stands_in_the_way(void **state)
{
    CLEANUP(freep) char *file = path_join(directory, "file");
    CLEANUP(freep) char *below = path_join(file, "below");
    tel_fault fault;

    (void)state;
    scratch_write(file, "x");
    assert_int_equal(directory_make(below, FILE_OWNER_ONLY, &fault), TEL_E_IO);
    assert_non_null(strstr(fault.text, file));
    assert_int_equal(directory_make(file, FILE_OWNER_ONLY, &fault), TEL_E_IO);
    assert_int_equal(directory_make("/proc/none", FILE_OWNER_ONLY, NULL), TEL_E_IO);
    assert_int_equal(directory_sync(file, &fault), TEL_E_IO);
    assert_int_equal(directory_sync(below, &fault), TEL_E_IO);
}

static bool is_wanted(const char *name)
{
    return *name != '.' && strcmp(name, "base") != 0;
}

static int add_name(void *arg, const char *name)
{
    char *names = arg;

    assert_true(strlen(names) + strlen(name) < 90);
    (void)snprintf(names + strlen(names), 100 - strlen(names), "%s ", name);
    return strcmp(name, "stop") == 0;
}

static void directory_each__hands_on_what_is_wanted_in_byte_order_until_told_to_stop(void **state)
{
    static const char *const made[] = {"b", "a", ".hidden", "B", "a1", "stop", "z"};
    char names[100] = "";

    (void)state;
    for (size_t i = 0; i < sizeof made / sizeof *made; i++) {
        CLEANUP(freep) char *path = path_join(directory, made[i]);

        scratch_write(path, "");
    }
    assert_int_equal(directory_each(directory, is_wanted, add_name, names, NULL), TEL_OK);
    assert_string_equal(names, "B a a1 b stop ");
}

static void directory_each__takes_a_missing_directory_as_empty_but_not_a_file(void **state)
{
    CLEANUP(freep) char *path = path_join(directory, "x");
    char names[100] = "";
    tel_fault fault;

    (void)state;
    assert_int_equal(directory_each(path, is_wanted, add_name, names, NULL), TEL_OK);
    scratch_write(path, "");
    assert_int_equal(directory_each(path, is_wanted, add_name, names, &fault), TEL_E_IO);
    assert_non_null(strstr(fault.text, path));
    assert_string_equal(names, "");
}

/* ---- Opening ----------------------------------------------------------------------------------- */

static void check_created(mode_t mask, enum file_access access, mode_t expected)
{
    CLEANUP(freep) char *path = path_join(directory, "file");
    CLEANUP(closep) int fd = -1;
    bool created = false;
    mode_t old = umask(mask);
    tel_error error = file_open(&fd, path, O_WRONLY | O_CREAT, access, &created, NULL);

    (void)umask(old);
    assert_int_equal(error, TEL_OK);
    assert_true(created);
    assert_int_equal(mode_of(path), expected);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    assert_int_equal(unlink(path), 0);
}

static void file_open__sets_the_mode_whatever_the_umask_is(void **state)
{
    (void)state;
    check_created(0, FILE_OWNER_ONLY, 0600);
    check_created(077, FILE_OWNER_ONLY, 0600);
    check_created(0777, FILE_OWNER_ONLY, 0600);
    check_created(0, FILE_GROUP_TOO, 0660);
    check_created(077, FILE_GROUP_TOO, 0660);
}

static void file_open__tells_whether_it_made_the_file(void **state)
{
    CLEANUP(freep) char *path = path_join(directory, "file");
    CLEANUP(closep) int fd = -1;
    bool created = true;

    (void)state;
    assert_int_equal(file_open(&fd, path, O_RDONLY, FILE_OWNER_ONLY, &created, NULL),
                     TEL_E_NOT_FOUND);
    assert_int_equal(fd, -1);
    scratch_write(path, "old");
    assert_int_equal(file_open(&fd, path, O_WRONLY | O_CREAT, FILE_OWNER_ONLY, &created, NULL),
                     TEL_OK);
    assert_false(created);
}

static void check_refused(const char *path)
{
    static const int flags[] = {O_RDONLY, O_RDWR | O_APPEND | O_CREAT, O_WRONLY | O_CREAT};

    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        CLEANUP(closep) int fd = -1;
        tel_fault fault = {0};

        assert_int_equal(file_open(&fd, path, flags[i], FILE_GROUP_TOO, NULL, &fault),
                         TEL_E_CORRUPT);
        assert_int_equal(fd, -1);
        assert_non_null(strstr(fault.text, path));
    }
}

static void file_open__refuses_links_and_lets_their_targets_be(void **state)
{
    CLEANUP(freep) char *target = path_join(directory, "target");
    CLEANUP(freep) char *missing = path_join(directory, "missing");
    CLEANUP(freep) char *link_to_file = path_join(directory, "link");
    CLEANUP(freep) char *dangling = path_join(directory, "dangling");
    CLEANUP(freep) char *second_name = path_join(directory, "second");
    CLEANUP(freep) char *content = NULL;

    (void)state;
    scratch_write(target, "precious");
    assert_int_equal(symlink(target, link_to_file), 0);
    assert_int_equal(symlink(missing, dangling), 0);
    check_refused(link_to_file);
    check_refused(dangling);
    assert_int_equal(access(missing, F_OK), -1);
    assert_int_equal(link(target, second_name), 0);
    check_refused(second_name);
    check_refused(target);
    content = scratch_read(target);
    assert_string_equal(content, "precious");
}

static void file_open__refuses_what_is_no_file_and_does_not_hang(void **state)
{
    CLEANUP(freep) char *fifo = path_join(directory, "fifo");
    CLEANUP(freep) char *folder = path_join(directory, "folder");
    CLEANUP(freep) char *socket_path = path_join(directory, "socket");
    CLEANUP(closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    (void)state;
    assert_int_equal(mkfifo(fifo, 0600), 0);
    check_refused(fifo);
    assert_int_equal(mkdir(folder, 0700), 0);
    check_refused(folder);
    assert_true(strlen(socket_path) < sizeof address.sun_path);
    memcpy(address.sun_path, socket_path, strlen(socket_path));
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    check_refused(socket_path);
    check_refused("/dev/null");
}

static void file_open__takes_files_of_root(void **state)
{
    CLEANUP(closep) int fd = -1;

    (void)state;
    assert_int_equal(file_open(&fd, "/etc/passwd", O_RDONLY, FILE_OWNER_ONLY, NULL, NULL), TEL_OK);
}

/* In a child that is user 65533: what is the answer for a file of user 65534? */
static tel_error open_as_other_user(const char *path, enum file_access access)
{
    pid_t child = fork();
    int status = 0;
    int fd = -1;

    assert_true(child >= 0);
    if (child == 0) {
        if (setgid(65533) || setuid(65533))
            _exit(100);
        _exit(-file_open(&fd, path, O_RDONLY, access, NULL, NULL));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return (tel_error)-WEXITSTATUS(status);
}

static void file_open__refuses_somebody_elses_file_unless_shared(void **state)
{
    CLEANUP(freep) char *path = path_join(directory, "file");

    (void)state;
    if (geteuid() != 0)
        skip(); /* only root can make files of others */
    scratch_write(path, "x");
    assert_int_equal(chmod(directory, 0755), 0);
    assert_int_equal(chmod(path, 0644), 0);
    assert_int_equal(chown(path, 65534, 65534), 0);
    assert_int_equal(open_as_other_user(path, FILE_OWNER_ONLY), TEL_E_CORRUPT);
    assert_int_equal(open_as_other_user(path, FILE_GROUP_TOO), TEL_OK);
}

static void file_open__says_why_a_path_cannot_be(void **state)
{
    CLEANUP(freep) char *file = path_join(directory, "file");
    CLEANUP(freep) char *below = path_join(file, "below");
    CLEANUP(closep) int fd = -1;
    tel_fault fault;

    (void)state;
    scratch_write(file, "x");
    assert_int_equal(file_open(&fd, below, O_RDWR | O_CREAT, FILE_OWNER_ONLY, NULL, &fault),
                     TEL_E_IO);
    assert_non_null(strstr(fault.text, below));
}

static void file_open__takes_none_of_the_standard_descriptors(void **state)
{
    CLEANUP(freep) char *path = path_join(directory, "file");
    int saved = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 100);
    ssize_t written;
    tel_error error;
    int fd = -1;

    (void)state;
    (void)close(STDOUT_FILENO);
    error = file_open(&fd, path, O_RDWR | O_CREAT, FILE_OWNER_ONLY, NULL, NULL);
    written = write(STDOUT_FILENO, "stray output\n", 13);
    (void)dup2(saved, STDOUT_FILENO);
    (void)close(saved);
    assert_int_equal(error, TEL_OK);
    assert_true(fd > STDERR_FILENO);
    assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
    assert_int_equal(written, -1);
    (void)close(fd);
}

static void file_is_at__sees_renames_and_removals(void **state)
{
    CLEANUP(freep) char *path = path_join(directory, "file");
    CLEANUP(freep) char *other = path_join(directory, "other");
    CLEANUP(freep) char *link_to_it = path_join(directory, "link");
    CLEANUP(closep) int fd = -1;

    (void)state;
    assert_int_equal(file_open(&fd, path, O_RDWR | O_CREAT, FILE_OWNER_ONLY, NULL, NULL), TEL_OK);
    assert_true(file_is_at(fd, path));
    assert_int_equal(rename(path, other), 0);
    assert_false(file_is_at(fd, path));
    assert_true(file_is_at(fd, other));
    scratch_write(path, "another file of that name");
    assert_false(file_is_at(fd, path));
    assert_int_equal(symlink(other, link_to_it), 0);
    assert_false(file_is_at(fd, link_to_it));
    assert_false(file_is_at(-1, path));
}

/* ---- Writing, locking, renaming ---------------------------------------------------------------- */

static void file_write__says_when_the_disk_is_full(void **state)
{
    CLEANUP(closep) int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    tel_fault fault;

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(file_write(fd, "/some/file", "x", 1, &fault), TEL_E_IO);
    assert_string_equal(fault.text, "cannot write to /some/file: No space left on device");
    assert_int_equal(file_write(fd, "/some/file", "", 0, &fault), TEL_OK);
}

static void file_sync__reports_failure(void **state)
{
    int ends[2];
    tel_fault fault;

    (void)state;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_int_equal(file_sync(ends[1], "/some/file", &fault), TEL_E_IO);
    assert_non_null(strstr(fault.text, "/some/file"));
    (void)close(ends[0]);
    (void)close(ends[1]);
}

static void file_lock__gives_up_at_the_deadline(void **state)
{
    CLEANUP(freep) char *path = path_join(directory, "file");
    CLEANUP(closep) int holder = -1;
    CLEANUP(closep) int fd = -1;
    int64_t begun = clock_monotonic_ms();
    tel_fault fault;

    (void)state;
    assert_int_equal(file_open(&holder, path, O_RDWR | O_CREAT, FILE_OWNER_ONLY, NULL, NULL), 0);
    assert_int_equal(file_open(&fd, path, O_RDONLY, FILE_OWNER_ONLY, NULL, NULL), 0);
    assert_int_equal(file_lock(holder, path, deadline_in(0), NULL), TEL_OK);
    assert_int_equal(file_lock(fd, path, deadline_in(0), &fault), TEL_E_BUSY);
    assert_int_equal(file_lock(fd, path, deadline_in(30), &fault), TEL_E_BUSY);
    assert_true(clock_monotonic_ms() - begun >= 30);
    assert_non_null(strstr(fault.text, path));
    assert_int_equal(flock(holder, LOCK_UN), 0);
    assert_int_equal(file_lock(fd, path, deadline_in(0), NULL), TEL_OK);
    assert_int_equal(file_lock(-1, path, deadline_in(60000), &fault), TEL_E_IO);
}

static void file_lock__is_had_when_its_holder_dies(void **state)
{
    CLEANUP(freep) char *path = path_join(directory, "file");
    CLEANUP(closep) int fd = -1;
    int ends[2];
    pid_t child;
    char ready;

    (void)state;
    scratch_write(path, "");
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)!file_open(&fd, path, O_RDWR, FILE_OWNER_ONLY, NULL, NULL);
        (void)!file_lock(fd, path, deadline_in(0), NULL);
        (void)!write(ends[1], "x", 1);
        (void)usleep(20000);
        _exit(0);
    }
    assert_int_equal(read(ends[0], &ready, 1), 1);
    assert_int_equal(file_open(&fd, path, O_RDWR, FILE_OWNER_ONLY, NULL, NULL), TEL_OK);
    assert_int_equal(file_lock(fd, path, deadline_in(60000), NULL), TEL_OK);
    assert_int_equal(waitpid(child, NULL, 0), child);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

static void file_releasep__gives_the_lock_back_though_a_forked_child_has_the_file(void **state)
{
    CLEANUP(freep) char *path = path_join(directory, "file");
    CLEANUP(closep) int other = -1;
    CLEANUP(closep) int childs = -1;
    int fd = -1;

    (void)state;
    assert_int_equal(file_open(&fd, path, O_RDWR | O_CREAT, FILE_OWNER_ONLY, NULL, NULL), TEL_OK);
    assert_int_equal(file_open(&other, path, O_RDWR, FILE_OWNER_ONLY, NULL, NULL), TEL_OK);
    childs = dup(fd); /* as fork() does */
    assert_int_equal(file_lock(fd, path, deadline_in(0), NULL), TEL_OK);
    file_releasep(&fd);
    assert_int_equal(file_lock(other, path, deadline_in(0), NULL), TEL_OK);
}

static void file_rename__never_overwrites(void **state)
{
    CLEANUP(freep) char *from = path_join(directory, "from");
    CLEANUP(freep) char *to = path_join(directory, "to");
    CLEANUP(freep) char *content = NULL;
    tel_fault fault;

    (void)state;
    assert_int_equal(file_rename(from, to, &fault), TEL_E_IO);
    scratch_write(from, "new");
    scratch_write(to, "old");
    assert_int_equal(file_rename(from, to, &fault), TEL_E_EXISTS);
    assert_non_null(strstr(fault.text, to));
    assert_int_equal(unlink(to), 0);
    assert_int_equal(file_rename(from, to, &fault), TEL_OK);
    content = scratch_read(to);
    assert_string_equal(content, "new");
    assert_int_equal(access(from, F_OK), -1);
}

/* ---- Lines ------------------------------------------------------------------------------------- */

struct seen {
    size_t lines;
    size_t bytes;
    size_t not_whole;
    size_t longest;
    size_t stop_after; /* 0: never */
    char text[200];
};

static int see(void *arg, const char *line, size_t length, bool whole)
{
    struct seen *seen = arg;

    seen->lines++;
    seen->bytes += length;
    seen->not_whole += !whole;
    if (length > seen->longest)
        seen->longest = length;
    if (strlen(seen->text) + length < 150)
        (void)snprintf(seen->text + strlen(seen->text), 50, "%s%s;", line, whole ? "" : "~");
    return seen->lines == seen->stop_after;
}

static struct seen read_lines(const char *bytes, size_t count, size_t stop_after)
{
    CLEANUP(freep) char *path = path_join(directory, "lines");
    CLEANUP(closep) int fd = -1;
    struct seen seen = {.stop_after = stop_after};

    assert_int_equal(file_open(&fd, path, O_RDWR | O_CREAT, FILE_OWNER_ONLY, NULL, NULL), TEL_OK);
    assert_int_equal(ftruncate(fd, 0), 0);
    assert_int_equal(file_write(fd, path, bytes, count, NULL), TEL_OK);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    assert_int_equal(file_each_line(fd, path, see, &seen, NULL), TEL_OK);
    return seen;
}

static void check_lines(const char *text, const char *expected)
{
    struct seen seen = read_lines(text, strlen(text), 0);

    assert_string_equal(seen.text, expected);
}

static void file_each_line__tells_whole_lines_from_a_torn_one(void **state)
{
    (void)state;
    check_lines("", "");
    check_lines("\n", ";");
    check_lines("a\n", "a;");
    check_lines("a\n\nb\n", "a;;b;");
    check_lines("a\nb", "a;b~;");
    check_lines("a", "a~;");
    check_lines("a\r\n", "a\r;");
}

static void file_each_line__stops_when_told(void **state)
{
    struct seen seen = read_lines("a\nb\nc\n", 6, 2);

    (void)state;
    assert_string_equal(seen.text, "a;b;");
}

static void file_each_line__counts_nuls_as_any_byte(void **state)
{
    struct seen seen = read_lines("a\0b\n\0\0\0\0c", 9, 0);

    (void)state;
    assert_int_equal(seen.lines, 2);
    assert_int_equal(seen.bytes, 3 + 5);
    assert_int_equal(seen.not_whole, 1);
}

static void file_each_line__goes_on_where_it_stopped_reading(void **state)
{
    CLEANUP(freep) char *path = path_join(directory, "lines");
    CLEANUP(closep) int fd = -1;
    struct seen seen = {0};

    (void)state;
    assert_int_equal(file_open(&fd, path, O_RDWR | O_APPEND | O_CREAT, FILE_OWNER_ONLY, NULL, NULL),
                     TEL_OK);
    assert_int_equal(pwrite(fd, "a\nb\n", 4, 0), 4);
    assert_int_equal(file_each_line(fd, path, see, &seen, NULL), TEL_OK);
    assert_int_equal(pwrite(fd, "c\n", 2, 0), 2);
    assert_int_equal(file_each_line(fd, path, see, &seen, NULL), TEL_OK);
    assert_string_equal(seen.text, "a;b;c;");
}

static void file_each_line__hands_on_lines_of_any_length_across_its_reads(void **state)
{
    size_t size = 300000;
    CLEANUP(freep) char *text = malloc(size);
    struct seen seen;

    (void)state;
    memset(text, 'x', size);
    text[65535] = '\n';
    text[65536] = '\n';
    text[131072 + 1] = '\n';
    text[size - 1] = '\n';
    seen = read_lines(text, size, 0);
    assert_int_equal(seen.lines, 4);
    assert_int_equal(seen.bytes, size - 4);
    assert_int_equal(seen.not_whole, 0);
}

static void file_each_line__hands_on_the_beginning_of_a_line_that_is_too_long(void **state)
{
    size_t size = FILE_LINE_BYTES_MAX + 200000;
    CLEANUP(freep) char *text = malloc(size + 10);
    struct seen seen;

    (void)state;
    memset(text, 'x', size);
    memcpy(text + size, "\nafter\n", 7);
    seen = read_lines(text, size + 7, 0);
    assert_int_equal(seen.lines, 2);
    assert_int_equal(seen.not_whole, 1);
    assert_int_equal(seen.longest, FILE_LINE_BYTES_MAX);
    assert_string_equal(seen.text, "after;");

    text[FILE_LINE_BYTES_MAX] = '\n';
    seen = read_lines(text, FILE_LINE_BYTES_MAX + 1, 0);
    assert_int_equal(seen.lines, 1);
    assert_int_equal(seen.not_whole, 0);
    assert_int_equal(seen.longest, FILE_LINE_BYTES_MAX);
}

static void file_each_line__reports_what_cannot_be_read(void **state)
{
    CLEANUP(closep) int fd = open(directory, O_RDONLY | O_CLOEXEC);
    struct seen seen = {0};
    tel_fault fault;

    (void)state;
    assert_int_equal(file_each_line(fd, directory, see, &seen, &fault), TEL_E_IO);
    assert_non_null(strstr(fault.text, directory));
    assert_int_equal(seen.lines, 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(path__is_joined_with_one_slash_and_taken_apart),
        TEST(directory_make__sets_the_mode_whatever_the_umask_is),
        TEST(directory_make__lets_an_existing_one_be),
        TEST(directory_make__names_what_stands_in_the_way),
        TEST(directory_each__hands_on_what_is_wanted_in_byte_order_until_told_to_stop),
        TEST(directory_each__takes_a_missing_directory_as_empty_but_not_a_file),
        TEST(file_open__sets_the_mode_whatever_the_umask_is),
        TEST(file_open__tells_whether_it_made_the_file),
        TEST(file_open__refuses_links_and_lets_their_targets_be),
        TEST(file_open__refuses_what_is_no_file_and_does_not_hang),
        TEST(file_open__takes_files_of_root),
        TEST(file_open__refuses_somebody_elses_file_unless_shared),
        TEST(file_open__says_why_a_path_cannot_be),
        TEST(file_open__takes_none_of_the_standard_descriptors),
        TEST(file_is_at__sees_renames_and_removals),
        TEST(file_write__says_when_the_disk_is_full),
        TEST(file_sync__reports_failure),
        TEST(file_lock__gives_up_at_the_deadline),
        TEST(file_lock__is_had_when_its_holder_dies),
        TEST(file_releasep__gives_the_lock_back_though_a_forked_child_has_the_file),
        TEST(file_rename__never_overwrites),
        TEST(file_each_line__tells_whole_lines_from_a_torn_one),
        TEST(file_each_line__stops_when_told),
        TEST(file_each_line__counts_nuls_as_any_byte),
        TEST(file_each_line__goes_on_where_it_stopped_reading),
        TEST(file_each_line__hands_on_lines_of_any_length_across_its_reads),
        TEST(file_each_line__hands_on_the_beginning_of_a_line_that_is_too_long),
        TEST(file_each_line__reports_what_cannot_be_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
