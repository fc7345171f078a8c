/* SPDX-License-Identifier: MIT
 *
 * How the configuration wants the database opened.
 */
#ifndef CONFIG_CONFIG_STORE_H
#define CONFIG_CONFIG_STORE_H

#include "config/config.h"
#include "store/store.h"

/* Texts are borrowed from the configuration; the path may be NULL. */
struct store_options config_store_options(const struct tel_config *config);

#endif
