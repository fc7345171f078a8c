/* SPDX-License-Identifier: MIT
 *
 * Keep what is secret to this process. Others of the same user could read a process's environment,
 * its memory, and the core that it leaves.
 */
#ifndef DAEMON_SECRETS_H
#define DAEMON_SECRETS_H

#include "config/config.h"

/* Take secrets out of the environment, which the configuration was read from. If there are any, here or
 * in a file, nobody but root can look into the process, and it leaves no core. */
void secrets_hide(const struct tel_config *config);

/* All of them were released: let whoever checks for leaks look. */
void secrets_are_gone(void);

#endif
