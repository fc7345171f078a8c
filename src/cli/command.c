/* SPDX-License-Identifier: MIT */
#include "cli/command.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "cli/escape.h"

#define COMPLAINT_BYTES_MAX 4096

/* There is no memory to escape what cannot be printed as it is. */
static void complain_plainly(char *text)
{
    for (char *c = text; *c; c++) {
        if (*c < ' ' || *c > '~')
            *c = '?';
    }
    (void)fprintf(stderr, "telemetry: %s\n", text);
}

void complain(const char *format, ...)
{
    CLEANUP(strbuf_clear) struct strbuf line = STRBUF(8 * COMPLAINT_BYTES_MAX);
    char text[COMPLAINT_BYTES_MAX];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    strbuf_puts(&line, "telemetry: ");
    escape_append(&line, text, ESCAPE_LINE);
    strbuf_putc(&line, '\n');
    if (strbuf_failed(&line))
        complain_plainly(text);
    else
        (void)fputs(line.text, stderr);
}

int failure_status(tel_error error)
{
    switch (error) {
    case TEL_E_INVALID:
        return STATUS_USAGE;
    case TEL_E_NOT_FOUND:
        return STATUS_NOT_FOUND;
    case TEL_E_BUSY:
    case TEL_E_REJECTED:
    case TEL_E_SCHEMA:
        return STATUS_REFUSED;
    default:
        return STATUS_UNREACHABLE;
    }
}

int complain_fault(const tel_fault *fault)
{
    complain("%s", *fault->text ? fault->text : tel_strerror(fault->code));
    return failure_status(fault->code);
}
