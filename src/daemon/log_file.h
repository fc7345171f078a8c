/* SPDX-License-Identifier: MIT
 *
 * The log in a file instead of on stderr.
 */
#ifndef DAEMON_LOG_FILE_H
#define DAEMON_LOG_FILE_H

#include "base/file.h"

/* Let stderr be the end of this file, which is made if it is not there. Again with the same path: the
 * file that has the name now, after the old one was moved away. No line is lost or torn meanwhile. */
tel_error log_file_open(const char *path, enum file_access access, tel_fault *fault);

#endif
