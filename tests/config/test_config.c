/* SPDX-License-Identifier: MIT */
#include "support/cmocka_all.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "config/config.h"
#include "support/scratch.h"

static char *directory;

static void clear_environment(void)
{
#define SETTING(kind, key, initial, min, max, meaning) (void)unsetenv(#key);
#include "config/config.def"
#undef SETTING
}

static int setup(void **state)
{
    (void)state;
    directory = scratch_make();
    clear_environment(); /* HOME stays in the scratch directory */
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    clear_environment();
    scratch_remove(directory);
    return 0;
}

#define CONFIG CLEANUP(config_freep) tel_config

static tel_config *make(void)
{
    tel_config *config;

    assert_int_equal(tel_config_new(&config), TEL_OK);
    return config;
}

static void put(const char *key, const char *value)
{
    assert_int_equal(setenv(key, value, 1), 0);
}

static void check(const tel_config *config, const char *key, const char *expected)
{
    const char *value = tel_config_get(config, key);

    if (!expected && value)
        fail_msg("%s is %s, not unset", key, value);
    if (expected && (!value || strcmp(value, expected) != 0))
        fail_msg("%s is %s, not %s", key, value ? value : "unset", expected);
}

/* Check a path that lies below the scratch directory, or, with a '/', elsewhere. */
static void check_path(const tel_config *config, const char *key, const char *name)
{
    CLEANUP(freep) char *path = *name == '/' ? strdup(name) : path_join(directory, name);

    check(config, key, path);
}

/* ---- Defaults ---------------------------------------------------------------------------------- */

static void config__has_the_defaults_of_the_table(void **state)
{
    static const struct {
        const char *key;
        const char *value;
    } defaults[] = {
        {"AGENT_METRICS_DIR", NULL},
        {"TELEMETRY_BUFFER_MAX_SIZE_MB", "10"},
        {"TELEMETRY_BUFFER_MAX_AGE_HOURS", "24"},
        {"TELEMETRY_SYNC_INTERVAL_SECONDS", "60"},
        {"TELEMETRY_SYNC_BATCH_SIZE", "100"},
        {"TELEMETRY_SKIP_VALIDATION", "false"},
        {"AGENT_OWNER", NULL},
        {"TELEMETRY_MODE", "service"},
        {"TELEMETRY_CALL_BUDGET_MS", "250"},
        {"TELEMETRY_BACKGROUND", "false"},
        {"TELEMETRY_RUN_ID", NULL},
        {"TELEMETRY_GROUP_ACCESS", "false"},
        {"TELEMETRY_TEST_MODE", NULL},
        {"TELEMETRY_API_URL", "http://localhost:8765"},
        {"TELEMETRY_API_HOST", "127.0.0.1"},
        {"TELEMETRY_API_PORT", "8765"},
        {"TELEMETRY_API_WORKERS", "1"},
        {"TELEMETRY_API_AUTH_ENABLED", "false"},
        {"TELEMETRY_API_AUTH_TOKEN", NULL},
        {"TELEMETRY_API_AUTH_READS", "true"},
        {"TELEMETRY_API_ALLOW_INSECURE", "false"},
        {"TELEMETRY_API_ALLOWED_HOSTS", NULL},
        {"TELEMETRY_API_MAX_BODY_MB", "16"},
        {"TELEMETRY_API_MAX_HEADER_KB", "32"},
        {"TELEMETRY_API_MAX_CONNECTIONS", "1024"},
        {"TELEMETRY_API_REQUEST_TIMEOUT_SECONDS", "10"},
        {"TELEMETRY_API_IDLE_TIMEOUT_SECONDS", "60"},
        {"TELEMETRY_API_SOCKET", NULL},
        {"TELEMETRY_API_AUTH_TOKEN_FILE", NULL},
        {"TELEMETRY_CONFIG_FILE", NULL},
        {"TELEMETRY_RATE_LIMIT_ENABLED", "false"},
        {"TELEMETRY_RATE_LIMIT_RPM", "60"},
        {"TELEMETRY_LOG_LEVEL", "INFO"},
        {"TELEMETRY_DB_JOURNAL_MODE", "DELETE"},
        {"TELEMETRY_DB_SYNCHRONOUS", "FULL"},
        {"TELEMETRY_DB_BUSY_TIMEOUT_MS", "30000"},
        {"TELEMETRY_DB_MAX_RETRIES", "3"},
        {"TELEMETRY_DB_RETRY_BASE_DELAY_SECONDS", "0.1"},
        {"GOOGLE_SHEETS_API_ENABLED", "false"},
        {"GOOGLE_SHEETS_API_URL", NULL},
        {"METRICS_API_TOKEN", NULL},
        {"METRICS_API_AUTH_REQUIRED", "false"},
        {"GOOGLE_APPLICATION_CREDENTIALS", NULL},
        {"METRICS_API_URL", NULL},
        {"METRICS_API_ENABLED", NULL},
        {"TELEMETRY_RETENTION_DAYS", "30"},
        {"TELEMETRY_DRY_RUN_CLEANUP", "1"},
        {"max_retries", "3"},
        {"timeout", "10"},
    };
    CONFIG *config = make();

    (void)state;
    for (size_t i = 0; i < sizeof defaults / sizeof *defaults; i++)
        check(config, defaults[i].key, defaults[i].value);
    assert_int_equal(config_int(config, CONFIG_TELEMETRY_CALL_BUDGET_MS), 250);
    assert_int_equal(config_int(config, CONFIG_TELEMETRY_DB_RETRY_BASE_DELAY_SECONDS), 100);
    assert_int_equal(config_int(config, CONFIG_timeout), 10000);
    assert_true(config_bool(config, CONFIG_TELEMETRY_DRY_RUN_CLEANUP));
    assert_true(config_bool(config, CONFIG_TELEMETRY_API_AUTH_READS));
    assert_false(config_is_embedded(config));
    assert_false(config_is_mock(config));
    assert_int_equal(config_file_access(config), FILE_OWNER_ONLY);
}

/* ---- Where the files are ----------------------------------------------------------------------- */

static void config__without_any_setting_uses_the_home_directory(void **state)
{
    static const char *const shared[] = {"/agent-metrics", "/opt/telemetry", "/data/telemetry"};
    CONFIG *config = make();
    struct stat status;

    (void)state;
    for (size_t i = 0; i < sizeof shared / sizeof *shared; i++) {
        if (stat(shared[i], &status) == 0 && S_ISDIR(status.st_mode)) {
            check(config, "TELEMETRY_BASE_DIR", shared[i]);
            return;
        }
    }
    check_path(config, "TELEMETRY_BASE_DIR", ".telemetry");
    check_path(config, "TELEMETRY_DB_PATH", ".telemetry/db/telemetry.sqlite");
    check_path(config, "TELEMETRY_NDJSON_DIR", ".telemetry/raw");
    check_path(config, "TELEMETRY_BUFFER_DIR", ".telemetry/buffer");
    check_path(config, "TELEMETRY_LOCK_FILE", ".telemetry/db/telemetry.sqlite.lock");
    assert_int_equal(access(config_base_dir(config), F_OK), -1);
}

static void config__derives_all_paths_from_the_base_directory(void **state)
{
    (void)state;
    put("AGENT_METRICS_DIR", "/legacy");
    {
        CONFIG *config = make();

        check(config, "TELEMETRY_BASE_DIR", "/legacy");
        check(config, "TELEMETRY_DB_PATH", "/legacy/db/telemetry.sqlite");
    }
    put("TELEMETRY_BASE_DIR", "/base/");
    {
        CONFIG *config = make();

        check(config, "TELEMETRY_BASE_DIR", "/base/");
        check(config, "TELEMETRY_DB_PATH", "/base/db/telemetry.sqlite");
        check(config, "TELEMETRY_NDJSON_DIR", "/base/raw");
        check(config, "TELEMETRY_BUFFER_DIR", "/base/buffer");
    }
    put("TELEMETRY_NDJSON_DIR", "/n");
    put("TELEMETRY_BUFFER_DIR", "/b");
    put("TELEMETRY_DB_PATH", "/d/runs.db");
    put("TELEMETRY_LOCK_FILE", "/l");
    {
        CONFIG *config = make();

        check(config, "TELEMETRY_BASE_DIR", "/base/");
        check(config, "TELEMETRY_DB_PATH", "/d/runs.db");
        check(config, "TELEMETRY_NDJSON_DIR", "/n");
        check(config, "TELEMETRY_BUFFER_DIR", "/b");
        check(config, "TELEMETRY_LOCK_FILE", "/l");
    }
}

static void config__derives_the_base_directory_from_the_database(void **state)
{
    CONFIG *config = make();

    (void)state;
    assert_int_equal(tel_config_set(config, "TELEMETRY_DB_PATH", "/some/where/t.sqlite"), TEL_OK);
    check(config, "TELEMETRY_BASE_DIR", "/some/where");
    check(config, "TELEMETRY_NDJSON_DIR", "/some/where/raw");
    check(config, "TELEMETRY_LOCK_FILE", "/some/where/t.sqlite.lock");
    assert_int_equal(tel_config_set(config, "TELEMETRY_DB_PATH", "/some/db/t.sqlite"), TEL_OK);
    check(config, "TELEMETRY_BASE_DIR", "/some");
    assert_int_equal(tel_config_set(config, "TELEMETRY_DB_PATH", "/db/t.sqlite"), TEL_OK);
    check(config, "TELEMETRY_BASE_DIR", "/");
    check(config, "TELEMETRY_NDJSON_DIR", "/raw");
}

static void config__makes_paths_absolute(void **state)
{
    CLEANUP(freep) char *working = getcwd(NULL, 0);
    CLEANUP(freep) char *expected = path_join(working, "rel/t.sqlite");
    CLEANUP(freep) char *expected_base = path_join(working, "rel");
    CONFIG *config = make();

    (void)state;
    assert_int_equal(tel_config_set(config, "TELEMETRY_NDJSON_DIR", "~/n"), TEL_OK);
    check_path(config, "TELEMETRY_NDJSON_DIR", "n");
    assert_int_equal(tel_config_set(config, "TELEMETRY_DB_PATH", "rel/t.sqlite"), TEL_OK);
    check(config, "TELEMETRY_DB_PATH", expected);
    check(config, "TELEMETRY_BASE_DIR", expected_base);
    assert_int_equal(tel_config_set(config, "TELEMETRY_API_URL", "unix:/x"), TEL_OK);
    check(config, "TELEMETRY_API_URL", "unix:/x");
}

/* ---- Values ------------------------------------------------------------------------------------ */

static void config__reads_booleans_in_any_case(void **state)
{
    static const char *const yes[] = {"true", "1", "yes", "on", "TRUE", "Yes", "oN"};
    static const char *const no[] = {"false", "0", "no", "off", "FALSE", "No", "oFF"};
    CONFIG *config = make();

    (void)state;
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++) {
        assert_int_equal(tel_config_set(config, "TELEMETRY_GROUP_ACCESS", yes[i]), TEL_OK);
        assert_int_equal(config_file_access(config), FILE_GROUP_TOO);
        assert_int_equal(tel_config_set(config, "TELEMETRY_API_AUTH_READS", no[i]), TEL_OK);
        assert_false(config_bool(config, CONFIG_TELEMETRY_API_AUTH_READS));
    }
    assert_int_equal(tel_config_set(config, "TELEMETRY_API_AUTH_READS", ""), TEL_OK);
    assert_true(config_bool(config, CONFIG_TELEMETRY_API_AUTH_READS));
    assert_int_equal(tel_config_set(config, "TELEMETRY_GROUP_ACCESS", NULL), TEL_OK);
    assert_int_equal(config_file_access(config), FILE_OWNER_ONLY);
}

static void config__uses_the_default_for_what_does_not_parse(void **state)
{
    static const struct {
        const char *key;
        const char *value;
        const char *in_force;
    } cases[] = {
        {"TELEMETRY_SKIP_VALIDATION", "perhaps", "false"},
        {"TELEMETRY_API_AUTH_READS", "maybe", "true"},
        {"TELEMETRY_API_PORT", "http", "8765"},
        {"TELEMETRY_API_PORT", "65536", "8765"},
        {"TELEMETRY_API_PORT", "-1", "8765"},
        {"TELEMETRY_API_PORT", "80x", "8765"},
        {"TELEMETRY_API_PORT", "8e3", "8765"},
        {"TELEMETRY_API_PORT", "99999999999999999999", "8765"},
        {"TELEMETRY_API_WORKERS", "4", "1"},
        {"TELEMETRY_CALL_BUDGET_MS", "0", "250"},
        {"TELEMETRY_SYNC_BATCH_SIZE", "1001", "100"},
        {"TELEMETRY_DB_RETRY_BASE_DELAY_SECONDS", "-1", "0.1"},
        {"TELEMETRY_DB_RETRY_BASE_DELAY_SECONDS", "0,5", "0.1"},
        {"TELEMETRY_DB_RETRY_BASE_DELAY_SECONDS", ".5", "0.1"},
        {"TELEMETRY_DB_RETRY_BASE_DELAY_SECONDS", "1e3", "0.1"},
        {"TELEMETRY_DB_RETRY_BASE_DELAY_SECONDS", "61", "0.1"},
        {"TELEMETRY_DB_RETRY_BASE_DELAY_SECONDS", "99999999999999999999", "0.1"},
        {"TELEMETRY_MODE", "server", "service"},
        {"TELEMETRY_TEST_MODE", "fake", NULL},
        {"TELEMETRY_LOG_LEVEL", "LOUD", "INFO"},
        {"TELEMETRY_DB_JOURNAL_MODE", "MEMORY", "DELETE"},
        {"TELEMETRY_DB_SYNCHRONOUS", "NORMAL", "FULL"},
        {"TELEMETRY_DB_SYNCHRONOUS", "OFF", "FULL"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        CONFIG *config = make();

        assert_int_equal(tel_config_set(config, cases[i].key, cases[i].value), TEL_E_INVALID);
        check(config, cases[i].key, cases[i].in_force);
        assert_int_equal(config_report_faulty(config, TEL_LOG_ERROR, NULL, NULL), 1);
        assert_int_equal(tel_config_set(config, cases[i].key, NULL), TEL_OK);
        assert_int_equal(config_report_faulty(config, TEL_LOG_ERROR, NULL, NULL), 0);
    }
}

static void config__reads_numbers_at_both_ends(void **state)
{
    CONFIG *config = make();

    (void)state;
    assert_int_equal(tel_config_set(config, "TELEMETRY_API_PORT", "0"), TEL_OK);
    assert_int_equal(config_int(config, CONFIG_TELEMETRY_API_PORT), 0);
    assert_int_equal(tel_config_set(config, "TELEMETRY_API_PORT", "65535"), TEL_OK);
    assert_int_equal(config_int(config, CONFIG_TELEMETRY_API_PORT), 65535);
    assert_int_equal(tel_config_set(config, "TELEMETRY_DB_RETRY_BASE_DELAY_SECONDS", "1.2345"),
                     TEL_OK);
    assert_int_equal(config_int(config, CONFIG_TELEMETRY_DB_RETRY_BASE_DELAY_SECONDS), 1234);
    assert_int_equal(tel_config_set(config, "TELEMETRY_DB_RETRY_BASE_DELAY_SECONDS", "60"), TEL_OK);
    assert_int_equal(config_int(config, CONFIG_TELEMETRY_DB_RETRY_BASE_DELAY_SECONDS), 60000);
    assert_int_equal(tel_config_set(config, "TELEMETRY_MODE", "EMBEDDED"), TEL_OK);
    assert_true(config_is_embedded(config));
    assert_int_equal(tel_config_set(config, "TELEMETRY_TEST_MODE", "mock"), TEL_OK);
    assert_true(config_is_mock(config));
}

static void config__lets_some_settings_stand_in_for_others(void **state)
{
    CONFIG *config = make();

    (void)state;
    assert_int_equal(tel_config_set(config, "LOG_LEVEL", "DEBUG"), TEL_OK);
    check(config, "TELEMETRY_LOG_LEVEL", "DEBUG");
    assert_int_equal(tel_config_set(config, "TELEMETRY_LOG_LEVEL", "ERROR"), TEL_OK);
    check(config, "TELEMETRY_LOG_LEVEL", "ERROR");
    assert_int_equal(config_int(config, CONFIG_TELEMETRY_API_MAX_CONNECTIONS_PER_IP), 1024);
    assert_int_equal(tel_config_set(config, "TELEMETRY_API_MAX_CONNECTIONS", "7"), TEL_OK);
    assert_int_equal(config_int(config, CONFIG_TELEMETRY_API_MAX_CONNECTIONS_PER_IP), 7);
    assert_int_equal(tel_config_set(config, "TELEMETRY_API_MAX_CONNECTIONS_PER_IP", "3"), TEL_OK);
    assert_int_equal(config_int(config, CONFIG_TELEMETRY_API_MAX_CONNECTIONS_PER_IP), 3);
}

static void config__takes_the_deprecated_address_when_there_is_no_other(void **state)
{
    (void)state;
    put("METRICS_API_URL", "http://old:1");
    {
        CONFIG *config = make();

        check(config, "TELEMETRY_API_URL", "http://old:1");
        assert_int_equal(tel_config_set(config, "TELEMETRY_API_URL", ""), TEL_OK);
        check(config, "TELEMETRY_API_URL", "http://old:1");
        assert_int_equal(tel_config_set(config, "TELEMETRY_API_URL", "http://new:2"), TEL_OK);
        check(config, "TELEMETRY_API_URL", "http://new:2");
    }
}

static void config_copy__is_independent(void **state)
{
    CONFIG *config = make();
    CONFIG *copy = NULL;

    (void)state;
    assert_int_equal(tel_config_set(config, "TELEMETRY_BASE_DIR", "/one"), TEL_OK);
    assert_int_equal(config_copy(&copy, config), TEL_OK);
    assert_int_equal(tel_config_set(config, "TELEMETRY_BASE_DIR", "/two"), TEL_OK);
    check(copy, "TELEMETRY_BASE_DIR", "/one");
    check(copy, "TELEMETRY_NDJSON_DIR", "/one/raw");
}

static void config__masks_secrets(void **state)
{
    static const char *const secrets[] = {"TELEMETRY_API_AUTH_TOKEN", "METRICS_API_TOKEN"};

    (void)state;
    for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++) {
        CONFIG *config = make();

        check(config, secrets[i], NULL);
        assert_int_equal(tel_config_set(config, secrets[i], "hunter2"), TEL_OK);
        check(config, secrets[i], "***");
    }
    put("TELEMETRY_API_AUTH_TOKEN", "hunter2");
    {
        CONFIG *config = make();

        assert_string_equal(config_text(config, CONFIG_TELEMETRY_API_AUTH_TOKEN), "hunter2");
    }
}

/* ---- Validation -------------------------------------------------------------------------------- */

struct findings {
    char errors[4000];
    char warnings[4000];
};

static void keep_finding(void *arg, tel_log_level level, const char *message)
{
    struct findings *findings = arg;
    char *kept = level == TEL_LOG_ERROR ? findings->errors : findings->warnings;

    assert_true(level == TEL_LOG_ERROR || level == TEL_LOG_WARNING);
    assert_true(strlen(kept) + strlen(message) < 3990);
    (void)snprintf(kept + strlen(kept), 1100, "%s\n", message);
}

/* Make the directories of a sound configuration. */
static tel_config *make_sound(void)
{
    tel_config *config;
    CLEANUP(freep) char *base = path_join(directory, "base");
    CLEANUP(freep) char *database = path_join(base, "db");
    CLEANUP(freep) char *raw = path_join(base, "raw");

    assert_int_equal(directory_make(database, FILE_OWNER_ONLY, NULL), TEL_OK);
    assert_int_equal(directory_make(raw, FILE_OWNER_ONLY, NULL), TEL_OK);
    put("TELEMETRY_BASE_DIR", base);
    config = make();
    return config;
}

/* Validate with these settings, given in pairs; what is found begins with each of the words. */
static size_t validate(struct findings *findings, const char *const *settings)
{
    CONFIG *config = make_sound();

    *findings = (struct findings){.errors = ""};
    for (; *settings; settings += 2)
        (void)tel_config_set(config, settings[0], settings[1]);
    return tel_config_validate(config, keep_finding, findings);
}

#define SETTINGS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void validate__finds_nothing_in_a_sound_configuration(void **state)
{
    struct findings findings;

    (void)state;
    assert_int_equal(validate(&findings, SETTINGS("TELEMETRY_API_URL", "http://[::1]:8765")), 0);
    assert_int_equal(validate(&findings, SETTINGS("TELEMETRY_API_URL", "unix:/run/t.sock")), 0);
    assert_int_equal(validate(&findings,
                              SETTINGS("GOOGLE_SHEETS_API_ENABLED", "true", "GOOGLE_SHEETS_API_URL",
                                       "https://sheets.googleapis.com/v4/x",
                                       "METRICS_API_AUTH_REQUIRED", "true", "METRICS_API_TOKEN",
                                       "t")),
                     0);
    assert_string_equal(findings.errors, "");
    assert_string_equal(findings.warnings, "");
}

static void validate__names_each_fault(void **state)
{
    static const char *const urls[] = {"localhost:8765", "http://",    "://x",
                                       "http:///path",   "http://:80", "http://user@/",
                                       "unix:relative"};
    struct findings findings;

    (void)state;
    assert_int_equal(validate(&findings, SETTINGS("GOOGLE_SHEETS_API_ENABLED", "true")), 1);
    assert_non_null(strstr(findings.errors, "GOOGLE_SHEETS_API_URL is not set"));
    assert_int_equal(validate(&findings, SETTINGS("METRICS_API_AUTH_REQUIRED", "true")), 1);
    assert_non_null(strstr(findings.errors, "there is no token: set METRICS_API_TOKEN, or "));
    assert_int_equal(validate(&findings, SETTINGS("METRICS_API_AUTH_REQUIRED", "true",
                                                  "GOOGLE_APPLICATION_CREDENTIALS", "/key.json")),
                     0);
    assert_int_equal(validate(&findings, SETTINGS("GOOGLE_SHEETS_API_URL", "http://u:s3cret@a/")),
                     1);
    assert_non_null(strstr(findings.errors, "GOOGLE_SHEETS_API_URL must begin with https://"));
    assert_null(strstr(findings.errors, "s3cret"));
    assert_int_equal(validate(&findings, SETTINGS("TELEMETRY_API_AUTH_ENABLED", "true")), 1);
    assert_non_null(strstr(findings.errors, "set TELEMETRY_API_AUTH_TOKEN"));
    assert_int_equal(validate(&findings, SETTINGS("GOOGLE_SHEETS_API_URL", "sheets")), 1);
    assert_non_null(
        strstr(findings.errors, "GOOGLE_SHEETS_API_URL must look like https://host/path"));
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        assert_int_equal(validate(&findings, SETTINGS("TELEMETRY_API_URL", urls[i])), 1);
        assert_non_null(strstr(findings.errors, "TELEMETRY_API_URL has no scheme or no host"));
        assert_non_null(strstr(findings.errors, urls[i]));
    }
    assert_int_equal(validate(&findings, SETTINGS("TELEMETRY_API_PORT", "high")), 1);
    assert_string_equal(findings.errors, "TELEMETRY_API_PORT must be an integer from 0 to 65535, "
                                         "not \"high\"; using 8765\n");
    assert_int_equal(validate(&findings, SETTINGS("TELEMETRY_MODE", "x")), 1);
    assert_string_equal(findings.errors,
                        "TELEMETRY_MODE must be service, embedded, not \"x\"; using service\n");
}

static void validate__looks_for_the_directories(void **state)
{
    CLEANUP(freep) char *file = path_join(directory, "file");
    CLEANUP(freep) char *missing = path_join(directory, "missing");
    struct findings findings;

    (void)state;
    scratch_write(file, "");
    assert_int_equal(validate(&findings, SETTINGS("TELEMETRY_BASE_DIR", missing)), 3);
    assert_non_null(strstr(findings.errors, "the base directory"));
    assert_non_null(strstr(findings.errors, "the database directory"));
    assert_non_null(strstr(findings.errors, "the NDJSON directory"));
    assert_int_equal(count_of(findings.errors, "does not exist; make it, or set TELEMETRY_"), 3);
    assert_int_equal(validate(&findings, SETTINGS("TELEMETRY_NDJSON_DIR", file)), 1);
    assert_non_null(strstr(findings.errors, "is no directory"));
    assert_int_equal(validate(&findings, SETTINGS("TELEMETRY_BASE_DIR", missing,
                                                  "TELEMETRY_SKIP_VALIDATION", "yes")),
                     0);
    assert_string_equal(findings.errors, "");
    assert_int_equal(count_lines(findings.warnings), 3);
}

static void validate__warns_of_what_will_not_work_as_meant(void **state)
{
    static const char *const local[] = {"http://localhost/x", "https://LOCALHOST:1/",
                                        "http://[::1]:9", "http://127.0.0.1:80/?q"};
    struct findings findings;

    (void)state;
    for (size_t i = 0; i < sizeof local / sizeof *local; i++) {
        assert_int_equal(validate(&findings, SETTINGS("GOOGLE_SHEETS_API_URL", local[i])), 0);
        assert_non_null(strstr(findings.warnings, "points to this machine"));
        assert_int_equal(count_lines(findings.warnings), 1);
    }
    assert_int_equal(validate(&findings, SETTINGS("GOOGLE_SHEETS_API_URL", "https://Example.org/x",
                                                  "TELEMETRY_API_URL", "http://example.ORG:8765")),
                     0);
    assert_non_null(strstr(findings.warnings, "the same host"));
    assert_int_equal(validate(&findings,
                              SETTINGS("GOOGLE_SHEETS_API_URL", "https://example.org.evil/x",
                                       "TELEMETRY_API_URL", "http://example.org:8765")),
                     0);
    assert_string_equal(findings.warnings, "");
    assert_int_equal(validate(&findings, SETTINGS("METRICS_API_URL", "http://old:1",
                                                  "METRICS_API_ENABLED", "true")),
                     0);
    assert_non_null(strstr(findings.warnings, "use TELEMETRY_API_URL"));
    assert_non_null(strstr(findings.warnings, "use GOOGLE_SHEETS_API_ENABLED"));
}

static void validate__lists_all_faults_at_once(void **state)
{
    struct findings findings;

    (void)state;
    assert_int_equal(validate(&findings,
                              SETTINGS("TELEMETRY_API_URL", "nowhere", "GOOGLE_SHEETS_API_ENABLED",
                                       "true", "METRICS_API_AUTH_REQUIRED", "true",
                                       "TELEMETRY_API_PORT", "x", "TELEMETRY_BACKGROUND", "perhaps",
                                       "TELEMETRY_BASE_DIR", "/nowhere")),
                     8);
    assert_int_equal(count_lines(findings.errors), 8);
}

static void validate__never_prints_a_secret(void **state)
{
    struct findings findings;

    (void)state;
    (void)validate(&findings, SETTINGS("TELEMETRY_API_AUTH_TOKEN", "hunter2", "METRICS_API_TOKEN",
                                       "hunter2", "TELEMETRY_API_URL", "nowhere"));
    assert_null(strstr(findings.errors, "hunter2"));
    assert_null(strstr(findings.warnings, "hunter2"));
}

/* ---- Arguments --------------------------------------------------------------------------------- */

static void config__takes_null_and_unknown_keys(void **state)
{
    CONFIG *config = make();

    (void)state;
    assert_int_equal(tel_config_new(NULL), TEL_E_INVALID);
    tel_config_free(NULL);
    assert_int_equal(tel_config_set(NULL, "LOG_LEVEL", "INFO"), TEL_E_INVALID);
    assert_int_equal(tel_config_set(config, NULL, "INFO"), TEL_E_INVALID);
    assert_int_equal(tel_config_set(config, "HOME", "/"), TEL_E_NOT_FOUND);
    assert_int_equal(tel_config_set(config, "", NULL), TEL_E_NOT_FOUND);
    assert_null(tel_config_get(NULL, "LOG_LEVEL"));
    assert_null(tel_config_get(config, NULL));
    assert_null(tel_config_get(config, "HOME"));
    assert_int_equal(tel_config_validate(NULL, NULL, NULL), 0);
    assert_int_equal(tel_config_set_log(NULL, NULL, NULL), TEL_E_INVALID);
    assert_int_equal(tel_config_set_log(config, NULL, NULL), TEL_OK);
    (void)tel_config_validate(config, NULL, NULL);
}

static void config__does_not_take_the_export_fields_from_the_environment(void **state)
{
    (void)state;
    put("timeout", "99");
    put("max_retries", "99");
    {
        CONFIG *config = make();

        check(config, "timeout", "10");
        check(config, "max_retries", "3");
        assert_int_equal(tel_config_set(config, "timeout", "2.5"), TEL_OK);
        assert_int_equal(config_int(config, CONFIG_timeout), 2500);
    }
}

static void config__keeps_errno(void **state)
{
    (void)state;
    errno = 77;
    {
        CONFIG *config = make();

        assert_int_equal(tel_config_set(config, "TELEMETRY_API_PORT", "x"), TEL_E_INVALID);
        (void)tel_config_validate(config, NULL, NULL);
        assert_int_equal(errno, 77);
    }
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(config__has_the_defaults_of_the_table),
        TEST(config__without_any_setting_uses_the_home_directory),
        TEST(config__derives_all_paths_from_the_base_directory),
        TEST(config__derives_the_base_directory_from_the_database),
        TEST(config__makes_paths_absolute),
        TEST(config__reads_booleans_in_any_case),
        TEST(config__uses_the_default_for_what_does_not_parse),
        TEST(config__reads_numbers_at_both_ends),
        TEST(config__lets_some_settings_stand_in_for_others),
        TEST(config__takes_the_deprecated_address_when_there_is_no_other),
        TEST(config_copy__is_independent),
        TEST(config__masks_secrets),
        TEST(validate__finds_nothing_in_a_sound_configuration),
        TEST(validate__names_each_fault),
        TEST(validate__looks_for_the_directories),
        TEST(validate__warns_of_what_will_not_work_as_meant),
        TEST(validate__lists_all_faults_at_once),
        TEST(validate__never_prints_a_secret),
        TEST(config__takes_null_and_unknown_keys),
        TEST(config__does_not_take_the_export_fields_from_the_environment),
        TEST(config__keeps_errno),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
