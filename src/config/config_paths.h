/* SPDX-License-Identifier: MIT
 *
 * Where the files are: what was given, made absolute, and what follows from it.
 */
#ifndef CONFIG_CONFIG_PATHS_H
#define CONFIG_CONFIG_PATHS_H

#include "config/config.h"

/* Make a path absolute, "~/" in front taken for the user's home, so that it means the same when the
 * host changes its working directory. The caller frees it. NULL: out of memory. */
char *path_expand(const char *path);

/* Fill in the paths that were not given. false: out of memory. */
bool config_derive_paths(struct tel_config *config);

#endif
