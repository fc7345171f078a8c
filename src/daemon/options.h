/* SPDX-License-Identifier: MIT
 *
 * The command line of telemetryd.
 */
#ifndef DAEMON_OPTIONS_H
#define DAEMON_OPTIONS_H

#include <stdbool.h>

#include "config/config.h"

struct options {
    struct tel_config *config; /* gets what is given */
    bool check_only;
};

/* Read the command line. Help, version and usage errors end the program. */
void options_parse(struct options *given, int argc, char **argv);

#endif
