/* SPDX-License-Identifier: MIT
 *
 * Every change parses what was given anew and derives the paths from it, so there is no order in
 * which settings have to be made and no half-resolved state.
 */
#include "deliver/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/host.h"
#include "deliver/config_paths.h"
#include "deliver/setting.h"

/* ---- Values in force ------------------------------------------------------------------------- */

const char *config_text(const struct tel_config *config, enum config_index index)
{
    return config->values[index].text;
}

int64_t config_int(const struct tel_config *config, enum config_index index)
{
    return config->values[index].number;
}

bool config_bool(const struct tel_config *config, enum config_index index)
{
    return config->values[index].number != 0;
}

const char *config_base_dir(const struct tel_config *config)
{
    return config_text(config, CONFIG_TELEMETRY_BASE_DIR);
}

enum file_access config_file_access(const struct tel_config *config)
{
    return config_bool(config, CONFIG_TELEMETRY_GROUP_ACCESS) ? FILE_GROUP_TOO : FILE_OWNER_ONLY;
}

static bool text_is(const struct tel_config *config, enum config_index index, const char *word)
{
    const char *text = config_text(config, index);

    return text && strcasecmp(text, word) == 0;
}

bool config_is_embedded(const struct tel_config *config)
{
    return text_is(config, CONFIG_TELEMETRY_MODE, "embedded");
}

bool config_is_mock(const struct tel_config *config)
{
    return text_is(config, CONFIG_TELEMETRY_TEST_MODE, "mock");
}

/* ---- Resolving all --------------------------------------------------------------------------- */

static void copy_text(struct tel_config *config, enum config_index to, enum config_index from)
{
    if (!config->values[to].text && config->values[from].text)
        config->values[to].text = strdup(config->values[from].text);
}

/* An empty value is none. */
static bool is_given(const struct config_value *value)
{
    return value->given && *value->given;
}

static void resolve_one(struct tel_config *config, enum config_index index)
{
    struct config_value *value = &config->values[index];
    const char *text = is_given(value) ? value->given : NULL;

    free(value->text);
    value->text = NULL;
    value->number = 0;
    value->faulty = text && !setting_parse(&value->number, index, text);
    if (!text || value->faulty) {
        text = settings[index].initial;
        if (text)
            (void)setting_parse(&value->number, index, text);
    }
    if (text)
        value->text = settings[index].kind == SETTING_PATH ? path_expand(text) : strdup(text);
}

static void resolve(struct tel_config *config)
{
    struct config_value *values = config->values;

    for (int i = 0; i < CONFIG_COUNT; i++)
        resolve_one(config, (enum config_index)i);
    config_derive_paths(config);
    copy_text(config, CONFIG_TELEMETRY_LOG_LEVEL, CONFIG_LOG_LEVEL);
    if (!values[CONFIG_TELEMETRY_API_MAX_CONNECTIONS_PER_IP].text)
        values[CONFIG_TELEMETRY_API_MAX_CONNECTIONS_PER_IP].number =
            values[CONFIG_TELEMETRY_API_MAX_CONNECTIONS].number;
    if (!is_given(&values[CONFIG_TELEMETRY_API_URL]) && values[CONFIG_METRICS_API_URL].text) {
        free(values[CONFIG_TELEMETRY_API_URL].text);
        values[CONFIG_TELEMETRY_API_URL].text = strdup(values[CONFIG_METRICS_API_URL].text);
    }
}

const char *config_key(enum config_index index)
{
    return settings[index].key;
}

bool config_describe_fault(const struct tel_config *config, enum config_index index, char *text,
                           size_t size)
{
    const struct config_value *value = &config->values[index];
    char wanted[128];

    if (!value->faulty)
        return false;
    setting_describe(wanted, sizeof wanted, index);
    (void)snprintf(text, size, "%s must be %s, not \"%.60s\"", settings[index].key, wanted,
                   settings[index].kind == SETTING_SECRET ? "***" : value->given);
    return true;
}

size_t config_report_faulty(const struct tel_config *config, tel_log_level level,
                            tel_log_fn *report, void *arg)
{
    struct log log = {.write = report, .arg = arg};
    size_t count = 0;

    for (int i = 0; i < CONFIG_COUNT; i++) {
        char text[256];

        if (!config_describe_fault(config, (enum config_index)i, text, sizeof text))
            continue;
        count++;
        log_write(&log, level, "%s; using %s", text,
                  settings[i].initial ? settings[i].initial : "none");
    }
    return count;
}

tel_error tel_config_new(tel_config **out)
{
    CLEANUP(errno_restore) int host_errno = errno;
    tel_config *config;

    if (!out)
        return TEL_E_INVALID;
    *out = NULL;
    config = calloc(1, sizeof *config);
    if (!config)
        return TEL_E_NOMEM;
    for (int i = 0; i < CONFIG_COUNT; i++) {
        const char *given =
            setting_is_environment_key(settings[i].key) ? getenv(settings[i].key) : NULL;

        config->values[i].given = given ? strdup(given) : NULL;
        if (given && !config->values[i].given) {
            tel_config_free(config);
            return TEL_E_NOMEM;
        }
    }
    resolve(config);
    *out = config;
    return TEL_OK;
}

void tel_config_free(tel_config *config)
{
    if (!config)
        return;
    for (int i = 0; i < CONFIG_COUNT; i++) {
        free(config->values[i].given);
        free(config->values[i].text);
    }
    free(config);
}

tel_error config_copy(struct tel_config **out, const struct tel_config *config)
{
    struct tel_config *copy = calloc(1, sizeof *copy);

    *out = NULL;
    if (!copy)
        return TEL_E_NOMEM;
    copy->log = config->log;
    for (int i = 0; i < CONFIG_COUNT; i++) {
        const char *given = config->values[i].given;

        copy->values[i].given = given ? strdup(given) : NULL;
        if (given && !copy->values[i].given) {
            tel_config_free(copy);
            return TEL_E_NOMEM;
        }
    }
    resolve(copy);
    *out = copy;
    return TEL_OK;
}

tel_error tel_config_set(tel_config *config, const char *key, const char *value)
{
    CLEANUP(errno_restore) int host_errno = errno;
    char *copy = NULL;
    int index;

    if (!config || !key)
        return TEL_E_INVALID;
    index = setting_find(key);
    if (index < 0)
        return TEL_E_NOT_FOUND;
    if (value) {
        copy = strdup(value);
        if (!copy)
            return TEL_E_NOMEM;
    }
    free(config->values[index].given);
    config->values[index].given = copy;
    resolve(config);
    return config->values[index].faulty ? TEL_E_INVALID : TEL_OK;
}

const char *tel_config_get(const tel_config *config, const char *key)
{
    int index;

    if (!config || !key)
        return NULL;
    index = setting_find(key);
    if (index < 0 || !config->values[index].text)
        return NULL;
    return settings[index].kind == SETTING_SECRET ? "***" : config->values[index].text;
}

tel_error tel_config_set_log(tel_config *config, tel_log_fn *log, void *arg)
{
    if (!config)
        return TEL_E_INVALID;
    config->log = (struct log){.write = log, .arg = arg};
    return TEL_OK;
}
