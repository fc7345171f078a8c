/* SPDX-License-Identifier: MIT */
#include "config/config_token.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

#define TOKEN_BYTES_MAX 4096

static tel_error read_token(char **token, const char *path, tel_fault *fault)
{
    CLEANUP(closep) int fd = -1;
    char text[TOKEN_BYTES_MAX + 1];
    struct stat status;
    ssize_t length;
    tel_error error = file_open(&fd, path, O_RDONLY, FILE_OWNER_ONLY, NULL, fault);

    if (error)
        return error;
    if (fstat(fd, &status) || (status.st_mode & 077) != 0)
        return fault_set(fault, TEL_E_INVALID,
                         "%s holds a token, but is not for its owner alone: chmod 600 it", path);
    length = read(fd, text, TOKEN_BYTES_MAX);
    if (length < 0)
        return fault_errno(fault, TEL_E_IO, "cannot read %s", path);
    text[length] = '\0';
    text[strcspn(text, "\r\n")] = '\0';
    *token = strdup(text);
    explicit_bzero(text, sizeof text);
    return *token ? TEL_OK : fault_nomem(fault);
}

tel_error config_token(char **token, const struct tel_config *config, tel_fault *fault)
{
    const char *given = config_text(config, CONFIG_TELEMETRY_API_AUTH_TOKEN);
    const char *path = config_text(config, CONFIG_TELEMETRY_API_AUTH_TOKEN_FILE);

    *token = NULL;
    if (!given)
        return path ? read_token(token, path, fault) : TEL_OK;
    *token = strdup(given);
    return *token ? TEL_OK : fault_nomem(fault);
}
