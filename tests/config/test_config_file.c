/* SPDX-License-Identifier: MIT */
#include "support/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "config/config_file.h"
#include "config/config_token.h"
#include "support/scratch.h"

static char *directory;
static char *path;

static int setup(void **state)
{
    (void)state;
    directory = scratch_make();
    path = scratch_path(directory, "telemetry.conf");
    return setenv("TELEMETRY_CONFIG_FILE", path, 1);
}

static int teardown(void **state)
{
    (void)state;
    free(path);
    scratch_remove(directory);
    (void)unsetenv("TELEMETRY_API_PORT");
    (void)unsetenv("GOOGLE_SHEETS_API_URL");
    return unsetenv("TELEMETRY_CONFIG_FILE");
}

static tel_config *read_file(const char *text, mode_t mode)
{
    tel_config *config;

    scratch_write(path, text);
    assert_int_equal(chmod(path, mode), 0);
    assert_int_equal(tel_config_new(&config), TEL_OK);
    return config;
}

static void add_line(void *arg, tel_log_level level, const char *message)
{
    char *said = arg;

    (void)level;
    (void)snprintf(said + strlen(said), 4096 - strlen(said), "%s\n", message);
}

static void assert_value(const tel_config *config, const char *key, const char *value,
                         enum config_index index, enum config_origin origin)
{
    assert_string_equal(tel_config_get(config, key), value);
    assert_int_equal(config_origin(config, index), origin);
}

static void file__gives_what_nobody_else_does(void **state)
{
    CLEANUP(config_freep) tel_config *config = NULL;

    (void)state;
    assert_int_equal(setenv("TELEMETRY_API_PORT", "99", 1), 0);
    config = read_file("TELEMETRY_API_PORT=77\nTELEMETRY_API_MAX_BODY_MB=2\nAGENT_OWNER='Ada L.'\n"
                       "LOG_LEVEL=DEBUG\nTELEMETRY_API_HOST=::1\n",
                       0644);
    assert_int_equal(tel_config_set(config, "TELEMETRY_API_HOST", "127.0.0.2"), TEL_OK);
    assert_value(config, "TELEMETRY_API_PORT", "99", CONFIG_TELEMETRY_API_PORT, ORIGIN_ENVIRONMENT);
    assert_value(config, "TELEMETRY_API_MAX_BODY_MB", "2", CONFIG_TELEMETRY_API_MAX_BODY_MB,
                 ORIGIN_FILE);
    assert_value(config, "TELEMETRY_API_HOST", "127.0.0.2", CONFIG_TELEMETRY_API_HOST, ORIGIN_CALL);
    assert_value(config, "TELEMETRY_API_MAX_HEADER_KB", "32", CONFIG_TELEMETRY_API_MAX_HEADER_KB,
                 ORIGIN_DEFAULT);
    assert_value(config, "AGENT_OWNER", "Ada L.", CONFIG_AGENT_OWNER, ORIGIN_FILE);
    assert_string_equal(tel_config_get(config, "TELEMETRY_LOG_LEVEL"), "DEBUG");
    assert_int_equal(config_report_faulty(config, TEL_LOG_ERROR, NULL, NULL), 0);
}

static void empty_variable__takes_back_what_the_file_has(void **state)
{
    CLEANUP(config_freep) tel_config *config = NULL;

    (void)state;
    assert_int_equal(setenv("GOOGLE_SHEETS_API_URL", "", 1), 0);
    config = read_file("GOOGLE_SHEETS_API_URL=https://example.org/x\n", 0600);
    assert_null(tel_config_get(config, "GOOGLE_SHEETS_API_URL"));
}

static void base_directory_in_the_file__moves_all_paths(void **state)
{
    CLEANUP(config_freep) tel_config *config = NULL;

    (void)state;
    assert_int_equal(unsetenv("TELEMETRY_BASE_DIR"), 0);
    config = read_file("TELEMETRY_BASE_DIR=/srv/t\n", 0644);
    assert_string_equal(tel_config_get(config, "TELEMETRY_DB_PATH"), "/srv/t/db/telemetry.sqlite");
    assert_string_equal(tel_config_get(config, "TELEMETRY_BUFFER_DIR"), "/srv/t/buffer");
}

static void faults__are_all_reported_with_their_line(void **state)
{
    char said[4096] = "";
    CLEANUP(config_freep)
    tel_config *config = read_file("PATH=/bin\nwhat is this\nTELEMETRY_API_PROT=1\n"
                                   "TELEMETRY_API_PORT=many\nTELEMETRY_CONFIG_FILE=/x\n"
                                   "METRICS_API_TOKEN=s3cret\n",
                                   0644);

    (void)state;
    assert_int_equal(config_report_faulty(config, TEL_LOG_ERROR, add_line, said), 5);
    assert_non_null(strstr(said, "telemetry.conf:2: it must be KEY=value"));
    assert_non_null(strstr(said, "telemetry.conf:3: TELEMETRY_API_PROT is no setting"));
    assert_non_null(strstr(said, "telemetry.conf:5: TELEMETRY_CONFIG_FILE cannot be given"));
    assert_non_null(strstr(said, "telemetry.conf:6: METRICS_API_TOKEN is secret"));
    assert_non_null(strstr(said, "TELEMETRY_API_PORT must be an integer from 0 to 65535, not"));
    assert_null(strstr(said, "s3cret"));
    assert_value(config, "TELEMETRY_API_PORT", "8765", CONFIG_TELEMETRY_API_PORT, ORIGIN_DEFAULT);
}

static void file_that_cannot_be_read__is_a_fault(void **state)
{
    static const char *const words[] = {"cannot open", "no regular file", "holds a NUL"};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        CLEANUP(config_freep) tel_config *config = NULL;
        char said[4096] = "";

        if (i == 1)
            assert_int_equal(mkdir(path, 0700), 0);
        if (i == 2) {
            FILE *file;

            assert_int_equal(rmdir(path), 0);
            file = fopen(path, "we");
            assert_non_null(file);
            assert_int_equal(fwrite("A=1\0\n", 1, 5, file), 5);
            assert_int_equal(fclose(file), 0);
        }
        assert_int_equal(tel_config_new(&config), TEL_OK);
        assert_int_equal(config_report_file(config, TEL_LOG_ERROR, add_line, said), 1);
        assert_non_null(strstr(said, words[i]));
        assert_non_null(strstr(said, path));
    }
}

static void copy__has_what_the_file_gave(void **state)
{
    CLEANUP(config_freep) tel_config *config = read_file("TELEMETRY_API_PORT=77\nnonsense\n", 0600);
    CLEANUP(config_freep) tel_config *copy = NULL;

    (void)state;
    assert_int_equal(config_copy(&copy, config), TEL_OK);
    assert_value(copy, "TELEMETRY_API_PORT", "77", CONFIG_TELEMETRY_API_PORT, ORIGIN_FILE);
    assert_int_equal(config_report_file(copy, TEL_LOG_ERROR, NULL, NULL), 1);
}

static void file__is_read_anew_when_another_is_set(void **state)
{
    CLEANUP(config_freep)
    tel_config *config = read_file("TELEMETRY_API_PORT=77\nAGENT_OWNER=ada\n", 0600);
    CLEANUP(freep) char *other = scratch_path(directory, "other.conf");

    (void)state;
    scratch_write(other, "TELEMETRY_API_PORT=78\n");
    assert_int_equal(tel_config_set(config, "TELEMETRY_CONFIG_FILE", other), TEL_OK);
    assert_string_equal(tel_config_get(config, "TELEMETRY_API_PORT"), "78");
    assert_null(tel_config_get(config, "AGENT_OWNER"));
}

static void token_file__must_be_for_its_owner_alone(void **state)
{
    CLEANUP(freep) char *file = scratch_path(directory, "token");
    CLEANUP(freep) char *token = NULL;
    CLEANUP(config_freep) tel_config *config = read_file("", 0600);
    tel_fault fault = {0};

    (void)state;
    scratch_write(file, "s3cret\nmore\n");
    assert_int_equal(tel_config_set(config, "TELEMETRY_API_AUTH_TOKEN_FILE", file), TEL_OK);
    assert_int_equal(chmod(file, 0640), 0);
    assert_int_equal(config_token(&token, config, &fault), TEL_E_INVALID);
    assert_non_null(strstr(fault.text, "chmod 600"));
    assert_null(strstr(fault.text, "s3cret"));
    assert_int_equal(chmod(file, 0400), 0);
    assert_int_equal(config_token(&token, config, &fault), TEL_OK);
    assert_string_equal(token, "s3cret");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(file__gives_what_nobody_else_does),
        TEST(empty_variable__takes_back_what_the_file_has),
        TEST(base_directory_in_the_file__moves_all_paths),
        TEST(faults__are_all_reported_with_their_line),
        TEST(file_that_cannot_be_read__is_a_fault),
        TEST(copy__has_what_the_file_gave),
        TEST(file__is_read_anew_when_another_is_set),
        TEST(token_file__must_be_for_its_owner_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
