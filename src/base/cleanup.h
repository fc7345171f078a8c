/* SPDX-License-Identifier: MIT
 *
 * Release a local when its scope is left, so that every function can return early. A value that
 * shall outlive the scope is handed on with steal():
 *
 *     CLEANUP(freep) char *path = path_join(directory, name);
 *     ...
 *     *out = steal(&path);
 */
#ifndef BASE_CLEANUP_H
#define BASE_CLEANUP_H

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* "unused": some locals are there for nothing but what happens at the end of their scope. */
#define CLEANUP(function) __attribute__((cleanup(function), unused))

/* Release a pointer to anything that came from malloc(). */
static inline void freep(void *pointer)
{
    void *memory;

    memcpy(&memory, pointer, sizeof memory);
    free(memory);
}

static inline void closep(const int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
}

static inline void *steal_pointer(void *pointer)
{
    void *memory;

    memcpy(&memory, pointer, sizeof memory);
    memset(pointer, 0, sizeof memory);
    return memory;
}

#define steal(pointer) ((__typeof__(*(pointer)))steal_pointer(pointer))

#endif
