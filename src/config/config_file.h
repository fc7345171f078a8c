/* SPDX-License-Identifier: MIT
 *
 * The values that TELEMETRY_CONFIG_FILE gives, for what the environment does not.
 */
#ifndef CONFIG_CONFIG_FILE_H
#define CONFIG_CONFIG_FILE_H

#include "config/config.h"

/* Read the file that is configured, if one is, in place of what was read before. What is wrong with it
 * is noted in the configuration. TEL_E_NOMEM, or TEL_OK. */
tel_error config_load_file(struct tel_config *config);

/* Make a configuration from what was given before and from what the file has now. */
tel_error config_reread(struct tel_config **out, const struct tel_config *config);

/* Report what is wrong with the file, and return the number of faults. */
size_t config_report_file(const struct tel_config *config, tel_log_level level, tel_log_fn *report,
                          void *arg);

#endif
