/* SPDX-License-Identifier: MIT
 *
 * The configuration as the service needs it: every fault found at once, and fatal. A service that
 * guesses what was meant, or leaves out a protection that was asked for, helps nobody.
 */
#ifndef DAEMON_SETTINGS_H
#define DAEMON_SETTINGS_H

#include <stdbool.h>
#include <stdio.h>

#include "config/config.h"

/* Check what the service reads, and report each fault as TEL_LOG_ERROR. Return their number. */
size_t settings_check(const struct tel_config *config, tel_log_fn *report, void *arg);

/*
 * Find the token that requests must carry, which the caller frees; NULL when they need none. From
 * TELEMETRY_API_AUTH_TOKEN, else from the file that TELEMETRY_API_AUTH_TOKEN_FILE names.
 */
tel_error settings_token(char **token, const struct tel_config *config, tel_fault *fault);

/* Print the settings that the service reads, each behind where it comes from; secrets are masked. */
void settings_print(const struct tel_config *config, FILE *stream);

/* Is it settled that others than this machine's programs may come? If not, and they can, because `host`
 * is listened on, that is a fault. */
bool settings_allow_exposure(const struct tel_config *config);
tel_error settings_fault_exposure(tel_fault *fault, const char *host);

#endif
