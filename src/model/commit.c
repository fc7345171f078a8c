/* SPDX-License-Identifier: MIT */
#include "model/commit.h"

const struct commit_member commit_members[COMMIT_MEMBER_COUNT] = {
    {"commit_hash", FIELD_git_commit_hash},
    {"commit_source", FIELD_git_commit_source},
    {"commit_author", FIELD_git_commit_author},
    {"commit_timestamp", FIELD_git_commit_timestamp},
};

static size_t count_chars(const char *text)
{
    size_t count = 0;

    for (; *text; text++)
        count += ((unsigned char)*text & 0xc0) != 0x80;
    return count;
}

bool commit_hash_fits(const char *hash)
{
    size_t length = count_chars(hash);

    return length >= COMMIT_HASH_CHARS_MIN && length <= COMMIT_HASH_CHARS_MAX;
}
