/* SPDX-License-Identifier: MIT */
#include "daemon/settings.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "daemon/listener.h"

#define TOKEN_BYTES_MAX 4096

/* Settings of the library or the export: not ours to judge. */
static bool is_ours(enum config_index index)
{
    switch (index) {
    case CONFIG_AGENT_OWNER:
    case CONFIG_TELEMETRY_MODE:
    case CONFIG_TELEMETRY_CALL_BUDGET_MS:
    case CONFIG_TELEMETRY_BACKGROUND:
    case CONFIG_TELEMETRY_RUN_ID:
    case CONFIG_TELEMETRY_TEST_MODE:
    case CONFIG_TELEMETRY_API_URL:
    case CONFIG_TELEMETRY_SKIP_VALIDATION:
    case CONFIG_TELEMETRY_BUFFER_MAX_SIZE_MB:
    case CONFIG_TELEMETRY_BUFFER_MAX_AGE_HOURS:
    case CONFIG_GOOGLE_SHEETS_API_ENABLED:
    case CONFIG_GOOGLE_SHEETS_API_URL:
    case CONFIG_METRICS_API_TOKEN:
    case CONFIG_METRICS_API_AUTH_REQUIRED:
    case CONFIG_GOOGLE_APPLICATION_CREDENTIALS:
    case CONFIG_METRICS_API_URL:
    case CONFIG_METRICS_API_ENABLED:
    case CONFIG_TELEMETRY_RETENTION_DAYS:
    case CONFIG_TELEMETRY_DRY_RUN_CLEANUP:
    case CONFIG_max_retries:
    case CONFIG_timeout:
        return false;
    default:
        return true;
    }
}

/* Settings for what this version does not do; whoever set them must hear of it. */
static size_t check_unknown_wishes(const struct tel_config *config, const struct log *log)
{
    static const char message[] = "%s is set, but this version of the service does not have that: "
                                  "unset it";
    size_t faults = 0;

    if (config_bool(config, CONFIG_TELEMETRY_RATE_LIMIT_ENABLED)) {
        log_write(log, TEL_LOG_ERROR, message, "TELEMETRY_RATE_LIMIT_ENABLED");
        faults++;
    }
    if (config_text(config, CONFIG_TELEMETRY_API_SOCKET)) {
        log_write(log, TEL_LOG_ERROR, message, "TELEMETRY_API_SOCKET");
        faults++;
    }
    if (config_text(config, CONFIG_TELEMETRY_CONFIG_FILE)) {
        log_write(log, TEL_LOG_ERROR, message, "TELEMETRY_CONFIG_FILE");
        faults++;
    }
    return faults;
}

static size_t check_exposure(const struct tel_config *config, const struct log *log)
{
    const char *host = config_text(config, CONFIG_TELEMETRY_API_HOST);

    if (config_bool(config, CONFIG_TELEMETRY_API_AUTH_ENABLED) ||
        config_bool(config, CONFIG_TELEMETRY_API_ALLOW_INSECURE) || listener_is_loopback(host))
        return 0;
    log_write(log, TEL_LOG_ERROR,
              "listening on \"%.100s\" would let others in without a token: set "
              "TELEMETRY_API_AUTH_ENABLED=true and TELEMETRY_API_AUTH_TOKEN, or, if that is meant, "
              "TELEMETRY_API_ALLOW_INSECURE=true",
              host);
    return 1;
}

size_t settings_check(const struct tel_config *config, tel_log_fn *report, void *arg)
{
    struct log log = {.write = report, .arg = arg};
    CLEANUP(freep) char *token = NULL;
    tel_fault fault;
    size_t faults = 0;
    char text[256];

    for (int i = 0; i < CONFIG_COUNT; i++) {
        enum config_index index = (enum config_index)i;

        if (!is_ours(index) || !config_describe_fault(config, index, text, sizeof text))
            continue;
        log_write(&log, TEL_LOG_ERROR, "%s", text);
        faults++;
    }
    if (!config_text(config, CONFIG_TELEMETRY_DB_PATH)) {
        log_write(&log, TEL_LOG_ERROR,
                  "there is no place for the database: set "
                  "TELEMETRY_BASE_DIR or give --base");
        faults++;
    }
    if (settings_token(&token, config, &fault)) {
        log_write(&log, TEL_LOG_ERROR, "%s", fault.text);
        faults++;
    }
    return faults + check_unknown_wishes(config, &log) + check_exposure(config, &log);
}

static tel_error read_token_file(char **token, const char *path, tel_fault *fault)
{
    CLEANUP(closep) int fd = -1;
    char text[TOKEN_BYTES_MAX + 1];
    ssize_t length;
    tel_error error = file_open(&fd, path, O_RDONLY, FILE_OWNER_ONLY, NULL, fault);

    if (error)
        return error;
    length = read(fd, text, TOKEN_BYTES_MAX);
    if (length < 0)
        return fault_errno(fault, TEL_E_IO, "cannot read %s", path);
    text[length] = '\0';
    text[strcspn(text, "\r\n")] = '\0';
    *token = strdup(text);
    return *token ? TEL_OK : fault_nomem(fault);
}

/* What does not fit in a header line could never be matched. */
static bool is_usable(const char *token)
{
    for (const char *c = token; *c; c++) {
        if (*c <= ' ' || *c >= 0x7f)
            return false;
    }
    return *token;
}

tel_error settings_token(char **token, const struct tel_config *config, tel_fault *fault)
{
    const char *given = config_text(config, CONFIG_TELEMETRY_API_AUTH_TOKEN);
    const char *path = config_text(config, CONFIG_TELEMETRY_API_AUTH_TOKEN_FILE);
    CLEANUP(freep) char *found = NULL;

    *token = NULL;
    if (!config_bool(config, CONFIG_TELEMETRY_API_AUTH_ENABLED))
        return TEL_OK;
    if (given) {
        found = strdup(given);
        if (!found)
            return fault_nomem(fault);
    } else if (path) {
        tel_error error = read_token_file(&found, path, fault);

        if (error)
            return error;
    } else {
        return fault_set(fault, TEL_E_INVALID,
                         "TELEMETRY_API_AUTH_ENABLED is on, but there is no token: set "
                         "TELEMETRY_API_AUTH_TOKEN or TELEMETRY_API_AUTH_TOKEN_FILE");
    }
    if (!found || !is_usable(found))
        return fault_set(fault, TEL_E_INVALID,
                         "the token in %s must be one word of printable ASCII characters",
                         given ? "TELEMETRY_API_AUTH_TOKEN" : path);
    *token = steal(&found);
    return TEL_OK;
}
