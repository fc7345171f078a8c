/* SPDX-License-Identifier: MIT
 *
 * What the sanitizers allow a test to do.
 */
#ifndef SUPPORT_SANITIZERS_H
#define SUPPORT_SANITIZERS_H

#if defined __has_feature
#define HAS_ADDRESS_SANITIZER __has_feature(address_sanitizer)
#define HAS_THREAD_SANITIZER __has_feature(thread_sanitizer)
#else
#if defined __SANITIZE_ADDRESS__
#define HAS_ADDRESS_SANITIZER 1
#else
#define HAS_ADDRESS_SANITIZER 0
#endif
#if defined __SANITIZE_THREAD__
#define HAS_THREAD_SANITIZER 1
#else
#define HAS_THREAD_SANITIZER 0
#endif
#endif

/* The address sanitizer's allocator keeps, in a child, the locks that other threads held at the
 * fork: there it is not our locks that such a test would find. */
#define ALLOCATOR_SURVIVES_FORK !HAS_ADDRESS_SANITIZER

/* The thread sanitizer ends a child, forked beside threads, that starts one. */
#define CHILD_MAY_START_THREADS !HAS_THREAD_SANITIZER

/* A process that is killed tells them nothing of itself, and to fork one takes them long: they are
 * content with one in so many of the places where it is. */
#define KILLS_ONE_IN (HAS_ADDRESS_SANITIZER || HAS_THREAD_SANITIZER ? 5 : 1)

/* Both have an allocator of their own. */
#define MALLOC_MAY_BE_OURS (!HAS_ADDRESS_SANITIZER && !HAS_THREAD_SANITIZER)

#endif
