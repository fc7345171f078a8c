/* SPDX-License-Identifier: MIT
 *
 * Failure: a code for the program, a line for the person. Every function that can fail for more
 * than want of memory takes a `struct tel_fault *` last, owned by the caller, which may be NULL.
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include "telemetry.h"

/* Fill `fault` (may be NULL) and return `code`. The text: what was wrong, then what would be right.
 * fault_errno() adds ": " and errno's text. */
tel_error fault_set(tel_fault *fault, tel_error code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
tel_error fault_errno(tel_fault *fault, tel_error code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Inline, for checkers to see that it is always a failure. */
static inline tel_error fault_nomem(tel_fault *fault)
{
    (void)fault_set(fault, TEL_E_NOMEM, "out of memory");
    return TEL_E_NOMEM;
}

/* Append what would be right to a fault that does not say it: "; " and the advice. Returns its code. */
tel_error fault_advise(tel_fault *fault, tel_error code, const char *advice);

/* Say that an argument of a public function must not be NULL: TEL_E_INVALID. */
tel_error fault_null(tel_fault *fault, const char *argument);

#endif
