/* SPDX-License-Identifier: MIT
 *
 * A malloc() that fails where it is told to, also for the libraries that we use. It becomes the
 * program's by being included, in one file. Not where !MALLOC_MAY_BE_OURS: nothing fails then.
 */
#ifndef SUPPORT_NOMEM_H
#define SUPPORT_NOMEM_H

#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "support/sanitizers.h"
#include "telemetry.h"

#define SKIPPED 77 /* a program's status that ctest takes for that */

struct memory_faults {
    atomic_long made;   /* allocations since nomem_arm() */
    atomic_long from;   /* the first of them that fails; 0: none */
    atomic_long to;     /* the last */
    atomic_long in_use; /* blocks */
};

static struct memory_faults own_memory;
static struct memory_faults *nomem = &own_memory;

/* The other side of a conversation is not what is tested: its thread's allocations do not count. */
static _Thread_local bool nomem_is_spared __attribute__((unused));

/* Count anew, and let the allocations from..to fail. `from` 0: none. */
static inline void nomem_arm(long from, long to)
{
    atomic_store(&nomem->from, 0);
    atomic_store(&nomem->made, 0);
    atomic_store(&nomem->to, to);
    atomic_store(&nomem->from, from);
}

/* Let nothing fail any more; return how many there were. */
static inline long nomem_disarm(void)
{
    atomic_store(&nomem->from, 0);
    return atomic_load(&nomem->made);
}

#if MALLOC_MAY_BE_OURS
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
void __libc_free(void *memory);

static bool nomem_fails(void)
{
    long n;
    long from;

    if (nomem_is_spared)
        return false;
    n = atomic_fetch_add(&nomem->made, 1) + 1;
    from = atomic_load(&nomem->from);
    if (from == 0 || n < from || n > atomic_load(&nomem->to))
        return false;
    errno = ENOMEM;
    return true;
}

static void *nomem_counted(void *memory)
{
    (void)atomic_fetch_add(&nomem->in_use, memory != NULL);
    return memory;
}

TEL_API void *malloc(size_t size)
{
    return nomem_fails() ? NULL : nomem_counted(__libc_malloc(size));
}

TEL_API void *calloc(size_t count, size_t size)
{
    return nomem_fails() ? NULL : nomem_counted(__libc_calloc(count, size));
}

TEL_API void *realloc(void *memory, size_t size)
{
    if (nomem_fails())
        return NULL;
    return memory ? __libc_realloc(memory, size) : nomem_counted(__libc_malloc(size));
}

TEL_API void free(void *memory)
{
    (void)atomic_fetch_sub(&nomem->in_use, memory != NULL);
    __libc_free(memory);
}
#endif

#endif
