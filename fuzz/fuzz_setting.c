/* SPDX-License-Identifier: MIT
 *
 * Any bytes as the name of a setting and, behind a line feed, its value. What is in force is what was
 * given or, when that does not parse, the default; a secret is never told; taken back, all is as before.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "config/config.h"
#include "config/setting.h"

static void check_in_force(const tel_config *config, enum config_index index, const char *given)
{
    const struct setting *setting = &settings[index];
    const char *text = config_text(config, index);
    int64_t number = config_int(config, index);
    char fault[256] = "";
    bool is_faulty = config_describe_fault(config, index, fault, sizeof fault);

    if (is_faulty != (*fault != '\0') || (is_faulty && !strstr(fault, setting->key)))
        abort();
    if (text && (setting->kind == SETTING_INT || setting->kind == SETTING_SECONDS) &&
        (number < setting->min || number > setting->max))
        abort();
    if (setting->kind == SETTING_TEXT && *given && !is_faulty &&
        (!text || strcmp(text, given) != 0))
        abort();
    if (config_is_secret(index) && text && strcmp(tel_config_get(config, setting->key), "***") != 0)
        abort();
}

static void check_taken_back(const tel_config *config)
{
    CLEANUP(config_freep) tel_config *fresh = NULL;

    if (tel_config_new(&fresh))
        return;
    for (int i = 0; i < CONFIG_COUNT; i++) {
        const char *text = config_text(config, (enum config_index)i);
        const char *initial = config_text(fresh, (enum config_index)i);

        if (!text != !initial || (text && strcmp(text, initial) != 0))
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(config_freep) tel_config *config = NULL;
    CLEANUP(freep) char *key = strndup((const char *)data, size);
    char *value = key ? strchr(key, '\n') : NULL;
    tel_error error;
    int index;

    (void)clearenv(); /* what is taken back gives way to the default, not to the environment */
    if (!value || tel_config_new(&config))
        return 0;
    *value++ = '\0';
    index = setting_find(key);
    if (index == CONFIG_TELEMETRY_CONFIG_FILE) /* names a file to read, which env_file tries */
        return 0;
    error = tel_config_set(config, key, value);
    if (index < 0 && error != TEL_E_NOT_FOUND)
        abort();
    if (index < 0)
        return 0;
    if (error != (config->values[index].faulty ? TEL_E_INVALID : TEL_OK))
        abort();
    check_in_force(config, (enum config_index)index, value);
    if (tel_config_set(config, key, NULL))
        abort();
    check_taken_back(config);
    return 0;
}
