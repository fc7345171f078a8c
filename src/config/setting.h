/* SPDX-License-Identifier: MIT
 *
 * The table of settings, and what a value of each kind looks like as text.
 */
#ifndef CONFIG_SETTING_H
#define CONFIG_SETTING_H

#include "config/config.h"

enum setting_kind {
    SETTING_TEXT,
    SETTING_PATH,
    SETTING_SECRET,
    SETTING_BOOL,
    SETTING_INT,
    SETTING_SECONDS,
};

struct setting {
    enum setting_kind kind;
    const char *key;
    const char *initial;
    int64_t min, max;
    const char *meaning;
};

extern const struct setting settings[CONFIG_COUNT];

/* Return the index of the setting of this name, or -1. */
int setting_find(const char *key);

/* Can the environment, or a file, give it? Some are given by calls alone. */
bool setting_is_environment_key(const char *key);

/* Read a value: BOOL, INT and SECONDS (in milliseconds) into *number. false: it is none. */
bool setting_parse(int64_t *number, enum config_index index, const char *text);

/* Say what a setting wants: "an integer from 1 to 10". */
void setting_describe(char *out, size_t size, enum config_index index);

#endif
