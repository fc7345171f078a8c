/* SPDX-License-Identifier: MIT
 *
 * Any bytes as a cursor: none of ours, or one that is written as it was read.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "service/cursor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = strndup((const char *)data, size);
    struct strbuf written = STRBUF(4096);
    struct cursor cursor;

    if (text && cursor_parse(&cursor, text)) {
        cursor_write(&written, &cursor);
        if (strbuf_failed(&written) || strcmp(written.text, text) != 0)
            abort();
    }
    strbuf_clear(&written);
    free(text);
    return 0;
}
