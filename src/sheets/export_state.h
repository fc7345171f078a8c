/* SPDX-License-Identifier: MIT
 *
 * Since when the runs of a database are exported, and that only one process does so at a time: a
 * small file beside the database, which holds that moment and is locked by whoever exports.
 */
#ifndef SHEETS_EXPORT_STATE_H
#define SHEETS_EXPORT_STATE_H

#include "base/file.h"

struct export_state {
    int fd;
    char since[TEL_TIMESTAMP_SIZE]; /* when the export was first switched on */
};

#define EXPORT_STATE() ((struct export_state){.fd = -1})

/*
 * Open {database}.export and take its lock. When it has no such moment yet, that is now, and durable
 * before this returns. TEL_E_BUSY: another process is exporting.
 */
tel_error export_state_open(struct export_state *state, const char *database,
                            enum file_access access, struct deadline deadline, tel_fault *fault);
void export_state_close(struct export_state *state);

#endif
