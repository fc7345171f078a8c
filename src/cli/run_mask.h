/* SPDX-License-Identifier: MIT
 *
 * Command lines without the secrets in them. A secret is known by the name before it (--token=...,
 * DB_PASSWORD=..., "Authorization: ..."), by its own shape (sk-..., ghp_..., eyJ...), or by its
 * place (user and password in a URL, mysql -p...). It is better to mask too much.
 */
#ifndef CLI_RUN_MASK_H
#define CLI_RUN_MASK_H

#include "base/strbuf.h"

#define MASK "***"

/* Append each argument, masked, by calling `each`. */
typedef void masked_fn(void *arg, const char *argument);
void mask_arguments(char *const *argv, masked_fn *each, void *arg);

/* Append the command line, masked, quoted where a shell would need it, and cut to `bytes_max`. */
void mask_append_command(struct strbuf *buf, char *const *argv, size_t bytes_max);

#endif
