/* SPDX-License-Identifier: MIT
 *
 * Faults at every point at which SQLite changes files, the process killed there or the call refused, and
 * at every point at which it reads them.
 */
#ifndef SUPPORT_SQLITE_FAULTS_H
#define SUPPORT_SQLITE_FAULTS_H

#include <stdbool.h>
#include <stddef.h>

/*
 * From here on, in this process: let the `n`-th call that opens, writes, cuts or removes a file, and
 * all after it, fail with `error`; `error` 0: kill the process instead. `n` 0: no faults.
 */
void sqlite_fail_at(size_t n, int error);

/* Let the `n`-th call that reads a file, and no other, fail with EIO. `n` 0: no faults. */
void sqlite_fail_read_at(size_t n);

/* How many such calls were there since? */
size_t sqlite_calls(void);

/* Did it come to that? */
bool sqlite_has_failed(void);

#endif
