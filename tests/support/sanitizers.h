/* SPDX-License-Identifier: MIT
 *
 * What the sanitizers allow of fork() in a program with threads.
 */
#ifndef SUPPORT_FORK_H
#define SUPPORT_FORK_H

/* The address sanitizer's allocator keeps, in a child, the locks that other threads held at the
 * fork: there it is not our locks that such a test would find. */
#if defined __SANITIZE_ADDRESS__
#define ALLOCATOR_SURVIVES_FORK 0
#elif defined __has_feature
#define ALLOCATOR_SURVIVES_FORK !__has_feature(address_sanitizer)
#else
#define ALLOCATOR_SURVIVES_FORK 1
#endif

/* The thread sanitizer ends a child, forked beside threads, that starts one. */
#if defined __SANITIZE_THREAD__
#define CHILD_MAY_START_THREADS 0
#elif defined __has_feature
#define CHILD_MAY_START_THREADS !__has_feature(thread_sanitizer)
#else
#define CHILD_MAY_START_THREADS 1
#endif

#endif
