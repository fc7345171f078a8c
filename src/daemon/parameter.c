/* SPDX-License-Identifier: MIT */
#include "daemon/parameter.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

void parameter_number(int64_t *number, const char *name, const char *value, int64_t min,
                      int64_t max, struct faults *faults)
{
    char *end;
    char message[80];
    intmax_t parsed;

    errno = 0;
    parsed = strtoimax(value, &end, 10);
    if ((*value == '-' || (*value >= '0' && *value <= '9')) && !*end && !errno && parsed >= min &&
        parsed <= max) {
        *number = parsed;
        return;
    }
    if (max == INT64_MAX)
        (void)snprintf(message, sizeof message, "must be an integer >= %" PRId64, min);
    else
        (void)snprintf(message, sizeof message, "must be an integer from %" PRId64 " to %" PRId64,
                       min, max);
    faults_add(faults, "query", name, message);
}

void parameter_bool(bool *flag, const char *name, const char *value, struct faults *faults)
{
    bool yes = strcasecmp(value, "true") == 0 || strcmp(value, "1") == 0;

    if (yes || strcasecmp(value, "false") == 0 || strcmp(value, "0") == 0)
        *flag = yes;
    else
        faults_add(faults, "query", name, "must be true or false");
}

void parameter_find_number(int64_t *number, const struct target *target, const char *name,
                           int64_t min, int64_t max, struct faults *faults)
{
    const char *value = target_parameter(target, name);

    if (value)
        parameter_number(number, name, value, min, max, faults);
}

void parameter_find_bool(bool *flag, const struct target *target, const char *name,
                         struct faults *faults)
{
    const char *value = target_parameter(target, name);

    if (value)
        parameter_bool(flag, name, value, faults);
}
