/* SPDX-License-Identifier: MIT */
#include "daemon/secrets.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

/* Overwrite it where it is, too: that is what /proc shows. */
static void remove_variable(const char *key)
{
    char *value = getenv(key);

    if (!value)
        return;
    explicit_bzero(value, strlen(value));
    (void)unsetenv(key);
}

void secrets_hide(const struct tel_config *config)
{
    bool has_secret = config_text(config, CONFIG_TELEMETRY_API_AUTH_TOKEN_FILE) ||
                      config_text(config, CONFIG_GOOGLE_APPLICATION_CREDENTIALS);

    for (int i = 0; i < CONFIG_COUNT; i++) {
        if (!config_is_secret((enum config_index)i))
            continue;
        has_secret = has_secret || config_text(config, (enum config_index)i);
        remove_variable(config_key((enum config_index)i));
    }
    if (has_secret)
        (void)prctl(PR_SET_DUMPABLE, 0);
}

void secrets_are_gone(void)
{
    (void)prctl(PR_SET_DUMPABLE, 1);
}
