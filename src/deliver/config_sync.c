/* SPDX-License-Identifier: MIT */
#include "deliver/config_sync.h"

#define MS_PER_HOUR INT64_C(3600000)
#define BYTES_PER_MB INT64_C(1048576)
#define STALE_MS (INT64_C(60) * 1000)
#define UPDATE_AGE_MAX_MS (7 * 24 * MS_PER_HOUR)

struct buffer_options config_buffer_options(const struct tel_config *config)
{
    return (struct buffer_options){
        .directory = config_text(config, CONFIG_TELEMETRY_BUFFER_DIR),
        .access = config_file_access(config),
        .bytes_max = config_int(config, CONFIG_TELEMETRY_BUFFER_MAX_SIZE_MB) * BYTES_PER_MB,
        .age_max_ms = config_int(config, CONFIG_TELEMETRY_BUFFER_MAX_AGE_HOURS) * MS_PER_HOUR,
    };
}

struct sync_options config_sync_options(const struct tel_config *config, const struct log *log)
{
    return (struct sync_options){
        .directory = config_text(config, CONFIG_TELEMETRY_BUFFER_DIR),
        .access = config_file_access(config),
        .batch_size = (size_t)config_int(config, CONFIG_TELEMETRY_SYNC_BATCH_SIZE),
        .stale_ms = STALE_MS,
        .update_age_max_ms = UPDATE_AGE_MAX_MS,
        .log = log,
    };
}
