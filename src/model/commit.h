/* SPDX-License-Identifier: MIT
 *
 * The commit that came out of a run: the four git_commit_* fields, which go together.
 */
#ifndef MODEL_COMMIT_H
#define MODEL_COMMIT_H

#include <stdbool.h>

#include "model/run_fields.h"

#define COMMIT_HASH_CHARS_MIN 7
#define COMMIT_HASH_CHARS_MAX 40

#define COMMIT_FIELDS                                                        \
    (FIELD_BIT(FIELD_git_commit_hash) | FIELD_BIT(FIELD_git_commit_source) | \
     FIELD_BIT(FIELD_git_commit_author) | FIELD_BIT(FIELD_git_commit_timestamp))

#define COMMIT_FIELDS_REQUIRED \
    (FIELD_BIT(FIELD_git_commit_hash) | FIELD_BIT(FIELD_git_commit_source))

/* What a request about a commit calls them. */
struct commit_member {
    const char *name;
    int field;
};

#define COMMIT_MEMBER_COUNT 4
extern const struct commit_member commit_members[COMMIT_MEMBER_COUNT];

/* Has it as many characters as a hash may have? */
bool commit_hash_fits(const char *hash);

#endif
