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
#include "deliver/config.h"

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

/* Find the host in scheme://[user@]host[:port]/...; false when there is no scheme or no host. */
static bool find_host(const char *url, const char **host, size_t *length)
{
    const char *scheme_end = strstr(url, "://");
    const char *end;
    const char *at;

    if (!scheme_end || scheme_end == url)
        return false;
    *host = scheme_end + 3;
    end = *host + strcspn(*host, "/?#");
    at = memrchr(*host, '@', (size_t)(end - *host));
    if (at)
        *host = at + 1;
    *length = **host == '[' ? strcspn(*host, "]") + 1 : strcspn(*host, ":/?#");
    return *length > 0;
}

static bool is_loopback(const char *host, size_t length)
{
    static const char *const names[] = {"localhost", "127.0.0.1", "[::1]", "0.0.0.0"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strlen(names[i]) == length && strncasecmp(host, names[i], length) == 0)
            return true;
    }
    return false;
}

static void check_url(struct report *report, const struct tel_config *config, const char *key,
                      enum config_index index)
{
    const char *url = config_text(config, index);
    const char *host;
    size_t length;

    if (url && strncmp(url, "unix:/", 6) != 0 && !find_host(url, &host, &length))
        add(report, TEL_LOG_ERROR,
            "%s has no scheme or no host: it must look like http://host:port, not \"%.100s\"", key,
            url);
}

static void check_service(struct report *report, const struct tel_config *config)
{
    check_url(report, config, "TELEMETRY_API_URL", CONFIG_TELEMETRY_API_URL);
    if (config_bool(config, CONFIG_TELEMETRY_API_AUTH_ENABLED) &&
        !config_text(config, CONFIG_TELEMETRY_API_AUTH_TOKEN) &&
        !config_text(config, CONFIG_TELEMETRY_API_AUTH_TOKEN_FILE))
        add(report, TEL_LOG_ERROR,
            "TELEMETRY_API_AUTH_ENABLED is on but there is no token: set TELEMETRY_API_AUTH_TOKEN "
            "or TELEMETRY_API_AUTH_TOKEN_FILE");
}

static void check_export(struct report *report, const struct tel_config *config)
{
    const char *url = config_text(config, CONFIG_GOOGLE_SHEETS_API_URL);
    const char *service = config_text(config, CONFIG_TELEMETRY_API_URL);
    const char *host;
    const char *service_host;
    size_t length;
    size_t service_length;

    if (config_bool(config, CONFIG_GOOGLE_SHEETS_API_ENABLED) && !url)
        add(report, TEL_LOG_ERROR,
            "GOOGLE_SHEETS_API_ENABLED is on but GOOGLE_SHEETS_API_URL is not set: set it or "
            "switch the export off");
    if (config_bool(config, CONFIG_METRICS_API_AUTH_REQUIRED) &&
        !config_text(config, CONFIG_METRICS_API_TOKEN))
        add(report, TEL_LOG_ERROR,
            "METRICS_API_AUTH_REQUIRED is on but METRICS_API_TOKEN is not set");
    if (!url || !find_host(url, &host, &length))
        return;
    if (is_loopback(host, length))
        add(report, TEL_LOG_WARNING,
            "GOOGLE_SHEETS_API_URL points to this machine, which answers 404: give the sheet's "
            "address, or switch the export off");
    else if (service && find_host(service, &service_host, &service_length) &&
             length == service_length && strncasecmp(host, service_host, length) == 0)
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
    check_url(&findings, config, "GOOGLE_SHEETS_API_URL", CONFIG_GOOGLE_SHEETS_API_URL);
    check_export(&findings, config);
    check_directories(&findings, config);
    check_deprecated(&findings, config);
    return findings.errors;
}
