/* SPDX-License-Identifier: MIT
 *
 * What a request asks for: "/api/v1/runs/a%2Fb?limit=5" as segments and parameters. The path is cut
 * at its slashes before it is decoded, so that an encoded slash stays part of a name.
 */
#ifndef HTTP_TARGET_H
#define HTTP_TARGET_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/strbuf.h"

#define TARGET_SEGMENTS_MAX 8
#define TARGET_PARAMETERS_MAX 64

struct parameter {
    const char *name;
    const char *value;
};

struct target {
    char *text; /* what all others point into */
    const char *segments[TARGET_SEGMENTS_MAX];
    bool is_escaped;      /* the path had escapes */
    size_t segment_count; /* of the path, whatever fits; a longer path is nothing we know */
    struct parameter parameters[TARGET_PARAMETERS_MAX];
    size_t parameter_count;
};

/*
 * Parse a request's target, as it came, into an empty `target`. In the query '+' is a blank. An
 * escape that is none stays as it is. TEL_E_INVALID: it does not begin with '/' (but "*" is fine), a
 * NUL is hidden in it, or it has too many parameters.
 */
tel_error target_parse(struct target *target, const char *text, tel_fault *fault);
void target_clear(struct target *target);

/* Append "name=value", escaped, behind "?" or "&" as the text so far has it. */
void target_append_parameter(struct strbuf *text, const char *name, const char *value);

/* Return the last value of a parameter, NULL when it is not there. */
const char *target_parameter(const struct target *target, const char *name);

#endif
