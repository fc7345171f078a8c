/* SPDX-License-Identifier: MIT */
#include "http/header_block.h"

#include <stdint.h>
#include <string.h>

/* Step behind a string and the end of its line, CR LF or LF, which the parser wrote NULs over. */
static const char *behind_line(const struct header_block *block, const char *text)
{
    const char *end = text + strlen(text) + 1;

    return end < block->end && !*end ? end + 1 : end;
}

/* Strings that were copied elsewhere cannot be compared by the language's rules. */
static bool is_within(const struct header_block *block, const char *text)
{
    return (uintptr_t)text >= (uintptr_t)block->next && (uintptr_t)text < (uintptr_t)block->end;
}

void header_block_init(struct header_block *block, const char *method, size_t target_length,
                       const char *version, size_t size)
{
    *block = (struct header_block){.next = method, .end = method + size};
    block->is_broken = method + strlen(method) + 1 + target_length + 1 != version;
    if (!block->is_broken)
        block->next = behind_line(block, version);
}

void header_block_add(struct header_block *block, const char *name, const char *value)
{
    if (block->is_broken || !block->end)
        return;
    block->is_broken = name != block->next || !is_within(block, value);
    if (!block->is_broken)
        block->next = behind_line(block, value);
}

bool header_block_hides(const struct header_block *block)
{
    if (!block->end)
        return false;
    /* Of the empty line at the end one or two bytes are left. */
    return block->is_broken || block->end - block->next > 2;
}
