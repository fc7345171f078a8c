/* SPDX-License-Identifier: MIT
 *
 * Whether what is kept beside the table of runs is what a look at every run finds.
 */
#ifndef SUPPORT_SUMMARIES_H
#define SUPPORT_SUMMARIES_H

/* The test fails if counts or spans are wrong, and says after what. */
void assert_sound(const char *path, const char *after);

#endif
