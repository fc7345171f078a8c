/* SPDX-License-Identifier: MIT
 *
 * JSON. Values are jansson's (this is the only place that includes it). Writing goes straight into a
 * string buffer: a tree of objects first would cost four times as much.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <jansson.h>
#include <stdbool.h>

#include "base/error.h"
#include "base/strbuf.h"

#define JSON_DEPTH_MAX 64

/* Have jansson read its seed from the system's file now, not with its first object: a program that another
 * thread executes meanwhile inherits that file. */
void json_prepare(void);

/* Release a `json_t *` local: CLEANUP(json_releasep). */
void json_releasep(json_t **json);

/*
 * Parse RFC 8259 text of any kind of value, at most JSON_DEPTH_MAX deep; of duplicate keys the last
 * wins. NULL with a fault (what is wrong, at which offset) for anything else, "\u0000" and lone
 * surrogates included: TEL_E_INVALID, or TEL_E_NOMEM. The result is a new reference.
 */
json_t *json_parse(const char *text, size_t length, tel_fault *fault);

/* Is this JSON that json_parse() takes? */
bool json_is_valid(const char *text);

/* Merge a patch into a value (NULL: there is none) as RFC 7396 has it: objects member by member, null
 * removes one, all else replaces. A new reference, NULL when out of memory. */
json_t *json_merge(const json_t *value, json_t *patch);

/* Append `text` as a JSON string, quotes included; bytes that are no UTF-8 become U+FFFD. NULL: null. */
void json_write_string(struct strbuf *buf, const char *text);

/* Append a value in its shortest form, keys in their order. */
void json_write_value(struct strbuf *buf, const json_t *value);

#endif
