/* SPDX-License-Identifier: MIT
 *
 * How the configuration wants the buffer kept and emptied.
 */
#ifndef DELIVER_CONFIG_SYNC_H
#define DELIVER_CONFIG_SYNC_H

#include "config/config.h"
#include "deliver/buffer.h"
#include "deliver/sync.h"

/* Texts are borrowed from the configuration; the directory may be NULL. */
struct buffer_options config_buffer_options(const struct tel_config *config);
struct sync_options config_sync_options(const struct tel_config *config, const struct log *log);

#endif
