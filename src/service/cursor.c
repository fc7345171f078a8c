/* SPDX-License-Identifier: MIT
 *
 * The time's bytes in hexadecimal, a minus sign, the id.
 */
#include "service/cursor.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

void cursor_write(struct strbuf *text, const struct cursor *cursor)
{
    for (const char *c = cursor->created_at; *c; c++)
        strbuf_printf(text, "%02x", (unsigned char)*c);
    strbuf_printf(text, "-%" PRId64, cursor->id);
}

bool cursor_parse(struct cursor *cursor, const char *text)
{
    static const char digits[] = "0123456789abcdef";
    size_t length = strspn(text, digits);
    size_t id_length = text[length] == '-' ? strspn(text + length + 1, "0123456789") : 0;
    const char *id = text + length + 1;

    if (!id_length || id[id_length] || id_length > 18 || *id == '0' || length % 2 ||
        length / 2 >= sizeof cursor->created_at)
        return false;
    *cursor = (struct cursor){.id = strtoimax(id, NULL, 10)};
    for (size_t i = 0; i < length / 2; i++) {
        cursor->created_at[i] = (char)((strchr(digits, text[2 * i]) - digits) << 4 |
                                       (strchr(digits, text[2 * i + 1]) - digits));
        if (!cursor->created_at[i])
            return false;
    }
    return true;
}
