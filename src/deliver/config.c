/* SPDX-License-Identifier: MIT
 *
 * Every change parses what was given anew and derives the paths from it, so there is no order in
 * which settings have to be made and no half-resolved state.
 */
#include "deliver/config.h"

#include <errno.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/host.h"

enum setting_kind {
    SETTING_TEXT,
    SETTING_PATH,
    SETTING_SECRET,
    SETTING_BOOL,
    SETTING_INT,
    SETTING_SECONDS,
};

static const struct {
    enum setting_kind kind;
    const char *key;
    const char *initial;
    int64_t min, max;
    const char *meaning;
} settings[CONFIG_COUNT] = {
#define SETTING(kind, key, initial, min, max, meaning) \
    {SETTING_##kind, #key, initial, min, max, meaning},
#include "deliver/config.def"
#undef SETTING
};

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

/* ---- Parsing one value ----------------------------------------------------------------------- */

static bool is_one_of(const char *text, const char *const *words)
{
    for (; *words; words++) {
        if (strcasecmp(text, *words) == 0)
            return true;
    }
    return false;
}

static bool parse_bool(int64_t *number, const char *text)
{
    static const char *const yes[] = {"true", "1", "yes", "on", NULL};
    static const char *const no[] = {"false", "0", "no", "off", NULL};

    *number = is_one_of(text, yes);
    return *number || is_one_of(text, no);
}

static bool parse_int(int64_t *number, const char *text)
{
    int host_errno = errno;
    bool in_range;
    char *end;

    errno = 0;
    *number = strtoimax(text, &end, 10);
    in_range = errno == 0;
    errno = host_errno;
    return in_range && end != text && !*end;
}

/* Read seconds such as "0.1" into milliseconds without strtod(), which follows the host's locale. */
static bool parse_seconds(int64_t *ms, const char *text)
{
    int64_t place = 100;
    const char *c = text;

    *ms = 0;
    for (; *c >= '0' && *c <= '9' && *ms < INT32_MAX; c++)
        *ms = *ms * 10 + (int64_t)(*c - '0') * 1000;
    if (c == text)
        return false;
    if (*c == '.') {
        for (c++; *c >= '0' && *c <= '9'; c++, place /= 10)
            *ms += (*c - '0') * place;
    }
    return !*c;
}

/* Some texts are one of a few words. */
static const char *const *allowed_words(enum config_index index)
{
    static const char *const modes[] = {"service", "embedded", NULL};
    static const char *const test_modes[] = {"mock", "live", NULL};
    static const char *const levels[] = {"DEBUG", "INFO", "WARNING", "ERROR", NULL};
    static const char *const journals[] = {"DELETE", "TRUNCATE", "PERSIST", "WAL", NULL};
    static const char *const syncs[] = {"FULL", "EXTRA", NULL};

    switch (index) {
    case CONFIG_TELEMETRY_MODE:
        return modes;
    case CONFIG_TELEMETRY_TEST_MODE:
        return test_modes;
    case CONFIG_TELEMETRY_LOG_LEVEL:
    case CONFIG_LOG_LEVEL:
        return levels;
    case CONFIG_TELEMETRY_DB_JOURNAL_MODE:
        return journals;
    case CONFIG_TELEMETRY_DB_SYNCHRONOUS:
        return syncs;
    default:
        return NULL;
    }
}

static bool parse(int64_t *number, enum config_index index, const char *text)
{
    const char *const *words = allowed_words(index);

    switch (settings[index].kind) {
    case SETTING_BOOL:
        return parse_bool(number, text);
    case SETTING_INT:
        return parse_int(number, text) && *number >= settings[index].min &&
               *number <= settings[index].max;
    case SETTING_SECONDS:
        return parse_seconds(number, text) && *number >= settings[index].min &&
               *number <= settings[index].max;
    default:
        return !words || is_one_of(text, words);
    }
}

/* Say what a setting wants. */
static void describe(char *out, size_t size, enum config_index index)
{
    const char *const *words = allowed_words(index);
    size_t used = 0;

    switch (settings[index].kind) {
    case SETTING_BOOL:
        (void)snprintf(out, size, "true or false");
        return;
    case SETTING_INT:
        (void)snprintf(out, size, "an integer from %" PRId64 " to %" PRId64, settings[index].min,
                       settings[index].max);
        return;
    case SETTING_SECONDS:
        (void)snprintf(out, size, "seconds, at most %" PRId64, settings[index].max / 1000);
        return;
    default:
        *out = '\0';
        for (; words && *words && used < size; words++)
            used += (size_t)snprintf(out + used, size - used, "%s%s", used ? ", " : "", *words);
    }
}

/* ---- Paths ----------------------------------------------------------------------------------- */

static bool is_directory(const char *path)
{
    struct stat status;

    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

/* Return the user's home directory, which the caller frees, or NULL. */
static char *home_directory(void)
{
    const char *home = getenv("HOME");
    struct passwd entry;
    struct passwd *found = NULL;
    char buffer[4096];

    if (home && *home == '/')
        return strdup(home);
    if (getpwuid_r(geteuid(), &entry, buffer, sizeof buffer, &found) || !found)
        return NULL;
    return found->pw_dir && *found->pw_dir == '/' ? strdup(found->pw_dir) : NULL;
}

static char *under_home(const char *name)
{
    CLEANUP(freep) char *home = home_directory();

    return home ? path_join(home, name) : NULL;
}

/* Make a path absolute, so that it means the same when the host changes its working directory. */
static char *expand_path(const char *path)
{
    CLEANUP(freep) char *working = NULL;

    if (strncmp(path, "~/", 2) == 0) {
        char *expanded = under_home(path + 2);

        if (expanded)
            return expanded;
    }
    if (*path != '/')
        working = getcwd(NULL, 0);
    return working ? path_join(working, path) : strdup(path);
}

/* A database in a directory called db belongs to the base above it. */
static char *base_of_database(const char *path)
{
    CLEANUP(freep) char *directory = path_directory(path);
    const char *name;

    if (!directory)
        return NULL;
    name = strrchr(directory, '/');
    if (strcmp(name ? name + 1 : directory, "db") != 0)
        return steal(&directory);
    return path_directory(directory);
}

static char *default_base(void)
{
    static const char *const shared[] = {"/agent-metrics", "/opt/telemetry", "/data/telemetry"};

    for (size_t i = 0; i < sizeof shared / sizeof *shared; i++) {
        if (is_directory(shared[i]))
            return strdup(shared[i]);
    }
    return under_home(".telemetry");
}

/* Fill in a path that was not given: {directory}/{name}. */
static void derive_path(struct tel_config *config, enum config_index index, const char *directory,
                        const char *name)
{
    if (!config->values[index].text && directory)
        config->values[index].text = path_join(directory, name);
}

static void derive_paths(struct tel_config *config)
{
    struct config_value *values = config->values;
    struct config_value *base = &values[CONFIG_TELEMETRY_BASE_DIR];
    const char *database = values[CONFIG_TELEMETRY_DB_PATH].text;

    if (!base->text && values[CONFIG_AGENT_METRICS_DIR].text)
        base->text = strdup(values[CONFIG_AGENT_METRICS_DIR].text);
    if (!base->text)
        base->text = database ? base_of_database(database) : default_base();
    derive_path(config, CONFIG_TELEMETRY_DB_PATH, base->text, "db/telemetry.sqlite");
    derive_path(config, CONFIG_TELEMETRY_NDJSON_DIR, base->text, "raw");
    derive_path(config, CONFIG_TELEMETRY_BUFFER_DIR, base->text, "buffer");

    database = values[CONFIG_TELEMETRY_DB_PATH].text;
    if (!values[CONFIG_TELEMETRY_LOCK_FILE].text && database) {
        char *lock;

        if (asprintf(&lock, "%s.lock", database) >= 0)
            values[CONFIG_TELEMETRY_LOCK_FILE].text = lock;
    }
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
    value->faulty = text && !parse(&value->number, index, text);
    if (!text || value->faulty) {
        text = settings[index].initial;
        if (text)
            (void)parse(&value->number, index, text);
    }
    if (text)
        value->text = settings[index].kind == SETTING_PATH ? expand_path(text) : strdup(text);
}

static void resolve(struct tel_config *config)
{
    struct config_value *values = config->values;

    for (int i = 0; i < CONFIG_COUNT; i++)
        resolve_one(config, (enum config_index)i);
    derive_paths(config);
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
    describe(wanted, sizeof wanted, index);
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

static bool is_environment_key(const char *key)
{
    return *key >= 'A' && *key <= 'Z';
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
        const char *given = is_environment_key(settings[i].key) ? getenv(settings[i].key) : NULL;

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

static int find(const char *key)
{
    for (int i = 0; i < CONFIG_COUNT; i++) {
        if (strcmp(settings[i].key, key) == 0)
            return i;
    }
    return -1;
}

tel_error tel_config_set(tel_config *config, const char *key, const char *value)
{
    CLEANUP(errno_restore) int host_errno = errno;
    char *copy = NULL;
    int index;

    if (!config || !key)
        return TEL_E_INVALID;
    index = find(key);
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
    index = find(key);
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
