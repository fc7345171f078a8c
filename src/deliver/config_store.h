/* SPDX-License-Identifier: MIT
 *
 * How the configuration wants the database opened.
 */
#ifndef DELIVER_CONFIG_STORE_H
#define DELIVER_CONFIG_STORE_H

#include "deliver/config.h"
#include "store/store.h"

/* Texts are borrowed from the configuration; the path may be NULL. */
struct store_options config_store_options(const struct tel_config *config);

#endif
