/* SPDX-License-Identifier: MIT */
#include "http/parameter.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

void parameter_number(int64_t *number, const struct parameter_spec *spec, const char *value,
                      struct faults *faults)
{
    char *end;
    char message[80];
    intmax_t parsed;

    errno = 0;
    parsed = strtoimax(value, &end, 10);
    if ((*value == '-' || (*value >= '0' && *value <= '9')) && !*end && !errno &&
        parsed >= spec->min && parsed <= spec->max) {
        *number = parsed;
        return;
    }
    if (spec->max == INT64_MAX)
        (void)snprintf(message, sizeof message, "must be an integer >= %" PRId64, spec->min);
    else
        (void)snprintf(message, sizeof message, "must be an integer from %" PRId64 " to %" PRId64,
                       spec->min, spec->max);
    faults_add(faults, "query", spec->name, message);
}

void parameter_bool(bool *flag, const struct parameter_spec *spec, const char *value,
                    struct faults *faults)
{
    bool yes = strcasecmp(value, "true") == 0 || strcmp(value, "1") == 0;

    if (yes || strcasecmp(value, "false") == 0 || strcmp(value, "0") == 0)
        *flag = yes;
    else
        faults_add(faults, "query", spec->name, "must be true or false");
}

int64_t parameter_find_number(const struct target *target, const struct parameter_spec *spec,
                              struct faults *faults)
{
    const char *value = target_parameter(target, spec->name);
    int64_t number = spec->initial;

    if (value)
        parameter_number(&number, spec, value, faults);
    return number;
}

bool parameter_find_bool(const struct target *target, const struct parameter_spec *spec,
                         struct faults *faults)
{
    const char *value = target_parameter(target, spec->name);
    bool flag = false;

    if (value)
        parameter_bool(&flag, spec, value, faults);
    return flag;
}
