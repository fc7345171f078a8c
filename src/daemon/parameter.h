/* SPDX-License-Identifier: MIT
 *
 * Parameters of a URL's query that are numbers or switches. What is none becomes a fault.
 */
#ifndef DAEMON_PARAMETER_H
#define DAEMON_PARAMETER_H

#include <stdint.h>

#include "daemon/faults.h"
#include "daemon/target.h"

void parameter_number(int64_t *number, const char *name, const char *value, int64_t min,
                      int64_t max, struct faults *faults);
void parameter_bool(bool *flag, const char *name, const char *value, struct faults *faults);

/* The same for the parameter of this name in `target`; not given: nothing happens. */
void parameter_find_number(int64_t *number, const struct target *target, const char *name,
                           int64_t min, int64_t max, struct faults *faults);
void parameter_find_bool(bool *flag, const struct target *target, const char *name,
                         struct faults *faults);

#endif
