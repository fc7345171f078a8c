/* SPDX-License-Identifier: MIT
 *
 * The parameters that a URL's query may have, as data: what is read by it is also described by it.
 */
#ifndef HTTP_PARAMETER_H
#define HTTP_PARAMETER_H

#include <stddef.h>
#include <stdint.h>

#include "http/faults.h"
#include "http/target.h"

enum parameter_kind {
    PARAMETER_TEXT,
    PARAMETER_NUMBER,
    PARAMETER_BOOL,
    PARAMETER_TIME,
    PARAMETER_STATUSES,
    PARAMETER_CURSOR,
};

struct parameter_spec {
    const char *name; /* NULL: the end of a list */
    enum parameter_kind kind;
    const char *meaning;
    int64_t initial; /* of a number, and what it may be */
    int64_t min;
    int64_t max;
    size_t offset; /* of the member of struct run_query that it sets, in lists of runs */
};

/* Read a value. What is none becomes a fault, and the variable stays as it was. */
void parameter_number(int64_t *number, const struct parameter_spec *spec, const char *value,
                      struct faults *faults);
void parameter_bool(bool *flag, const struct parameter_spec *spec, const char *value,
                    struct faults *faults);

/* Find the parameter in `target` and return its value; not given: what it is initially, or false. */
int64_t parameter_find_number(const struct target *target, const struct parameter_spec *spec,
                              struct faults *faults);
bool parameter_find_bool(const struct target *target, const struct parameter_spec *spec,
                         struct faults *faults);

#endif
