/* SPDX-License-Identifier: MIT
 *
 * What a test draws by lot: the same for the same seed, which it prints.
 */
#ifndef SUPPORT_RANDOM_H
#define SUPPORT_RANDOM_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

static unsigned random_state;

/* Begin with the program's first argument, or, where there is none, with `otherwise`. */
static inline void random_begin(int argc, char **argv, unsigned otherwise)
{
    random_state = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : otherwise;
    (void)printf("seed %u\n", random_state);
}

static inline size_t random_below(size_t count)
{
    return (size_t)rand_r(&random_state) % count;
}

static inline bool one_in(size_t count)
{
    return random_below(count) == 0;
}

#define ONE_OF(list) ((list)[random_below(sizeof(list) / sizeof *(list))])

#endif
