/* SPDX-License-Identifier: MIT */
#include "model/status.h"

#include <string.h>
#include <strings.h>

#include "telemetry.h"

const char *const statuses[STATUS_COUNT + 1] = {
    TEL_RUNNING, TEL_SUCCESS, TEL_FAILURE, TEL_PARTIAL, TEL_TIMEOUT, TEL_CANCELLED, NULL,
};

static const struct {
    const char *alias;
    const char *status;
} aliases[] = {
    {"failed", TEL_FAILURE},
    {"completed", TEL_SUCCESS},
    {"succeeded", TEL_SUCCESS},
    {"canceled", TEL_CANCELLED},
};

static bool matches(const char *text, size_t length, const char *name)
{
    return strlen(name) == length && strncasecmp(text, name, length) == 0;
}

const char *status_normalize(const char *status)
{
    static const char blanks[] = " \t\r\n\f\v";
    size_t length;

    status += strspn(status, blanks);
    length = strlen(status);
    while (length > 0 && strchr(blanks, status[length - 1]))
        length--;
    for (const char *const *name = statuses; *name; name++) {
        if (matches(status, length, *name))
            return *name;
    }
    for (size_t i = 0; i < sizeof aliases / sizeof *aliases; i++) {
        if (matches(status, length, aliases[i].alias))
            return aliases[i].status;
    }
    return NULL;
}

const char *tel_normalize_status(const char *status)
{
    return status ? status_normalize(status) : NULL;
}

bool status_is_terminal(const char *status)
{
    return strcmp(status, TEL_RUNNING) != 0;
}
