/* SPDX-License-Identifier: MIT */
#include "daemon/settings.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "config/config_file.h"
#include "config/config_token.h"
#include "http/listener.h"

#define PRINTED_BYTES_MAX ((size_t)1024 * 1024)

/* Settings of the library: not ours to judge. */
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
    case CONFIG_METRICS_API_URL:
    case CONFIG_METRICS_API_ENABLED:
    case CONFIG_TELEMETRY_RETENTION_DAYS:
    case CONFIG_TELEMETRY_DRY_RUN_CLEANUP:
        return false;
    default:
        return true;
    }
}

bool settings_allow_exposure(const struct tel_config *config)
{
    return config_bool(config, CONFIG_TELEMETRY_API_AUTH_ENABLED) ||
           config_bool(config, CONFIG_TELEMETRY_API_ALLOW_INSECURE);
}

tel_error settings_fault_exposure(tel_fault *fault, const char *host)
{
    return fault_set(fault, TEL_E_INVALID,
                     "listening on \"%.100s\" would let others in without a token: set "
                     "TELEMETRY_API_AUTH_ENABLED=true and TELEMETRY_API_AUTH_TOKEN, or, if that is "
                     "meant, TELEMETRY_API_ALLOW_INSECURE=true",
                     host);
}

static size_t check_exposure(const struct tel_config *config, const struct log *log)
{
    const char *host = config_text(config, CONFIG_TELEMETRY_API_HOST);
    tel_fault fault;

    if (settings_allow_exposure(config) || listener_is_loopback(host))
        return 0;
    (void)settings_fault_exposure(&fault, host);
    log_write(log, TEL_LOG_ERROR, "%s", fault.text);
    return 1;
}

size_t settings_check(const struct tel_config *config, tel_log_fn *report, void *arg)
{
    struct log log = {.write = report, .arg = arg};
    CLEANUP(freep) char *token = NULL;
    tel_fault fault;
    size_t faults = config_report_file(config, TEL_LOG_ERROR, report, arg);
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
    return faults + check_exposure(config, &log);
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
    CLEANUP(freep) char *found = NULL;
    tel_error error;

    *token = NULL;
    if (!config_bool(config, CONFIG_TELEMETRY_API_AUTH_ENABLED))
        return TEL_OK;
    error = config_token(&found, config, fault);
    if (error)
        return error;
    if (!found)
        return fault_set(fault, TEL_E_INVALID,
                         "TELEMETRY_API_AUTH_ENABLED is on, but there is no token: set "
                         "TELEMETRY_API_AUTH_TOKEN or TELEMETRY_API_AUTH_TOKEN_FILE");
    if (!is_usable(found))
        return fault_set(fault, TEL_E_INVALID,
                         "the token in %s must be one word of printable ASCII characters",
                         config_text(config, CONFIG_TELEMETRY_API_AUTH_TOKEN)
                             ? config_key(CONFIG_TELEMETRY_API_AUTH_TOKEN)
                             : config_text(config, CONFIG_TELEMETRY_API_AUTH_TOKEN_FILE));
    *token = steal(&found);
    return TEL_OK;
}

/* ---- What is in force ------------------------------------------------------------------------ */

/* Return a value as a configuration file would have it. */
static void write_value(struct strbuf *line, const char *text)
{
    for (const char *c = text; *c; c++) {
        if (*c <= ' ' || *c >= 0x7f || strchr("\"'\\`$", *c)) {
            json_write_string(line, text);
            return;
        }
    }
    strbuf_puts(line, text);
}

static void write_setting(struct strbuf *line, const struct tel_config *config,
                          enum config_index index)
{
    static const char *const origins[] = {
        [ORIGIN_DEFAULT] = "default",
        [ORIGIN_FILE] = "file",
        [ORIGIN_ENVIRONMENT] = "environment",
        [ORIGIN_CALL] = "option",
    };
    const char *text = config_text(config, index);

    strbuf_printf(line, "%-11s %s=", origins[config_origin(config, index)], config_key(index));
    if (text)
        write_value(line, config_is_secret(index) ? "***" : text);
    strbuf_putc(line, '\n');
}

void settings_print(const struct tel_config *config, FILE *stream)
{
    CLEANUP(strbuf_clear) struct strbuf text = STRBUF(PRINTED_BYTES_MAX);

    for (int i = 0; i < CONFIG_COUNT; i++) {
        if (is_ours((enum config_index)i))
            write_setting(&text, config, (enum config_index)i);
    }
    if (text.length > 0)
        (void)fputs(text.text, stream);
}
