/* SPDX-License-Identifier: MIT
 *
 * Files of KEY=value lines, as systemd reads an EnvironmentFile: blank lines and those that begin with
 * '#' or ';' are nothing; a value may stand in single or double quotes, also over several lines; a
 * backslash takes the next character as it is, and at the end of a line goes on in the next.
 */
#ifndef CONFIG_ENV_FILE_H
#define CONFIG_ENV_FILE_H

#include <stddef.h>

#include "base/error.h"

#define ENV_FILE_BYTES_MAX ((size_t)1024 * 1024)

struct env_file_callbacks {
    /* A setting, and the line that it begins on. */
    void (*set)(void *arg, const char *key, const char *value, size_t line);
    /* A line that is none, and what is wrong with it. Others are still read. */
    void (*fault)(void *arg, const char *reason, size_t line);
    void *arg;
};

/* Read a text that ends with NUL. TEL_E_NOMEM, or TEL_OK. */
tel_error env_file_parse(const char *text, const struct env_file_callbacks *callbacks);

#endif
