/* SPDX-License-Identifier: MIT
 *
 * A directory of a test's own, and looking into the files that come to be in it.
 */
#ifndef SUPPORT_SCRATCH_H
#define SUPPORT_SCRATCH_H

#include <stddef.h>

/* Make one, with HOME and TELEMETRY_BASE_DIR pointing into it and no other TELEMETRY_ variable set.
 * Release with scratch_remove(), which removes it with all that is in it. */
char *scratch_make(void);
void scratch_remove(char *directory);

/* For cmocka: *state is such a directory. */
int scratch_set_up(void **state);
int scratch_tear_down(void **state);

/* Return a path in it. The caller frees it. */
char *scratch_path(const char *directory, const char *name);

/* Return the content of a file, "" when it is not there. The caller frees it. */
char *scratch_read(const char *path);
void scratch_write(const char *path, const char *text);

/* Return the contents of all files of a directory whose names end in `suffix`, in order of their
 * names. The caller frees it. */
char *scratch_read_all(const char *directory, const char *suffix);

size_t count_lines(const char *text);
size_t count_of(const char *text, const char *needle);

#endif
