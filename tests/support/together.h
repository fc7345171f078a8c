/* SPDX-License-Identifier: MIT
 *
 * The same work in several threads at once.
 */
#ifndef SUPPORT_TOGETHER_H
#define SUPPORT_TOGETHER_H

#include <stddef.h>

/* `number` tells the threads apart, from 0 up. No place for asserts: note what they should look at. */
typedef void together_fn(void *arg, size_t number);

/* Call `work` in `count` threads, which begin when the last of them is there, and wait for all. */
void together(size_t count, together_fn *work, void *arg);

#endif
