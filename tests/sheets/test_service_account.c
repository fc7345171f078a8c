/* SPDX-License-Identifier: MIT */
#include "support/cmocka_all.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "sheets/service_account.h"
#include "support/rsa_key.h"
#include "support/scratch.h"

static char last_message[600];

static void note(void *arg, tel_log_level level, const char *message)
{
    (void)arg;
    (void)snprintf(last_message, sizeof last_message, "%d %s", (int)level, message);
}

static const struct log notes = {.write = note};

/* What the next reads fail with, one after the other. */
static int failures[2];

TEL_API ssize_t read(int fd, void *bytes, size_t size)
{
    for (size_t i = 0; i < sizeof failures / sizeof *failures; i++) {
        if (failures[i]) {
            errno = failures[i];
            failures[i] = 0;
            return -1;
        }
    }
    return syscall(SYS_read, fd, bytes, size);
}

static tel_error read_text(const char *path, const char *text, tel_fault *fault)
{
    CLEANUP(service_account_clear) struct service_account account = {0};

    scratch_write(path, text);
    return service_account_read(&account, path, &notes, fault);
}

static void read__takes_what_a_token_needs(void **state)
{
    CLEANUP(freep) char *path = scratch_path(*state, "key.json");
    CLEANUP(freep) char *link = scratch_path(*state, "link.json");
    struct service_account account;

    key_file_write(path, "https://tokens.example.org/");
    assert_int_equal(chmod(path, 0600), 0);
    assert_int_equal(symlink(path, link), 0);
    last_message[0] = '\0';
    assert_int_equal(service_account_read(&account, link, &notes, NULL), TEL_OK);
    assert_string_equal(account.client_email, "robot@example.iam.gserviceaccount.com");
    assert_string_equal(account.private_key, rsa_key_pem());
    assert_string_equal(account.private_key_id, "key-1");
    assert_string_equal(account.token_uri, "https://tokens.example.org/");
    assert_string_equal(last_message, "");
    service_account_clear(&account);

    key_file_write(path, NULL);
    assert_int_equal(service_account_read(&account, path, &notes, NULL), TEL_OK);
    assert_string_equal(account.token_uri, "https://oauth2.googleapis.com/token");
    service_account_clear(&account);
}

static void read__warns_of_a_key_that_others_can_read(void **state)
{
    static const mode_t modes[] = {0640, 0604};
    CLEANUP(freep) char *path = scratch_path(*state, "key.json");

    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        struct service_account account;

        key_file_write(path, NULL);
        assert_int_equal(chmod(path, modes[i]), 0);
        last_message[0] = '\0';
        assert_int_equal(service_account_read(&account, path, &notes, NULL), TEL_OK);
        assert_non_null(strstr(last_message, "is open to others than its owner: chmod 600 "));
        service_account_clear(&account);
    }
}

static void read__says_what_is_wrong_with_a_file_and_nothing_of_what_is_in_it(void **state)
{
    static const struct {
        const char *text;
        const char *reason;
    } cases[] = {
        {"", "is no JSON object"},
        {"s3cret", "is no JSON object"},
        {"[\"s3cret\"]", "is no JSON object"},
        {"{\"private_key\":\"s3cret\"}", "has no \"client_email\""},
        {"{\"private_key\":\"s3cret\",\"client_email\":7}", "has no \"client_email\""},
        {"{\"client_email\":\"s3cret\"}", "has no \"private_key\""},
        {"{\"client_email\":\"s3cret\",\"private_key\":\"\"}", "has no \"private_key\""},
    };
    CLEANUP(freep) char *path = scratch_path(*state, "key.json");

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tel_fault fault = {0};

        assert_int_equal(read_text(path, cases[i].text, &fault), TEL_E_CORRUPT);
        assert_non_null(strstr(fault.text, cases[i].reason));
        assert_non_null(strstr(fault.text, path));
        assert_null(strstr(fault.text, "s3cret"));
    }
}

static void read__refuses_what_is_no_small_file_and_does_not_hang(void **state)
{
    CLEANUP(freep) char *missing = scratch_path(*state, "missing");
    CLEANUP(freep) char *fifo = scratch_path(*state, "fifo");
    CLEANUP(freep) char *large = scratch_path(*state, "large");
    CLEANUP(freep) char *text = calloc(1, 70001);
    const struct {
        const char *path;
        tel_error error;
    } cases[] = {
        {missing, TEL_E_NOT_FOUND}, {fifo, TEL_E_CORRUPT},        {*state, TEL_E_CORRUPT},
        {large, TEL_E_TOO_LARGE},   {"/dev/zero", TEL_E_CORRUPT},
    };

    assert_int_equal(mkfifo(fifo, 0600), 0);
    memset(text, ' ', 70000);
    scratch_write(large, text);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct service_account account;
        tel_fault fault = {0};

        assert_int_equal(service_account_read(&account, cases[i].path, &notes, &fault),
                         cases[i].error);
        assert_non_null(strstr(fault.text, cases[i].path));
        assert_null(account.private_key);
    }
}

static void read__goes_on_when_it_is_interrupted_and_ends_when_it_fails(void **state)
{
    CLEANUP(freep) char *path = scratch_path(*state, "key.json");
    struct service_account account;
    tel_fault fault = {0};

    key_file_write(path, NULL);
    failures[0] = EINTR;
    assert_int_equal(service_account_read(&account, path, &notes, NULL), TEL_OK);
    assert_string_equal(account.private_key, rsa_key_pem());
    service_account_clear(&account);

    failures[0] = EINTR;
    failures[1] = EIO;
    assert_int_equal(service_account_read(&account, path, &notes, &fault), TEL_E_IO);
    assert_non_null(strstr(fault.text, "cannot read the key file"));
    assert_null(account.private_key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(read__takes_what_a_token_needs, scratch_set_up,
                                        scratch_tear_down),
        cmocka_unit_test_setup_teardown(read__warns_of_a_key_that_others_can_read, scratch_set_up,
                                        scratch_tear_down),
        cmocka_unit_test_setup_teardown(
            read__says_what_is_wrong_with_a_file_and_nothing_of_what_is_in_it, scratch_set_up,
            scratch_tear_down),
        cmocka_unit_test_setup_teardown(read__goes_on_when_it_is_interrupted_and_ends_when_it_fails,
                                        scratch_set_up, scratch_tear_down),
        cmocka_unit_test_setup_teardown(read__refuses_what_is_no_small_file_and_does_not_hang,
                                        scratch_set_up, scratch_tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
