/* SPDX-License-Identifier: MIT
 *
 * Validation: reports every fault, so that nobody has to mend them one by one.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/host.h"
#include "base/url.h"
#include "config/config.h"
#include "config/sheets_endpoint.h"

struct report {
    struct log log;
    size_t errors;
};

static void add(struct report *report, tel_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void add(struct report *report, tel_log_level level, const char *format, ...)
{
    char message[1024];
    va_list args;

    if (level == TEL_LOG_ERROR)
        report->errors++;
    va_start(args, format);
    (void)vsnprintf(message, sizeof message, format, args);
    va_end(args);
    log_write(&report->log, level, "%s", message);
}

static void check_service(struct report *report, const struct tel_config *config)
{
    const char *url = config_text(config, CONFIG_TELEMETRY_API_URL);
    struct url parts;

    if (url && strncmp(url, "unix:/", 6) != 0 && !url_split(&parts, url))
        add(report, TEL_LOG_ERROR,
            "TELEMETRY_API_URL has no scheme or no host: it must look like http://host:port, not "
            "\"%.100s\"",
            url);
    if (config_bool(config, CONFIG_TELEMETRY_API_AUTH_ENABLED) &&
        !config_text(config, CONFIG_TELEMETRY_API_AUTH_TOKEN) &&
        !config_text(config, CONFIG_TELEMETRY_API_AUTH_TOKEN_FILE))
        add(report, TEL_LOG_ERROR,
            "TELEMETRY_API_AUTH_ENABLED is on but there is no token: set TELEMETRY_API_AUTH_TOKEN "
            "or TELEMETRY_API_AUTH_TOKEN_FILE");
}

static void check_export_url(struct report *report, const char *url)
{
    struct sheets_endpoint endpoint;
    tel_fault fault;

    if (url && sheets_endpoint_init(&endpoint, url, &fault))
        add(report, TEL_LOG_ERROR, "%s", fault.text);
    else if (url)
        sheets_endpoint_clear(&endpoint);
}

static void check_export(struct report *report, const struct tel_config *config)
{
    const char *url = config_text(config, CONFIG_GOOGLE_SHEETS_API_URL);
    const char *service = config_text(config, CONFIG_TELEMETRY_API_URL);
    struct url export_parts;
    struct url service_parts;

    if (config_bool(config, CONFIG_GOOGLE_SHEETS_API_ENABLED) && !url)
        add(report, TEL_LOG_ERROR,
            "GOOGLE_SHEETS_API_ENABLED is on but GOOGLE_SHEETS_API_URL is not set: set it or "
            "switch the export off");
    check_export_url(report, url);
    if (config_bool(config, CONFIG_METRICS_API_AUTH_REQUIRED) &&
        !config_text(config, CONFIG_METRICS_API_TOKEN) &&
        !config_text(config, CONFIG_GOOGLE_APPLICATION_CREDENTIALS))
        add(report, TEL_LOG_ERROR,
            "METRICS_API_AUTH_REQUIRED is on but there is no token: set METRICS_API_TOKEN, or "
            "GOOGLE_APPLICATION_CREDENTIALS to a service account's key file");
    if (!url || !url_split(&export_parts, url))
        return;
    if (url_is_loopback(&export_parts))
        add(report, TEL_LOG_WARNING,
            "GOOGLE_SHEETS_API_URL points to this machine, which answers 404: give the sheet's "
            "address, or switch the export off");
    else if (service && url_split(&service_parts, service) &&
             export_parts.host_length == service_parts.host_length &&
             strncasecmp(export_parts.host, service_parts.host, service_parts.host_length) == 0)
        add(report, TEL_LOG_WARNING,
            "GOOGLE_SHEETS_API_URL and TELEMETRY_API_URL point to the same host: the export is "
            "for Google Sheets, not for the service");
}

static void check_directory(struct report *report, const struct tel_config *config,
                            const char *what, const char *path, const char *key)
{
    tel_log_level level =
        config_bool(config, CONFIG_TELEMETRY_SKIP_VALIDATION) ? TEL_LOG_WARNING : TEL_LOG_ERROR;
    struct stat status;

    if (!path)
        add(report, level, "there is no %s directory: set TELEMETRY_BASE_DIR", what);
    else if (stat(path, &status))
        add(report, level, "the %s directory %s does not exist; make it, or set %s", what, path,
            key);
    else if (!S_ISDIR(status.st_mode))
        add(report, level, "the %s directory %s is no directory; remove it, or set %s", what, path,
            key);
}

static void check_directories(struct report *report, const struct tel_config *config)
{
    const char *database = config_text(config, CONFIG_TELEMETRY_DB_PATH);
    CLEANUP(freep) char *directory = database ? path_directory(database) : NULL;

    check_directory(report, config, "base", config_base_dir(config), "TELEMETRY_BASE_DIR");
    check_directory(report, config, "database", directory, "TELEMETRY_DB_PATH");
    check_directory(report, config, "NDJSON", config_text(config, CONFIG_TELEMETRY_NDJSON_DIR),
                    "TELEMETRY_NDJSON_DIR");
}

static void check_deprecated(struct report *report, const struct tel_config *config)
{
    if (config_text(config, CONFIG_METRICS_API_URL))
        add(report, TEL_LOG_WARNING,
            "METRICS_API_URL is deprecated: use TELEMETRY_API_URL for the service");
    if (config_text(config, CONFIG_METRICS_API_ENABLED))
        add(report, TEL_LOG_WARNING,
            "METRICS_API_ENABLED is deprecated: use GOOGLE_SHEETS_API_ENABLED for the export");
}

size_t tel_config_validate(const tel_config *config, tel_log_fn *report, void *arg)
{
    CLEANUP(errno_restore) int host_errno = errno;
    struct report findings = {.log = {.write = report, .arg = arg}};

    if (!config)
        return 0;
    findings.errors += config_report_faulty(config, TEL_LOG_ERROR, report, arg);
    check_service(&findings, config);
    check_export(&findings, config);
    check_directories(&findings, config);
    check_deprecated(&findings, config);
    return findings.errors;
}
