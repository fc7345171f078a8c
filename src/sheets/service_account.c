/* SPDX-License-Identifier: MIT */
#include "sheets/service_account.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/json.h"

#define FILE_BYTES_MAX ((size_t)64 * 1024)
#define TOKEN_URI "https://oauth2.googleapis.com/token"

static void forget(char **text)
{
    if (*text)
        explicit_bzero(*text, strlen(*text));
    free(*text);
    *text = NULL;
}

void service_account_clear(struct service_account *account)
{
    forget(&account->private_key);
    free(account->client_email);
    free(account->private_key_id);
    free(account->token_uri);
    *account = (struct service_account){0};
}

/* Unlike file_open() follow links: keys are often mounted that way. */
static tel_error open_key_file(int *fd, const char *path, const struct log *log, tel_fault *fault)
{
    CLEANUP(closep) int opened = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat status;

    if (opened < 0)
        return fault_errno(fault, errno == ENOENT ? TEL_E_NOT_FOUND : TEL_E_IO,
                           "cannot open the key file %s", path);
    if (fstat(opened, &status))
        return fault_errno(fault, TEL_E_IO, "cannot examine the key file %s", path);
    if (!S_ISREG(status.st_mode))
        return fault_set(fault, TEL_E_CORRUPT, "the key file %s is no regular file", path);
    if (status.st_size > (off_t)FILE_BYTES_MAX)
        return fault_set(fault, TEL_E_TOO_LARGE, "the key file %s is larger than %zu bytes", path,
                         FILE_BYTES_MAX);
    if (status.st_mode & (S_IRWXG | S_IRWXO))
        log_write(log, TEL_LOG_WARNING,
                  "the key file %s is open to others than its owner: chmod 600 %s", path, path);
    *fd = opened;
    opened = -1;
    return TEL_OK;
}

static tel_error read_file(char *text, size_t *length, const char *path, const struct log *log,
                           tel_fault *fault)
{
    CLEANUP(closep) int fd = -1;
    tel_error error = open_key_file(&fd, path, log, fault);
    ssize_t count = 1;

    *length = 0;
    while (!error && count != 0) {
        count = read(fd, text + *length, FILE_BYTES_MAX - *length);
        if (count > 0)
            *length += (size_t)count;
        else if (count < 0 && errno != EINTR)
            error = fault_errno(fault, TEL_E_IO, "cannot read the key file %s", path);
    }
    return error;
}

/* Take a member that must be there. */
static tel_error take(char **out, const json_t *json, const char *key, const char *path,
                      tel_fault *fault)
{
    const char *text = json_string_value(json_object_get(json, key));

    if (!text || !*text)
        return fault_set(fault, TEL_E_CORRUPT,
                         "the key file %s has no \"%s\"; it must be the JSON key of a service "
                         "account",
                         path, key);
    *out = strdup(text);
    return *out ? TEL_OK : fault_nomem(fault);
}

/* Take a member that need not be there. */
static tel_error take_optional(char **out, const json_t *json, const char *key,
                               const char *otherwise, tel_fault *fault)
{
    const char *text = json_string_value(json_object_get(json, key));

    text = text && *text ? text : otherwise;
    *out = text ? strdup(text) : NULL;
    return *out || !text ? TEL_OK : fault_nomem(fault);
}

static tel_error take_members(struct service_account *account, const json_t *json, const char *path,
                              tel_fault *fault)
{
    tel_error error = take(&account->client_email, json, "client_email", path, fault);

    if (!error)
        error = take(&account->private_key, json, "private_key", path, fault);
    if (!error)
        error = take_optional(&account->private_key_id, json, "private_key_id", NULL, fault);
    if (!error)
        error = take_optional(&account->token_uri, json, "token_uri", TOKEN_URI, fault);
    return error;
}

tel_error service_account_read(struct service_account *account, const char *path,
                               const struct log *log, tel_fault *fault)
{
    CLEANUP(freep) char *text = malloc(FILE_BYTES_MAX);
    CLEANUP(json_releasep) json_t *json = NULL;
    size_t length;
    tel_error error;

    *account = (struct service_account){0};
    if (!text)
        return fault_nomem(fault);
    error = read_file(text, &length, path, log, fault);
    if (error)
        return error;
    json = json_parse(text, length, NULL);
    explicit_bzero(text, length);
    if (!json_is_object(json))
        return fault_set(fault, TEL_E_CORRUPT,
                         "the key file %s is no JSON object; it must be the JSON key of a service "
                         "account",
                         path);
    error = take_members(account, json, path, fault);
    if (error)
        service_account_clear(account);
    return error;
}
