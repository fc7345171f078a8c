/* SPDX-License-Identifier: MIT
 *
 * Runs from the files themselves, when no service is there to ask.
 */
#ifndef CLI_SOURCE_FILES_H
#define CLI_SOURCE_FILES_H

#include "config/config.h"
#include "store/store.h"

/*
 * Empty the buffer into the database, if something waits there and nobody else holds the
 * single-writer lock, then open the database for reading: *out is NULL when there is none yet.
 * `warning` is filled when the buffer could not be emptied; that alone is no failure.
 */
tel_error files_open(struct store **out, const struct tel_config *config, tel_fault *warning,
                     tel_fault *fault);

#endif
