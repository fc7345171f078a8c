/* SPDX-License-Identifier: MIT
 *
 * Text without the secrets in it, to be written down. A secret is known by the name before it
 * (--token=..., DB_PASSWORD=..., "Authorization: ..."), by its own shape (sk-..., ghp_..., eyJ...), or
 * by its place (user and password in a URL). It is better to mask too much.
 */
#ifndef BASE_MASK_H
#define BASE_MASK_H

#include <stdbool.h>

#include "base/strbuf.h"

#define MASK "***"

/* Append a text with MASK in the place of each secret. */
void mask_append(struct strbuf *buf, const char *text);

/* Does what has this name have to be hidden? "--password-file" and "--no-token" do not. */
bool mask_is_secret_name(const char *name, size_t length);

#endif
