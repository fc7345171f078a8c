/* SPDX-License-Identifier: MIT
 *
 * What this process takes of the machine. What the system does not tell is 0.
 */
#ifndef SERVICE_PROCESS_H
#define SERVICE_PROCESS_H

#include <stdint.h>

struct process_figures {
    double cpu_seconds;
    int64_t resident_bytes;
    int64_t virtual_bytes;
    int64_t open_files;
    int64_t open_files_max;
};

struct process_figures process_figures(void);

#endif
