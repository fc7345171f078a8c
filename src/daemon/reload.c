/* SPDX-License-Identifier: MIT */
#include "daemon/reload.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "config/config_file.h"
#include "daemon/log_file.h"
#include "daemon/settings.h"

static void log_fault(void *arg, tel_log_level level, const char *message)
{
    logger_event(arg, level, "the configuration is faulty", LOG_FIELDS({"reason", message}));
}

/* Nothing is heard if this fails, so the old file goes on being used. */
static void reopen_log(const struct tel_config *config, const struct logger *logger)
{
    const char *path = config_text(config, CONFIG_TELEMETRY_LOG_FILE);
    tel_fault fault = {0};

    if (path && log_file_open(path, config_file_access(config), &fault))
        logger_event(logger, TEL_LOG_ERROR, "the log cannot be reopened",
                     LOG_FIELDS({"reason", fault.text}));
}

static bool can_change(enum config_index index)
{
    return index == CONFIG_TELEMETRY_LOG_LEVEL || index == CONFIG_LOG_LEVEL ||
           index == CONFIG_TELEMETRY_API_AUTH_TOKEN;
}

static bool is_same(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static void tell_what_waits(const struct tel_config *old, const struct tel_config *new,
                            const struct logger *logger)
{
    for (int i = 0; i < CONFIG_COUNT; i++) {
        enum config_index index = (enum config_index)i;

        if (!can_change(index) && !is_same(config_text(old, index), config_text(new, index)))
            logger_event(logger, TEL_LOG_WARNING, "a changed setting waits for a restart",
                         LOG_FIELDS({"setting", config_key(index)}));
    }
}

/* Whether requests need a token at all does not change. */
static void apply(const struct tel_config *config, struct service *service)
{
    CLEANUP(freep) char *token = NULL;
    tel_fault fault = {0};

    logger_set_level(&service->logger, config_text(config, CONFIG_TELEMETRY_LOG_LEVEL));
    if (!service->auth.is_on)
        return;
    if (settings_token(&token, config, &fault))
        log_fault(&service->logger, TEL_LOG_ERROR, fault.text);
    else if (token)
        auth_set_token(&service->auth, steal(&token));
}

void reload(const struct tel_config *config, struct service *service)
{
    struct logger *logger = &service->logger;
    CLEANUP(config_freep) struct tel_config *new = NULL;

    reopen_log(config, logger);
    if (config_reread(&new, config)) {
        log_fault(logger, TEL_LOG_ERROR, "out of memory");
        return;
    }
    if (settings_check(new, log_fault, logger)) {
        logger_event(logger, TEL_LOG_ERROR, "the configuration was not read again", NULL);
        return;
    }
    tell_what_waits(config, new, logger);
    apply(new, service);
    logger_event(logger, TEL_LOG_INFO, "the configuration was read again", NULL);
}
