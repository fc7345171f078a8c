/* SPDX-License-Identifier: MIT
 *
 * What can change while the service runs: the level of the log, the token that requests carry, and the
 * file that the log goes to.
 */
#ifndef DAEMON_RELOAD_H
#define DAEMON_RELOAD_H

#include "config/config.h"
#include "service/service.h"

/* Reopen the log, read the file of the configuration and that of the token again, and apply what can
 * change. With a fault in it nothing is applied. The log says what was done, and what waits for a
 * restart. `config`: what the service was started with, which stays. */
void reload(const struct tel_config *config, struct service *service);

#endif
