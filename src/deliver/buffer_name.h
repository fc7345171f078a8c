/* SPDX-License-Identifier: MIT
 *
 * Names of buffer files: what a name says about the file.
 */
#ifndef DELIVER_BUFFER_NAME_H
#define DELIVER_BUFFER_NAME_H

#include <stdbool.h>
#include <stdint.h>

#define BUFFER_NAME_SIZE 80

#define BUFFER_ACTIVE ".active"
#define BUFFER_READY ".ready"
#define BUFFER_SYNCED ".synced"
#define BUFFER_REJECTED ".rejected"

/* Make a name, still without its state: telemetry_{YYYYMMDD_HHMMSS}-tel-{pid}-{random}.jsonl */
void buffer_name_make(char out[BUFFER_NAME_SIZE]);

/* Is it a buffer file in this state? */
bool buffer_name_is_active(const char *name);
bool buffer_name_is_ready(const char *name);
bool buffer_name_is_finished(const char *name); /* .synced or .rejected */

/* Is it a file of JSON lines in no state at all, as other clients keep their outboxes? */
bool buffer_name_is_outbox(const char *name);

/* Does its writer hold a lock on it as long as it lives? Older writers do not. */
bool buffer_name_is_locked_kind(const char *name);

/* Read the time at which the file was begun. */
bool buffer_name_time(int64_t *us, const char *name);

#endif
