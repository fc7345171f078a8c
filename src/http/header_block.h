/* SPDX-License-Identifier: MIT
 *
 * What libmicrohttpd 0.9.75 does not tell: a NUL ends a target or a header's value silently, and a
 * folded line damages the header before it. Its strings lie where they were received, so that either
 * shows as a gap between them.
 */
#ifndef HTTP_HEADER_BLOCK_H
#define HTTP_HEADER_BLOCK_H

#include <stdbool.h>
#include <stddef.h>

/* All zero: shows everything, which is right for versions that look themselves. */
struct header_block {
    const char *next; /* where the next string must begin */
    const char *end;
    bool is_broken; /* something was hidden between the strings */
};

/* Begin with the request line, of which `method` is the first byte; `size` counts all headers. */
void header_block_init(struct header_block *block, const char *method, size_t target_length,
                       const char *version, size_t size);
void header_block_add(struct header_block *block, const char *name, const char *value);

/* After the last header: was there anything that was not shown? */
bool header_block_hides(const struct header_block *block);

#endif
