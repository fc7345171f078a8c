/* SPDX-License-Identifier: MIT
 *
 * The command inherits what we inherited, and nothing that we opened. Our own descriptors are closed
 * on exec anyway; libcurl's are not.
 */
#ifndef CLI_RUN_DESCRIPTORS_H
#define CLI_RUN_DESCRIPTORS_H

#include <stdbool.h>

#define DESCRIPTORS_MAX 1024 /* new ones get the lowest free numbers */

struct descriptors {
    bool is_inherited[DESCRIPTORS_MAX];
};

/* Note which are open, before anything else is opened. */
void descriptors_note(struct descriptors *descriptors);

/* Have all others that are open now closed on exec. */
void descriptors_protect(const struct descriptors *descriptors);

#endif
