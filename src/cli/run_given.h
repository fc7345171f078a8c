/* SPDX-License-Identifier: MIT
 *
 * What somebody says of a run by names and values: the user with --set, the command in its file.
 */
#ifndef CLI_RUN_GIVEN_H
#define CLI_RUN_GIVEN_H

#include "base/json.h"
#include "model/record.h"

struct run_given {
    struct tel_record fields;
    json_t *metrics; /* objects; NULL: nothing given */
    json_t *context;
};

#define RUN_GIVEN() ((struct run_given){.fields = RECORD()})

/* Set a field of the run, or metrics.NAME, or context.NAME. The fault says what cannot be set, and
 * what could. */
tel_error run_given_set(struct run_given *given, const char *name, const char *value,
                        tel_fault *fault);
void run_given_clear(struct run_given *given);

#endif
