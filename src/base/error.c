/* SPDX-License-Identifier: MIT */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *tel_strerror(tel_error error)
{
    switch (error) {
    case TEL_OK:
        return "no error";
    case TEL_E_INVALID:
        return "invalid argument";
    case TEL_E_NOMEM:
        return "out of memory";
    case TEL_E_NOT_FOUND:
        return "not found";
    case TEL_E_EXISTS:
        return "exists already";
    case TEL_E_TOO_LARGE:
        return "too large";
    case TEL_E_IO:
        return "input or output failed";
    case TEL_E_BUSY:
        return "locked by another process";
    case TEL_E_UNAVAILABLE:
        return "service unavailable";
    case TEL_E_REJECTED:
        return "rejected by the service";
    case TEL_E_CORRUPT:
        return "file is damaged or of another kind";
    case TEL_E_SCHEMA:
        return "schema version not supported";
    case TEL_E_CLOSED:
        return "run has ended or client is closed";
    case TEL_E_INTERNAL:
        return "internal error";
    case TEL_E_SKIPPED:
        return "nothing was tried";
    }
    return "unknown error";
}

const char *tel_version(void)
{
    return TEL_VERSION_STRING;
}

tel_error fault_set(tel_fault *fault, tel_error code, const char *format, ...)
{
    va_list args;

    if (!fault)
        return code;
    fault->code = code;
    va_start(args, format);
    (void)vsnprintf(fault->text, sizeof fault->text, format, args);
    va_end(args);
    return code;
}

tel_error fault_errno(tel_fault *fault, tel_error code, const char *format, ...)
{
    int cause = errno;
    char reason[128];
    va_list args;
    size_t used;

    if (!fault)
        return code;
    fault->code = code;
    va_start(args, format);
    (void)vsnprintf(fault->text, sizeof fault->text, format, args);
    va_end(args);
    used = strlen(fault->text);
    (void)snprintf(fault->text + used, sizeof fault->text - used, ": %s",
                   strerror_r(cause, reason, sizeof reason));
    return code;
}

tel_error fault_advise(tel_fault *fault, tel_error code, const char *advice)
{
    size_t used = fault ? strlen(fault->text) : 0;

    if (fault)
        (void)snprintf(fault->text + used, sizeof fault->text - used, "; %s", advice);
    return code;
}

tel_error fault_null(tel_fault *fault, const char *argument)
{
    return fault_set(fault, TEL_E_INVALID, "%s must not be NULL", argument);
}
