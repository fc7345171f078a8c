/* SPDX-License-Identifier: MIT
 *
 * A place in the list of runs, as an opaque word: behind which run to go on.
 */
#ifndef SERVICE_CURSOR_H
#define SERVICE_CURSOR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/strbuf.h"

#define CURSOR_TIME_SIZE 128 /* times of old rows may have any form */

struct cursor {
    char created_at[CURSOR_TIME_SIZE];
    int64_t id;
};

void cursor_write(struct strbuf *text, const struct cursor *cursor);

/* false: it is none of ours. */
bool cursor_parse(struct cursor *cursor, const char *text);

#endif
