/* SPDX-License-Identifier: MIT
 *
 * The service's bearer token, for whoever asks for it and whoever sends it.
 */
#ifndef CONFIG_CONFIG_TOKEN_H
#define CONFIG_CONFIG_TOKEN_H

#include "config/config.h"

/*
 * Find the token: TELEMETRY_API_AUTH_TOKEN, else the first line of the file that
 * TELEMETRY_API_AUTH_TOKEN_FILE names, which must be for its owner alone. NULL when neither is given.
 * The caller frees it.
 */
tel_error config_token(char **token, const struct tel_config *config, tel_fault *fault);

#endif
