/* SPDX-License-Identifier: MIT
 *
 * Every change parses what was given anew and derives the paths from it, so there is no order in
 * which settings have to be made and no half-resolved state.
 */
#include "config/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/host.h"
#include "config/config_file.h"
#include "config/config_paths.h"
#include "config/setting.h"

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

static bool copy_string(char **to, const char *from)
{
    *to = from ? strdup(from) : NULL;
    return !from || *to;
}

/* Return what was given by whom it counts most from. An empty value is none. */
static const char *given_text(const struct config_value *value)
{
    const char *text = value->given ? value->given : value->in_file;

    return text && *text ? text : NULL;
}

enum config_origin config_origin(const struct tel_config *config, enum config_index index)
{
    const struct config_value *value = &config->values[index];

    if (!given_text(value) || value->faulty)
        return ORIGIN_DEFAULT;
    if (!value->given)
        return ORIGIN_FILE;
    return value->by_call ? ORIGIN_CALL : ORIGIN_ENVIRONMENT;
}

bool config_is_secret(enum config_index index)
{
    return settings[index].kind == SETTING_SECRET;
}

static bool resolve_one(struct tel_config *config, enum config_index index)
{
    struct config_value *value = &config->values[index];
    const char *text = given_text(value);

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
    return !text || value->text;
}

/* Fail for want of memory only: half a configuration would put runs where nobody looks for them. */
static tel_error resolve(struct tel_config *config)
{
    struct config_value *values = config->values;
    struct config_value *level = &values[CONFIG_TELEMETRY_LOG_LEVEL];
    struct config_value *url = &values[CONFIG_TELEMETRY_API_URL];
    bool is_whole = true;

    for (int i = 0; i < CONFIG_COUNT; i++)
        is_whole = resolve_one(config, (enum config_index)i) && is_whole;
    is_whole = is_whole && config_derive_paths(config);
    if (is_whole && !level->text)
        is_whole = copy_string(&level->text, values[CONFIG_LOG_LEVEL].text);
    if (!values[CONFIG_TELEMETRY_API_MAX_CONNECTIONS_PER_IP].text)
        values[CONFIG_TELEMETRY_API_MAX_CONNECTIONS_PER_IP].number =
            values[CONFIG_TELEMETRY_API_MAX_CONNECTIONS].number;
    if (is_whole && !given_text(url) && values[CONFIG_METRICS_API_URL].text) {
        free(url->text);
        is_whole = copy_string(&url->text, values[CONFIG_METRICS_API_URL].text);
    }
    return is_whole ? TEL_OK : TEL_E_NOMEM;
}

/* The file's name is a setting like others, so it is known after a first round. */
static tel_error resolve_with_file(struct tel_config *config)
{
    tel_error error = resolve(config);

    if (!error)
        error = config_load_file(config);
    return error ? error : resolve(config);
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
                   config_is_secret(index) ? "***" : given_text(value));
    return true;
}

size_t config_report_faulty(const struct tel_config *config, tel_log_level level,
                            tel_log_fn *report, void *arg)
{
    struct log log = {.write = report, .arg = arg};
    size_t count = config_report_file(config, level, report, arg);

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
    if (resolve_with_file(config)) {
        tel_config_free(config);
        return TEL_E_NOMEM;
    }
    *out = config;
    return TEL_OK;
}

static void free_text(char *text, bool is_secret)
{
    if (text && is_secret)
        explicit_bzero(text, strlen(text));
    free(text);
}

static void free_value(struct config_value *value, bool is_secret)
{
    free_text(value->given, is_secret);
    free_text(value->in_file, is_secret);
    free_text(value->text, is_secret);
}

void tel_config_free(tel_config *config)
{
    if (!config)
        return;
    for (int i = 0; i < CONFIG_COUNT; i++)
        free_value(&config->values[i], config_is_secret((enum config_index)i));
    strbuf_clear(&config->file_faults);
    free(config);
}

static bool copy_given(struct config_value *to, const struct config_value *from)
{
    to->by_call = from->by_call;
    return copy_string(&to->given, from->given) && copy_string(&to->in_file, from->in_file);
}

tel_error config_copy(struct tel_config **out, const struct tel_config *config)
{
    struct tel_config *copy = calloc(1, sizeof *copy);

    *out = NULL;
    if (!copy)
        return TEL_E_NOMEM;
    copy->log = config->log;
    copy->file_faults = STRBUF(config->file_faults.max);
    strbuf_append(&copy->file_faults, config->file_faults.text, config->file_faults.length);
    for (int i = 0; i < CONFIG_COUNT; i++) {
        if (!copy_given(&copy->values[i], &config->values[i])) {
            tel_config_free(copy);
            return TEL_E_NOMEM;
        }
    }
    if (resolve(copy)) {
        tel_config_free(copy);
        return TEL_E_NOMEM;
    }
    *out = copy;
    return TEL_OK;
}

tel_error config_take(struct tel_config **out, const struct tel_config *config)
{
    return config ? config_copy(out, config) : tel_config_new(out);
}

tel_error config_reread(struct tel_config **out, const struct tel_config *config)
{
    tel_error error = config_copy(out, config);

    if (!error)
        error = resolve_with_file(*out);
    return error;
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
    config->values[index].by_call = true;
    if (index != CONFIG_TELEMETRY_CONFIG_FILE ? resolve(config) : resolve_with_file(config))
        return TEL_E_NOMEM;
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
    return config_is_secret((enum config_index)index) ? "***" : config->values[index].text;
}

tel_error tel_config_set_log(tel_config *config, tel_log_fn *log, void *arg)
{
    if (!config)
        return TEL_E_INVALID;
    config->log = (struct log){.write = log, .arg = arg};
    return TEL_OK;
}
