/* SPDX-License-Identifier: MIT */
#include "config/config_store.h"

struct store_options config_store_options(const struct tel_config *config)
{
    return (struct store_options){
        .path = config_text(config, CONFIG_TELEMETRY_DB_PATH),
        .journal_mode = config_text(config, CONFIG_TELEMETRY_DB_JOURNAL_MODE),
        .synchronous = config_text(config, CONFIG_TELEMETRY_DB_SYNCHRONOUS),
        .busy_timeout_ms = config_int(config, CONFIG_TELEMETRY_DB_BUSY_TIMEOUT_MS),
        .retries_max = config_int(config, CONFIG_TELEMETRY_DB_MAX_RETRIES),
        .retry_base_ms = config_int(config, CONFIG_TELEMETRY_DB_RETRY_BASE_DELAY_SECONDS),
        .group_access = config_file_access(config) == FILE_GROUP_TOO,
        .log = config->log,
    };
}
