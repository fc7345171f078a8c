/* SPDX-License-Identifier: MIT
 *
 * All faults of one request, collected so that the sender learns of them at once (422).
 */
#ifndef HTTP_FAULTS_H
#define HTTP_FAULTS_H

#include "http/exchange.h"

#define FAULTS_MAX 1000

struct faults {
    struct strbuf list; /* {"loc": [...], "msg": ..., "type": ...}, ... */
    size_t count;
};

#define FAULTS() ((struct faults){.list = STRBUF((size_t)1024 * 1024)})

void faults_clear(struct faults *faults);

/* Add a fault of `name` (NULL: of the whole) in "body", "query" or "path". */
void faults_add(struct faults *faults, const char *where, const char *name, const char *message);

/* Add a fault of an item of the array that is the body, or is called `list` in it. */
void faults_add_item(struct faults *faults, const char *list, size_t index, const char *message);

/* Answer 422 with all of them. */
void faults_answer(const struct faults *faults, struct exchange *exchange);

#endif
