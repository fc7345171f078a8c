/* SPDX-License-Identifier: MIT
 *
 * The configuration: what was given (by the environment, a flag, a call), and what follows from it.
 * Settings are addressed by the names of their environment variables, everywhere.
 */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/file.h"
#include "base/log.h"
#include "base/strbuf.h"

/* CONFIG_TELEMETRY_DB_PATH, ...: indexes of the settings. */
enum config_index {
#define SETTING(kind, key, initial, min, max, meaning) CONFIG_##key,
#include "config/config.def"
#undef SETTING
    CONFIG_COUNT
};

/* Who gave a value, from the weakest on. */
enum config_origin {
    ORIGIN_DEFAULT,
    ORIGIN_FILE,
    ORIGIN_ENVIRONMENT,
    ORIGIN_CALL, /* tel_config_set(): an option of a program, or a host program */
};

struct config_value {
    char *given; /* by environment or call, NULL: not */
    bool by_call;
    char *in_file;  /* what TELEMETRY_CONFIG_FILE has, NULL: nothing */
    char *text;     /* in force, NULL: none */
    int64_t number; /* of BOOL, INT and SECONDS (milliseconds) */
    bool faulty;    /* what was given does not parse; the default is in force */
};

struct tel_config {
    struct config_value values[CONFIG_COUNT];
    struct strbuf file_faults; /* lines: what is wrong with TELEMETRY_CONFIG_FILE */
    struct log log;
};

/* The name of a setting: its environment variable. */
const char *config_key(enum config_index index);

/* For locals: CLEANUP(config_freep) struct tel_config *config = NULL; */
static inline void config_freep(struct tel_config **config)
{
    tel_config_free(*config);
}

/* Values in force. Texts are borrowed until the next change; NULL: none. */
const char *config_text(const struct tel_config *config, enum config_index index);
int64_t config_int(const struct tel_config *config, enum config_index index);
bool config_bool(const struct tel_config *config, enum config_index index);

enum config_origin config_origin(const struct tel_config *config, enum config_index index);

/* Is it a secret, which is never printed? */
bool config_is_secret(enum config_index index);

/* What several settings decide together. */
const char *config_base_dir(const struct tel_config *config);
enum file_access config_file_access(const struct tel_config *config);
bool config_is_embedded(const struct tel_config *config);
bool config_is_mock(const struct tel_config *config); /* nothing may leave by network */

/* A deep copy. The caller frees it with tel_config_free(). */
tel_error config_copy(struct tel_config **out, const struct tel_config *config);

/* The same of what a caller hands in, where NULL stands for the environment. */
tel_error config_take(struct tel_config **out, const struct tel_config *config);

/* Say what is wrong with a value: its key, what it wants, what was given. false: it parses. */
bool config_describe_fault(const struct tel_config *config, enum config_index index, char *text,
                           size_t size);

/* Report what is wrong with the file, and the values that do not parse, each with its key, what it
 * wants and the default used. */
size_t config_report_faulty(const struct tel_config *config, tel_log_level level,
                            tel_log_fn *report, void *arg);

#endif
