/* SPDX-License-Identifier: MIT */
#include "config/setting.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

const struct setting settings[CONFIG_COUNT] = {
#define SETTING(kind, key, initial, min, max, meaning) \
    {SETTING_##kind, #key, initial, min, max, meaning},
#include "config/config.def"
#undef SETTING
};

int setting_find(const char *key)
{
    for (int i = 0; i < CONFIG_COUNT; i++) {
        if (strcmp(settings[i].key, key) == 0)
            return i;
    }
    return -1;
}

bool setting_is_environment_key(const char *key)
{
    return *key >= 'A' && *key <= 'Z';
}

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

bool setting_parse(int64_t *number, enum config_index index, const char *text)
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

void setting_describe(char *out, size_t size, enum config_index index)
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
