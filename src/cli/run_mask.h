/* SPDX-License-Identifier: MIT
 *
 * Command lines without the secrets in them: those that any text may have (base/mask.h), and those
 * that a program takes in a place of its own (mysql -p..., the argument behind --token).
 */
#ifndef CLI_RUN_MASK_H
#define CLI_RUN_MASK_H

#include "base/mask.h"

/* Append each argument, masked, by calling `each`. */
typedef void masked_fn(void *arg, const char *argument);
void mask_arguments(char *const *argv, masked_fn *each, void *arg);

/* Append the command line, masked, quoted where a shell would need it, and cut to `bytes_max`. */
void mask_append_command(struct strbuf *buf, char *const *argv, size_t bytes_max);

#endif
